// Everything we read in a certificate, for `ctvigil inspect`.
#pragma once

#include <string>

#include "monitor/judge.h"

namespace ct::monitor {

// A certificate and what is known of it beyond its own fields.
struct Inspection {
  const x509::Certificate& certificate;
  const alerts::CertificateFacts& facts;
};

// A JSON object, indented. Documented in the README; only ever added to.
[[nodiscard]] std::string inspection_json(const Inspection& inspection);

// For people; hostile text is made visible.
[[nodiscard]] std::string inspection_text(const Inspection& inspection);

}  // namespace ct::monitor
