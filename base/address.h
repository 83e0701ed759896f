// Which IP addresses lie in the public Internet.
#pragma once

#include "base/bytes.h"

namespace ct {

// True for what no service of the public Internet has: loopback, private,
// shared (CGNAT), link-local, unique local, documentation, benchmarking,
// multicast, reserved and unspecified addresses, also where they are embedded
// in an IPv6 address; and for anything that is not 4 or 16 bytes long.
[[nodiscard]] bool is_private_address(ByteView address);

}  // namespace ct
