#include "monitor/readings.h"

#include <algorithm>

#include "x509/der.h"

namespace ct::monitor {
namespace {

using x509::IpAddress;
using x509::Name;
using x509::NameKind;

// Whether bytes are the text they stand for, if they are ASCII.
bool is_single_byte(std::uint8_t string_tag) {
  return string_tag != x509::tag::kBmpString &&
         string_tag != x509::tag::kUniversalString;
}

// The bytes of a name, those of an ASN.1 string as UTF-8.
std::string text_of(const Name& name) {
  if (name.string_tag != 0) {
    return x509::string_to_utf8(name.string_tag, name.value);
  }
  return std::string(as_text(name.value));
}

bool is_separator(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' ||
         c == ';' || c == '<' || c == '>' || c == '"' || c == '(' || c == ')';
}

// The pieces of a text in which several addresses were written.
std::vector<std::string_view> pieces_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    if (is_separator(text[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && !is_separator(text[end])) ++end;
    out.push_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

std::vector<std::string> hosts_of_uri(ByteView uri) {
  std::vector<std::string> out = x509::host_readings(uri);
  auto host = x509::uri_host(uri);
  if (host && std::find(out.begin(), out.end(), *host) == out.end()) {
    out.push_back(std::move(*host));
  }
  return out;
}

// An address in text, with or without brackets and port.
std::optional<IpAddress> ip_in_text(std::string_view text) {
  if (!looks_like_ip(text)) return std::nullopt;
  if (const auto ip = x509::parse_ip(text)) return unmapped(*ip);
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const auto ip = x509::parse_ip(text.substr(1, end - 1));
    if (ip) return unmapped(*ip);
  }
  return std::nullopt;
}

// iPAddress: octets, or, against the rules, address and mask, or text.
std::vector<IpAddress> ips_of_octets(ByteView value) {
  const bool with_mask = value.size() == 8 || value.size() == 32;
  const ByteView octets = with_mask ? value.first(value.size() / 2) : value;
  std::vector<IpAddress> out;
  if (const auto ip = x509::ip_from_octets(octets))
    out.push_back(unmapped(*ip));
  if (const auto ip = ip_in_text(as_text(value))) out.push_back(*ip);
  return out;
}

}  // namespace

std::optional<std::string_view> plain_host(const Name& name) {
  const bool host_field =
      name.kind == NameKind::kDns ||
      (name.kind == NameKind::kCommonName && is_single_byte(name.string_tag));
  if (!host_field) return std::nullopt;
  const std::string_view text = as_text(name.value);
  if (!x509::is_canonical_host(text)) return std::nullopt;
  return text;
}

std::vector<std::string> all_host_readings(const Name& name) {
  if (const auto host = plain_host(name)) return {std::string(*host)};
  switch (name.kind) {
    case NameKind::kDns:
    case NameKind::kCommonName:
      return x509::host_readings(as_bytes(text_of(name)));
    case NameKind::kUri:
      return hosts_of_uri(name.value);
    case NameKind::kIp:
      // Text in place of octets.
      if (name.value.size() <= 4 || name.value.size() == 16) return {};
      return x509::host_readings(name.value);
    case NameKind::kOtherName:
      return x509::names_in_bytes(name.value);
    case NameKind::kEmail:
    case NameKind::kEmailAttribute:
    case NameKind::kOrganization:
    case NameKind::kDirectory:  // its attributes are names of their own
      return {};
  }
  return {};
}

std::vector<MailAddress> mail_readings(const Name& name) {
  std::vector<MailAddress> out;
  const bool mail_field =
      name.kind == NameKind::kEmail || name.kind == NameKind::kEmailAttribute;
  if (!mail_field && name.kind != NameKind::kCommonName &&
      name.kind != NameKind::kDns && name.kind != NameKind::kUri) {
    if (name.kind != NameKind::kOtherName) return out;
    // Principal names and internationalised mailboxes.
    for (std::string& host : x509::names_in_bytes(name.value)) {
      out.push_back({host, host});
    }
    return out;
  }
  if (plain_host(name) && !mail_field) return out;
  const std::string text = text_of(name);
  for (const std::string_view piece : pieces_of(text)) {
    const auto at = piece.rfind('@');
    if (at == std::string_view::npos && !mail_field) continue;
    const auto domain =
        at == std::string_view::npos ? piece : piece.substr(at + 1);
    for (std::string& d : x509::host_readings(as_bytes(domain))) {
      out.push_back({std::string(piece), std::move(d)});
    }
  }
  return out;
}

std::vector<IpAddress> ip_readings(const Name& name) {
  if (name.kind == NameKind::kIp) return ips_of_octets(name.value);
  if (name.kind != NameKind::kDns && name.kind != NameKind::kCommonName &&
      name.kind != NameKind::kUri) {
    return {};
  }
  const std::string text = text_of(name);
  std::vector<IpAddress> out;
  if (const auto ip = ip_in_text(text)) out.push_back(*ip);
  for (const std::string& host : all_host_readings(name)) {
    if (!out.empty()) break;
    if (const auto ip = ip_in_text(host)) out.push_back(*ip);
  }
  return out;
}

std::optional<std::string> organization_reading(const Name& name) {
  if (name.kind != NameKind::kOrganization) return std::nullopt;
  return x509::canonical_organization(text_of(name));
}

bool looks_like_ip(std::string_view text) {
  if (text.empty()) return false;
  if (text.find(':') != std::string_view::npos) return true;
  const auto dot = text.rfind('.');
  const auto last = dot == std::string_view::npos ? text : text.substr(dot + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

std::string network_text(IpAddress ip, unsigned length) {
  for (unsigned bit = length; bit < ip.size * 8u; ++bit) {
    ip.octets[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> bit % 8));
  }
  return x509::format_ip(ip) + '/' + std::to_string(length);
}

IpAddress unmapped(const IpAddress& ip) {
  static constexpr std::array<std::uint8_t, 12> kMapped = {
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (ip.size != 16 ||
      !std::equal(kMapped.begin(), kMapped.end(), ip.octets.begin())) {
    return ip;
  }
  IpAddress v4;
  v4.size = 4;
  std::copy(ip.octets.begin() + 12, ip.octets.end(), v4.octets.begin());
  return v4;
}

}  // namespace ct::monitor
