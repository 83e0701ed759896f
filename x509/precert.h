// The precertificate rules of RFC 6962, sections 3.1 and 3.2.
#pragma once

#include "x509/certificate.h"

namespace ct::x509 {

// The TBSCertificate that a log hashes and an SCT covers: without the poison
// and without the SCT list, DER lengths rebuilt, other extensions in order.
[[nodiscard]] Result<Bytes> log_tbs(const Certificate& certificate);

// The same when the precertificate was signed by a precert-signing CA: its
// issuer becomes the signing CA's issuer, and its authority key id the
// signing CA's (replaced, dropped or appended as needed).
[[nodiscard]] Result<Bytes> log_tbs(const Certificate& precertificate,
                                    const Certificate& precert_signing_ca);

// The bulk path to the two things that SCTs are checked with, without decoding
// the rest: log_tbs of parse_certificate's result, and its sct_list. nullopt:
// it has none that can be read.
[[nodiscard]] Result<Bytes> log_tbs(ByteView certificate);
[[nodiscard]] std::optional<ByteView> find_sct_list(ByteView certificate);

// SHA-256 of log_tbs: a precertificate and its final certificate share it, so
// it names the issuance.
[[nodiscard]] Result<Hash> tbs_sha256(const Certificate& certificate);

[[nodiscard]] Hash spki_sha256(const Certificate& certificate);

}  // namespace ct::x509
