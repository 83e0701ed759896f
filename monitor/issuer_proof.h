// Whether a certificate was signed by whom it says.
#pragma once

#include "x509/certificate.h"

namespace ct::monitor {

// The chain beside a log entry is nobody's word. It counts only where its
// first certificate's key verifies the signature.
enum class IssuerProof {
  kProven,
  kRefuted,      // another name, or the signature does not hold
  kUnsupported,  // an algorithm that mbedTLS does not know
};

// RSA (PKCS#1 v1.5, PSS) and ECDSA, with SHA-2; SHA-1 proves nothing any more.
// Validity and extensions are not looked at.
[[nodiscard]] IssuerProof prove_issuer(const x509::Certificate& certificate,
                                       const x509::Certificate& issuer);

}  // namespace ct::monitor
