// Names as a monitor compares them: looser than a browser, so that nothing a
// victim would recognise as his name slips by in an odd spelling.
//
// The canonical form of a host name is lower-case A-labels without a trailing
// dot. It may start with "*." and may hold "?" or "*" inside a label.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "x509/certificate.h"

namespace ct::x509 {

// True for a name that is canonical as it stands: [a-z0-9._-*] labels, no
// trailing dot. Nearly all names in logs are; the bulk path tests this first.
[[nodiscard]] bool is_canonical_host(std::string_view name);

// All readings of a host name found in a certificate: without white space,
// scheme, port and path; the part before a NUL as well as the whole; raw
// UTF-8 and Latin-1 as A-labels; an undecodable label as "?". Usually one,
// seldom two or three, none for an empty string.
[[nodiscard]] std::vector<std::string> host_readings(ByteView raw);

// The host of a URI; nullopt if there is none.
[[nodiscard]] std::optional<std::string> uri_host(ByteView uri);

// The canonical form of a name a user typed (U-labels or A-labels).
// kUsage: not a host name.
[[nodiscard]] Result<std::string> canonical_host(std::string_view typed);

// For people: A-labels shown as U-labels beside the original, if they differ.
[[nodiscard]] std::string display_host(std::string_view canonical);

// The public suffix rules of the Public Suffix List (ICANN and private part).
[[nodiscard]] bool is_public_suffix(std::string_view canonical);
// "example.co.uk" of "a.b.example.co.uk"; "" for a public suffix.
[[nodiscard]] std::string registrable_domain(std::string_view canonical);

// 4 or 16 octets.
struct IpAddress {
  std::array<std::uint8_t, 16> octets{};
  std::uint8_t size = 0;  // 4 or 16
};
[[nodiscard]] std::optional<IpAddress> parse_ip(std::string_view text);
[[nodiscard]] std::optional<IpAddress> ip_from_octets(ByteView octets);
[[nodiscard]] std::string format_ip(const IpAddress& ip);

// Case-folded, white space collapsed: "Example Ltd" = "EXAMPLE  LTD".
[[nodiscard]] std::string canonical_organization(std::string_view utf8);

// For certificates that do not parse: every run of bytes that could be a host
// name, in ASCII, UTF-8, UTF-16 or UTF-32, with the runs' ends trimmed in all
// ways in which DER's own bytes could have run into them. Bounded: at most
// 4,096 candidates are given.
[[nodiscard]] std::vector<std::string> names_in_bytes(ByteView bytes);

}  // namespace ct::x509
