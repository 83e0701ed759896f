// Issuers as people write them down, compared with issuers as certificates
// name them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ct::monitor {

// Who issued a certificate, as far as it is known.
struct Issuer {
  ByteView name;             // DN, DER
  std::optional<Hash> spki;  // only if proven
};

// Whether `declared`, of a watch's list, means this issuer: its organisation
// or common name ("Let's Encrypt", "R11"), its DN ("C=US, O=…") or the hash of
// its key ("spki:" and 64 hex digits). Names are compared as a whole, but
// "DigiCert" is "DigiCert, Inc." too: case, punctuation and the words for a
// company's legal form do not count.
//
// Names are what a CA chose to write; only the key proves who it was.
[[nodiscard]] bool is_issuer(std::string_view declared, const Issuer& issuer);

// The same for a DN as text (x509::format_name), which is what history keeps.
[[nodiscard]] bool is_issuer(std::string_view declared,
                             const std::string& formatted_name,
                             const std::optional<Hash>& spki);

// Why `declared` can never be meant for an issuer; nullopt: it can.
[[nodiscard]] std::optional<std::string> issuer_problem(
    std::string_view declared);

}  // namespace ct::monitor
