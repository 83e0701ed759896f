// What is watched, and what is expected of it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "alerts/alert.h"

namespace ct::alerts {

enum class WatchKind : std::uint8_t {
  kSubtree,       // "example.com": the name and all below it
  kExact,         // "=example.com"
  kIp,            // "192.0.2.0/24", "2001:db8::1"
  kEmail,         // "@example.com": addresses there and below
  kOrganization,  // "org:Example Ltd"
};

struct Watch {
  std::string id;
  WatchKind kind = WatchKind::kSubtree;
  // Canonical: a host of x509/names.h, "address/length", a canonical
  // organisation. Unique together with `kind`.
  std::string value;
  std::string pattern;  // for people and for `watch remove`: "=example.com"
  std::vector<std::string> tags;
  // Issuers whose certificates are expected: "Let's Encrypt" (an organisation
  // or common name), a DN ("C=US, O=…"), or "spki:<64 hex>".
  std::vector<std::string> allowed_issuers;
  std::vector<Hash> allowed_spkis;     // SHA-256 of subject keys known as ours
  std::chrono::milliseconds grace{0};  // time to register a certificate before
                                       // anybody is told
  std::string note;
  std::string source;  // "cli", or the name given to `watch apply`
  Millis created = 0;
  // Of the watches, when this one was added: entries matched at this
  // generation or a later one were looked through for it.
  std::int64_t generation = 0;
};

// A certificate announced by its owner.
struct Expectation {
  enum class Kind : std::uint8_t {
    kTbs,   // tbs_sha256: this issuance
    kSpki,  // from a CSR: this key, for these names
  };
  std::string id;
  Kind kind = Kind::kTbs;
  Hash value{};
  std::vector<std::string> names;  // canonical; kSpki: certificates may name
                                   // these only; empty: any
  std::string note;
  Millis created = 0;
};

// A match, judged, on its way into the database.
struct Finding {
  Alert alert;  // id, severity, kind, texts, certificate; state kOpen or
                // kExpected; one sighting, or none for log alerts
  std::chrono::milliseconds grace{0};
};

}  // namespace ct::alerts
