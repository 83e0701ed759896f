// What tests of certificates need again and again.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/hex.h"
#include "x509/certificate.h"

namespace ct::x509 {

class Sink : public NameSink {
 public:
  void name(const Name& n) override { names.push_back(n); }
  std::vector<Name> names;
};

inline std::vector<std::string> shown(const std::vector<Name>& names) {
  std::vector<std::string> out;
  for (const Name& n : names) {
    const bool octets = n.kind == NameKind::kIp ||
                        n.kind == NameKind::kDirectory ||
                        n.kind == NameKind::kOtherName;
    out.push_back(std::string(to_string(n.kind)) + ":" +
                  (octets ? to_hex(n.value) : std::string(as_text(n.value))));
  }
  return out;
}

inline bool has_oddity(const Certificate& c, std::string_view phrase) {
  return std::ranges::find(c.oddities, phrase) != c.oddities.end();
}

}  // namespace ct::x509
