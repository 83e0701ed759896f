// BulkVerifier: SCT signatures by the million.
//
// libcrypto verifies some twenty-five times as fast as mbedTLS, which LogKey
// uses. Here it serves where one log's SCTs come in bulk; its word alone raises
// no alert. On every signature both give the same verdict.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "ctlog/sct.h"

namespace ct::ctlog {

// What the SCTs embedded in one certificate sign (RFC 6962, section 3.2),
// built once for all of them. For one thread at a time; reuse it for the next
// certificate to spare its memory being allocated again.
class SignedPrecert {
 public:
  // `tbs`: without poison and SCT list. kMalformed: 2^24 bytes or more.
  [[nodiscard]] Result<void> assign(const Hash& issuer_key_hash, ByteView tbs);

  // SHA-256 of what this SCT signs; after assign().
  [[nodiscard]] Hash digest(const SignedCertificateTimestamp& sct);

 private:
  Bytes bytes_;
  std::size_t fixed_ = 0;  // up to the extensions
};

class BulkVerifier {
 public:
  // kInternal: libcrypto does not take the key.
  [[nodiscard]] static Result<BulkVerifier> from_key(const LogKey& key);

  // As verify_sct of ctlog/sct.h, with the same codes. Safe from any thread,
  // and side by side.
  [[nodiscard]] Result<void> verify(const SignedCertificateTimestamp& sct,
                                    SignedPrecert& entry) const;

  // The same for any signature of the log's: LogKey::verify, but for the
  // hashing.
  [[nodiscard]] Result<void> verify_digest(const Hash& sha256,
                                           ByteView digitally_signed) const;

 private:
  struct Impl;
  explicit BulkVerifier(std::shared_ptr<const Impl> impl)
      : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;  // shared: immutable, cheap to copy
};

}  // namespace ct::ctlog
