#include "monitor/network.h"

#include <charconv>

#include "monitor/readings.h"

namespace ct::monitor {

Result<Network> parse_network(std::string_view typed) {
  const auto slash = typed.find('/');
  auto ip = x509::parse_ip(typed.substr(0, slash));
  if (!ip) {
    return fail(Errc::kUsage,
                "not a host name, an address or a network; for a URL give its "
                "host alone");
  }
  unsigned length = ip->size * 8u;
  if (slash != std::string_view::npos) {
    const std::string_view digits = typed.substr(slash + 1);
    const char* const end = digits.data() + digits.size();
    const auto parsed = std::from_chars(digits.data(), end, length);
    if (digits.empty() || parsed.ec != std::errc() || parsed.ptr != end ||
        length > ip->size * 8u) {
      return fail(Errc::kUsage, "the prefix length goes from 0 to " +
                                    std::to_string(ip->size * 8));
    }
  }
  if (const auto v4 = unmapped(*ip); v4.size != ip->size && length >= 96) {
    ip = v4;
    length -= 96;
  }
  const std::string network = network_text(*ip, length);
  if (network != x509::format_ip(*ip) + '/' + std::to_string(length)) {
    return fail(Errc::kUsage, "bits behind the prefix are set; did you mean " +
                                  network + "?");
  }
  return Network{*ip, length};
}

}  // namespace ct::monitor
