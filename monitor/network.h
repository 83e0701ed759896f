// IP networks as people type them.
#pragma once

#include <string_view>

#include "base/result.h"
#include "x509/names.h"

namespace ct::monitor {

struct Network {
  x509::IpAddress address;
  unsigned length = 0;  // of the prefix; the bits behind it are zero
};

// "192.0.2.0/24", "2001:db8::1". IPv4 within IPv6 is taken as IPv4, for
// certificates hold the same address in either form. kUsage: what is wrong,
// as the rest of a sentence.
[[nodiscard]] Result<Network> parse_network(std::string_view typed);

}  // namespace ct::monitor
