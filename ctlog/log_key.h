// LogKey: a log's public key, and the signatures it makes.
//
// ECDSA on P-256 or RSA of 2048 bits and more with PKCS#1 v1.5, SHA-256 in
// both cases (RFC 6962, section 2.1.4). Verified by mbedTLS.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace ct::ctlog {

class LogKey {
 public:
  // From a DER SubjectPublicKeyInfo. kMalformed: not a key of either kind.
  [[nodiscard]] static Result<LogKey> from_spki(ByteView spki);

  // SHA-256 of the SubjectPublicKeyInfo (RFC 6962, section 3.2).
  [[nodiscard]] const Hash& log_id() const;
  [[nodiscard]] ByteView spki() const;

  // `digitally_signed` is TLS's struct: hash algorithm 4, signature algorithm
  // 3 (ECDSA) or 1 (RSA), u16 length, signature; nothing may follow.
  //
  // kMalformed: not such a struct, or of an algorithm other than the key's
  // kUntrusted: the signature does not hold
  //
  // What mbedTLS lets pass: an ECDSA signature in BER, its lengths not in the
  // shortest form or its integers without the leading zero, counts as the DER
  // it stands for. Nobody can forge by it, but one signature has several
  // encodings: never compare signatures to tell whether heads are equal.
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
