// What a name in a certificate may be read as: hosts, mail addresses, IP
// addresses, an organisation. Certificates put names into wrong fields, so
// every field is read in every way a victim might.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "x509/certificate.h"
#include "x509/names.h"

namespace ct::monitor {

// The name as it stands, if it is a canonical host name and can be nothing
// else than a host or an IPv4 address. Most are. Allocates nothing.
[[nodiscard]] std::optional<std::string_view> plain_host(
    const x509::Name& name);

// Canonical host names. Not those of mail addresses.
[[nodiscard]] std::vector<std::string> all_host_readings(
    const x509::Name& name);

struct MailAddress {
  std::string address;  // for display
  std::string domain;   // canonical
};
[[nodiscard]] std::vector<MailAddress> mail_readings(const x509::Name& name);

// IPv4 addresses within IPv6 ones are given as IPv4.
[[nodiscard]] std::vector<x509::IpAddress> ip_readings(const x509::Name& name);

// Canonical (x509::canonical_organization).
[[nodiscard]] std::optional<std::string> organization_reading(
    const x509::Name& name);

// Whether text could be the literal of an IP address.
[[nodiscard]] bool looks_like_ip(std::string_view text);

// The network of `ip` of that prefix length: "192.0.2.0/24".
[[nodiscard]] std::string network_text(x509::IpAddress ip, unsigned length);

// ::ffff:192.0.2.1 → 192.0.2.1; anything else as it is.
[[nodiscard]] x509::IpAddress unmapped(const x509::IpAddress& ip);

}  // namespace ct::monitor
