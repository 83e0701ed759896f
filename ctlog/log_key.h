// LogKey: a log's public key, and the signatures it makes.
//
// ECDSA on P-256 or RSA of 2048 bits and more with PKCS#1 v1.5, SHA-256 in
// both cases (RFC 6962, section 2.1.4). Verified by mbedTLS.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "ctlog/digitally_signed.h"

namespace ct::ctlog {

class LogKey {
 public:
  // From a DER SubjectPublicKeyInfo. kMalformed: not a key of either kind.
  [[nodiscard]] static Result<LogKey> from_spki(ByteView spki);

  // SHA-256 of the SubjectPublicKeyInfo (RFC 6962, section 3.2).
  [[nodiscard]] const Hash& log_id() const;
  [[nodiscard]] ByteView spki() const;
  [[nodiscard]] SignatureAlgorithm algorithm() const;

  // `digitally_signed` is TLS's struct. Codes as open_digitally_signed, and
  // kUntrusted: the signature does not hold.
  //
  // Whoever has a signature (r, s) can make another of it, (r, n - s): never
  // compare signatures to tell whether heads are equal.
  //
  // Safe from any thread; calls for one key run one after the other.
  [[nodiscard]] Result<void> verify(ByteView message,
                                    ByteView digitally_signed) const;

 private:
  struct Impl;
  explicit LogKey(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;  // shared: immutable, cheap to copy
};

}  // namespace ct::ctlog
