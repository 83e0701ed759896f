// SigningKey: a key pair of the demo's and the tests' own.
//
// This folder plays the other side, a CA and its logs; nothing the monitor
// believes comes from here. What can fail is memory and randomness alone, so
// these functions throw std::runtime_error and return plain values.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace ct::monitor::demo {

// Immutable and cheap to copy; safe from any thread.
class SigningKey {
 public:
  enum class Kind { kP256, kRsa2048, kEd25519 };
  [[nodiscard]] static SigningKey generate(Kind kind = Kind::kP256);

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] ByteView spki() const;  // DER SubjectPublicKeyInfo
  // SHA-256 of spki(): a log's id, an issuer's key hash.
  [[nodiscard]] const Hash& spki_sha256() const;
  // The last 32 bytes of spki(): an Ed25519 key by itself.
  [[nodiscard]] ByteView raw_ed25519() const;
  [[nodiscard]] std::string private_pem() const;  // PKCS #8

  // ECDSA (DER) or RSA PKCS#1 v1.5, both with SHA-256; or Ed25519.
  [[nodiscard]] Bytes sign(ByteView message) const;
  // The same as TLS's digitally-signed struct, which CT uses everywhere.
  [[nodiscard]] Bytes digitally_sign(ByteView message) const;
  // DER AlgorithmIdentifier of what sign() makes, for certificates.
  [[nodiscard]] Bytes algorithm() const;

 private:
  struct Impl;
  explicit SigningKey(std::shared_ptr<const Impl> impl)
      : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;  // shared: immutable, copied freely
};

}  // namespace ct::monitor::demo
