#include "monitor/issuers.h"

#include <algorithm>
#include <array>

#include "base/hex.h"
#include "x509/certificate.h"
#include "x509/names.h"

namespace ct::monitor {
namespace {

constexpr std::string_view kSpkiPrefix = "spki:";

constexpr std::array<std::string_view, 19> kLegalForms = {
    "inc",  "incorporated", "llc",  "ltd", "limited", "gmbh", "ag",
    "corp", "corporation",  "co",   "plc", "bv",      "nv",   "sa",
    "srl",  "spa",          "sarl", "sas", "ab"};

// Apostrophes vanish ("Let's", "Let’s"); other punctuation separates words,
// but for the dots of "S.p.A.".
std::string without_punctuation(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i).starts_with("\xe2\x80\x99")) {  // U+2019
      i += 2;
    } else if (text[i] == '\'' || text[i] == '`' || text[i] == '.') {
      continue;
    } else if (text[i] == ',' || text[i] == '"') {
      out += ' ';
    } else {
      out += text[i];
    }
  }
  return out;
}

// As people say it: "DigiCert, Inc." → "digicert". Never empty unless `text`
// holds nothing but punctuation.
std::string spoken(std::string_view text) {
  std::string name = x509::canonical_organization(without_punctuation(text));
  for (;;) {
    const auto space = name.rfind(' ');
    if (space == std::string::npos) return name;
    const std::string_view last = std::string_view(name).substr(space + 1);
    if (std::ranges::find(kLegalForms, last) == kLegalForms.end()) return name;
    name.resize(space);
  }
}

}  // namespace

bool is_issuer(std::string_view declared, const Issuer& issuer) {
  return is_issuer(declared, x509::format_name(issuer.name), issuer.spki);
}

bool is_issuer(std::string_view declared, const std::string& formatted_name,
               const std::optional<Hash>& spki) {
  if (declared.starts_with(kSpkiPrefix)) {
    const auto hash = hash_from_hex(declared.substr(kSpkiPrefix.size()));
    return hash && spki && *hash == *spki;
  }
  const std::string wanted = spoken(declared);
  if (wanted.empty()) return false;
  return wanted == spoken(x509::attribute_of(formatted_name, "O")) ||
         wanted == spoken(x509::attribute_of(formatted_name, "CN")) ||
         x509::canonical_organization(declared) ==
             x509::canonical_organization(formatted_name);
}

std::optional<std::string> issuer_problem(std::string_view declared) {
  if (declared.starts_with(kSpkiPrefix)) {
    if (hash_from_hex(declared.substr(kSpkiPrefix.size()))) return std::nullopt;
    return "\"spki:\" must be followed by the 64 hex digits of the SHA-256 of "
           "the issuer's SubjectPublicKeyInfo";
  }
  if (spoken(declared).empty()) {
    return "give an issuer's organisation or common name, as in \"Let's "
           "Encrypt\", its DN, or \"spki:\" and the SHA-256 of its key";
  }
  return std::nullopt;
}

}  // namespace ct::monitor
