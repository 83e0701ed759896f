// PKCS #10 certification requests, as far as an expectation needs them.
#pragma once

#include "x509/certificate.h"

namespace ct::x509 {

struct CertificationRequest {
  ByteView subject;
  PublicKeyInfo key;
  std::vector<Name> names;  // requested SAN, then the subject's
};
[[nodiscard]] Result<CertificationRequest> parse_csr(ByteView der);

}  // namespace ct::x509
