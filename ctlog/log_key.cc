#include "ctlog/log_key.h"

#include <mbedtls/pk.h>

#include <algorithm>
#include <mutex>

#include "base/sha256.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMinRsaBits = 2048;

// What precedes the point in every SubjectPublicKeyInfo of a P-256 key:
// SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING, and the
// mark of an uncompressed point. Compared instead of asking mbedTLS for the
// curve, for which versions 2 and 3 have no common way.
constexpr std::uint8_t kP256Prefix[] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};

}  // namespace

struct LogKey::Impl {
  Impl() { mbedtls_pk_init(&pk); }
  ~Impl() { mbedtls_pk_free(&pk); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Constant after from_spki.
  Bytes spki;
  Hash log_id{};
  SignatureAlgorithm algorithm = SignatureAlgorithm::kEcdsa;

  // mbedTLS caches a table of the generator's multiples in an EC context, and
  // a Montgomery constant in an RSA one, without a lock of its own for the
  // former.
  mutable std::mutex mutex;
  mutable mbedtls_pk_context pk;  // guarded by mutex
};

Result<LogKey> LogKey::from_spki(ByteView spki) {
  const auto impl = std::make_shared<Impl>();
  impl->spki.assign(spki.begin(), spki.end());
  impl->log_id = sha256(spki);

  unsigned char* p = impl->spki.data();
  const unsigned char* const end = p + impl->spki.size();
  if (mbedtls_pk_parse_subpubkey(&p, end, &impl->pk) != 0 || p != end) {
    return fail(Errc::kMalformed,
                "log key: not the SubjectPublicKeyInfo of an EC or RSA key");
  }
  switch (mbedtls_pk_get_type(&impl->pk)) {
    case MBEDTLS_PK_ECKEY:
      if (!std::ranges::equal(
              spki.first(std::min(spki.size(), std::size(kP256Prefix))),
              kP256Prefix)) {
        return fail(Errc::kMalformed, "log key: an EC key not on P-256");
      }
      impl->algorithm = SignatureAlgorithm::kEcdsa;
      break;
    case MBEDTLS_PK_RSA: {
      const std::size_t bits = mbedtls_pk_get_bitlen(&impl->pk);
      if (bits < kMinRsaBits) {
        return fail(Errc::kMalformed, "log key: an RSA key of only " +
                                          std::to_string(bits) + " bits");
      }
      impl->algorithm = SignatureAlgorithm::kRsa;
      break;
    }
    default:
      return fail(Errc::kMalformed, "log key: neither ECDSA nor RSA");
  }
  return LogKey(impl);
}

const Hash& LogKey::log_id() const { return impl_->log_id; }

ByteView LogKey::spki() const { return impl_->spki; }

SignatureAlgorithm LogKey::algorithm() const { return impl_->algorithm; }

Result<void> LogKey::verify(ByteView message, ByteView digitally_signed) const {
  const auto signature =
      open_digitally_signed(digitally_signed, impl_->algorithm);
  if (!signature) return tl::unexpected<Error>(signature.error());
  const Hash digest = sha256(message);
  const std::lock_guard lock(impl_->mutex);
  if (mbedtls_pk_verify(&impl_->pk, MBEDTLS_MD_SHA256, digest.data(),
                        digest.size(), signature->data(),
                        signature->size()) != 0) {
    return fail(Errc::kUntrusted, "signature: does not hold for the log's key");
  }
  return {};
}

}  // namespace ct::ctlog
