#include "ctlog/bulk_verifier.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <mutex>
#include <vector>

#include "base/sha256.h"

namespace ct::ctlog {
namespace {

// version v1(0), signature_type certificate_timestamp(0), before the time.
constexpr std::size_t kTimestampAt = 2;
constexpr std::size_t kTimestampWidth = 8;
constexpr std::size_t kMaxTbs = (1u << 24) - 1;
constexpr std::size_t kMaxExtensions = (1u << 16) - 1;

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextPtr = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;

ContextPtr make_context(EVP_PKEY* key, SignatureAlgorithm algorithm) {
  ContextPtr ctx(EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  const bool good =
      ctx != nullptr && EVP_PKEY_verify_init(ctx.get()) == 1 &&
      (algorithm != SignatureAlgorithm::kRsa ||
       EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_PADDING) == 1) &&
      EVP_PKEY_CTX_set_signature_md(ctx.get(), EVP_sha256()) == 1;
  if (!good) ctx.reset();
  return ctx;
}

}  // namespace

Result<void> SignedPrecert::assign(const Hash& issuer_key_hash, ByteView tbs) {
  if (tbs.size() > kMaxTbs) {
    return fail(Errc::kMalformed, "SCT: over more bytes than a leaf can hold");
  }
  bytes_.clear();
  put_uint(bytes_, 0, kTimestampAt);
  put_uint(bytes_, 0, kTimestampWidth);
  put_uint(bytes_, static_cast<std::uint64_t>(EntryType::kPrecert), 2);
  put_bytes(bytes_, issuer_key_hash);
  put_uint(bytes_, tbs.size(), 3);
  put_bytes(bytes_, tbs);
  fixed_ = bytes_.size();
  return {};
}

Hash SignedPrecert::digest(const SignedCertificateTimestamp& sct) {
  const auto time = static_cast<std::uint64_t>(sct.timestamp);
  for (std::size_t i = 0; i < kTimestampWidth; ++i) {
    bytes_[kTimestampAt + i] =
        static_cast<std::uint8_t>(time >> (8 * (kTimestampWidth - 1 - i)));
  }
  bytes_.resize(fixed_);
  put_uint(bytes_, sct.extensions.size(), 2);
  put_bytes(bytes_, sct.extensions);
  return sha256(bytes_);
}

// A context serves one call at a time, and takes longer to make than a
// signature takes to verify; so they are kept, as many as were ever needed at
// once.
struct BulkVerifier::Impl {
  class Loan {
   public:
    explicit Loan(const Impl& from) : from_(from), context_(from.take()) {}
    ~Loan() {
      if (context_ != nullptr) from_.give_back(std::move(context_));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    [[nodiscard]] EVP_PKEY_CTX* get() const { return context_.get(); }

   private:
    const Impl& from_;
    ContextPtr context_;
  };

  Impl(const LogKey& log_key, KeyPtr parsed)
      : log_id(log_key.log_id()),
        algorithm(log_key.algorithm()),
        key(std::move(parsed)) {}

  [[nodiscard]] ContextPtr take() const {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        ContextPtr ctx = std::move(idle.back());
        idle.pop_back();
        return ctx;
      }
    }
    return make_context(key.get(), algorithm);
  }
  void give_back(ContextPtr ctx) const {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(ctx));
  }

  // Constant after construction.
  const Hash log_id;
  const SignatureAlgorithm algorithm;
  const KeyPtr key;

  mutable std::mutex mutex;
  mutable std::vector<ContextPtr> idle;  // guarded by mutex
};

Result<BulkVerifier> BulkVerifier::from_key(const LogKey& key) {
  const ByteView spki = key.spki();
  const unsigned char* p = spki.data();
  KeyPtr parsed(d2i_PUBKEY(nullptr, &p, static_cast<long>(spki.size())),
                EVP_PKEY_free);
  const bool good = parsed != nullptr &&
                    make_context(parsed.get(), key.algorithm()) != nullptr;
  ERR_clear_error();
  if (!good) {
    return fail(Errc::kInternal, "log key: libcrypto does not take it");
  }
  return BulkVerifier(std::make_shared<const Impl>(key, std::move(parsed)));
}

Result<void> BulkVerifier::verify(const SignedCertificateTimestamp& sct,
                                  SignedPrecert& entry) const {
  if (sct.log_id != impl_->log_id) {
    return fail(Errc::kMalformed, "SCT: by another log");
  }
  if (sct.extensions.size() > kMaxExtensions) {
    return fail(Errc::kMalformed, "SCT: over more bytes than a leaf can hold");
  }
  return verify_digest(entry.digest(sct), sct.signature);
}

Result<void> BulkVerifier::verify_digest(const Hash& sha256,
                                         ByteView digitally_signed) const {
  const auto signature =
      open_digitally_signed(digitally_signed, impl_->algorithm);
  if (!signature) return tl::unexpected<Error>(signature.error());
  const Impl::Loan context(*impl_);
  if (context.get() == nullptr) {
    ERR_clear_error();
    return fail(Errc::kInternal, "signature: libcrypto lacks memory");
  }
  const bool holds =
      EVP_PKEY_verify(context.get(), signature->data(), signature->size(),
                      sha256.data(), sha256.size()) == 1;
  if (holds) return {};
  // It says why on a queue of the thread's, which would only grow.
  ERR_clear_error();
  return fail(Errc::kUntrusted, "signature: does not hold for the log's key");
}

}  // namespace ct::ctlog
