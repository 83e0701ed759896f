// What history can be asked for.
//
// A term finds certificates in two steps that must agree: the stretches of the
// domain index that can hold what it means (key_ranges), which may hold more,
// and the exact answer from the names of what was found there (means).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "x509/names.h"

namespace ct::sql {

struct HistoryTerm {
  enum class Kind : std::uint8_t {
    // By name; `text` is canonical.
    kBelow,       // "example.com": the host, its wildcards, all below it
    kExact,       // "www.example.com", "*.example.com": that very name
    kPattern,     // "api.*.example.com": "*" and "%" are any characters
    kPart,        // "part": anywhere within a name
    kNetwork,     // `network` and `prefix`: addresses in it
    kMail,        // "me@example.com"
    kMailDomain,  // "example.com": addresses there and below
    // By another field, as a whole.
    kSha256,        // `hash` of the certificate
    kSpki,          // `hash` of its key
    kSerial,        // `text`: lower-case hex
    kOrganization,  // `text`: the subject's, any case
    kIssuer,        // `text`: part of its DN, any case
    kIssuerKey,     // `hash` of its key
  };
  Kind kind = Kind::kBelow;
  std::string text;
  x509::IpAddress network;
  unsigned prefix = 0;
  Hash hash{};

  [[nodiscard]] bool is_name() const { return kind <= Kind::kMailDomain; }
};

// Keys of domains from `begin` to before `end`, as history.domain has them.
struct KeyRange {
  std::string begin, end;
  // Of a single key, far above what is meant: only certificates whose names
  // hold this text are of interest, mostly few of many. "": all are.
  std::string label = {};
  friend bool operator==(const KeyRange&, const KeyRange&) = default;
};

// Where certificates that a term by name means have a root. Empty if they may
// be anywhere: a part, or a pattern without a literal end.
[[nodiscard]] std::vector<KeyRange> key_ranges(const HistoryTerm& term);

// Whether a name of a certificate, canonical, is meant by a term by name.
[[nodiscard]] bool means(const HistoryTerm& term, std::string_view name);

// "*" and "%" stand for any characters, none too.
[[nodiscard]] bool fits_pattern(std::string_view pattern,
                                std::string_view name);
// The labels behind the last one with a wildcard: "example.com" of
// "api.*.example.com".
[[nodiscard]] std::string_view literal_end(std::string_view pattern);
// The longest stretch of a pattern or part without dots, "@" and wildcards: it
// lies within a label, however a name is written down.
[[nodiscard]] std::string_view longest_literal(std::string_view text);

}  // namespace ct::sql
