// Whether a submitted precertificate is the one whose TBS a log hashed.
#pragma once

#include <optional>
#include <string>

#include "x509/certificate.h"

namespace ct::monitor {

// nullopt: it belongs. Otherwise the part that differs. The issuer and the
// authority key id may differ, because a precert-signing CA may have signed
// it (RFC 6962, section 3.1), and the poison is only in the precertificate.
[[nodiscard]] std::optional<std::string> precert_difference(
    const x509::Certificate& precertificate, const x509::Certificate& logged);

}  // namespace ct::monitor
