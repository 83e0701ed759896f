#include "monitor/demo/signing_key.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdexcept>

#include "base/sha256.h"
#include "x509/der.h"
#include "x509/der_writer.h"

namespace ct::monitor::demo {
namespace {

struct FreePkey {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
struct FreeBio {
  void operator()(BIO* p) const { BIO_free(p); }
};

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("libcrypto: ") + what);
}

EVP_PKEY* make_key(SigningKey::Kind kind) {
  switch (kind) {
    case SigningKey::Kind::kP256:
      return EVP_EC_gen("P-256");
    case SigningKey::Kind::kRsa2048:
      return EVP_RSA_gen(2048);
    case SigningKey::Kind::kEd25519:
      return EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  return nullptr;
}

}  // namespace

struct SigningKey::Impl {
  Kind kind;
  std::unique_ptr<EVP_PKEY, FreePkey> key;
  Bytes spki;
  Hash spki_sha256{};
};

SigningKey SigningKey::generate(Kind kind) {
  auto impl = std::make_shared<Impl>();
  impl->kind = kind;
  impl->key.reset(make_key(kind));
  require(impl->key != nullptr, "no key made");

  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(impl->key.get(), &der);
  require(size > 0, "public key not encoded");
  impl->spki.assign(der, der + size);
  OPENSSL_free(der);
  impl->spki_sha256 = sha256(impl->spki);
  return SigningKey(std::move(impl));
}

SigningKey::Kind SigningKey::kind() const { return impl_->kind; }
ByteView SigningKey::spki() const { return impl_->spki; }
const Hash& SigningKey::spki_sha256() const { return impl_->spki_sha256; }
ByteView SigningKey::raw_ed25519() const {
  return ByteView(impl_->spki).last(32);
}

std::string SigningKey::private_pem() const {
  const std::unique_ptr<BIO, FreeBio> out(BIO_new(BIO_s_mem()));
  require(out != nullptr &&
              PEM_write_bio_PrivateKey(out.get(), impl_->key.get(), nullptr,
                                       nullptr, 0, nullptr, nullptr) == 1,
          "private key not encoded");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

Bytes SigningKey::sign(ByteView message) const {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  // Ed25519 hashes by itself and wants no digest named.
  const EVP_MD* digest = impl_->kind == Kind::kEd25519 ? nullptr : EVP_sha256();
  require(
      context != nullptr && EVP_DigestSignInit(context.get(), nullptr, digest,
                                               nullptr, impl_->key.get()) == 1,
      "signing not started");
  std::size_t size = 0;
  require(EVP_DigestSign(context.get(), nullptr, &size, message.data(),
                         message.size()) == 1,
          "size of signature unknown");
  Bytes out(size);
  require(EVP_DigestSign(context.get(), out.data(), &size, message.data(),
                         message.size()) == 1,
          "not signed");
  out.resize(size);
  return out;
}

Bytes SigningKey::digitally_sign(ByteView message) const {
  // RFC 5246, section 7.4.1.4.1: hash 4 is SHA-256, signature 1 RSA, 3 ECDSA.
  Bytes out = {
      4, impl_->kind == Kind::kRsa2048 ? std::uint8_t{1} : std::uint8_t{3}};
  const Bytes signature = sign(message);
  put_uint(out, signature.size(), 2);
  put_bytes(out, signature);
  return out;
}

Bytes SigningKey::algorithm() const {
  namespace der = x509::der;
  switch (impl_->kind) {
    case Kind::kP256:  // ecdsa-with-SHA256
      return der::sequence({der::oid("1.2.840.10045.4.3.2")});
    case Kind::kRsa2048:  // sha256WithRSAEncryption
      return der::sequence({der::oid("1.2.840.113549.1.1.11"),
                            der::element(x509::tag::kNull, {})});
    case Kind::kEd25519:
      return der::sequence({der::oid("1.3.101.112")});
  }
  return {};
}

}  // namespace ct::monitor::demo
