// Public suffixes, addresses, organisations, and what is odd about names.
#include "x509/names.h"

#include <arpa/inet.h>
#include <libpsl.h>
#include <locale.h>
#include <wctype.h>

#include "x509/decode.h"
#include "x509/unicode.h"

namespace ct::x509 {
namespace {

// Loaded once, kept for the life of the process; reading it needs no lock.
const psl_ctx_t* suffixes() {
  // Debian's library was built with the list of its day; the package
  // publicsuffix brings a newer one, which psl_latest finds.
  static const psl_ctx_t* const list = psl_latest(nullptr);
  return list;
}

std::string_view without_wildcard(std::string_view host) {
  if (host.starts_with("*.")) host.remove_prefix(2);
  return host;
}

locale_t unicode_locale() {
  static const locale_t l = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return l;
}

std::uint32_t folded(std::uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
  if (c == 0x3c2) return 0x3c3;  // final sigma
  const locale_t l = unicode_locale();
  return l == nullptr ? c : static_cast<std::uint32_t>(towlower_l(c, l));
}

bool is_space(std::uint32_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
         c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

}  // namespace

bool is_public_suffix(std::string_view canonical) {
  const std::string host(without_wildcard(canonical));
  return psl_is_public_suffix(suffixes(), host.c_str()) != 0;
}

std::string registrable_domain(std::string_view canonical) {
  const std::string host(without_wildcard(canonical));
  const char* const found = psl_registrable_domain(suffixes(), host.c_str());
  return found == nullptr ? std::string() : found;
}

std::optional<IpAddress> parse_ip(std::string_view text) {
  // Longer than any address, or with a NUL: not for inet_pton.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  const std::string copy(text);
  IpAddress ip;
  if (inet_pton(AF_INET, copy.c_str(), ip.octets.data()) == 1) {
    ip.size = 4;
    return ip;
  }
  if (inet_pton(AF_INET6, copy.c_str(), ip.octets.data()) == 1) {
    ip.size = 16;
    return ip;
  }
  return std::nullopt;
}

std::optional<IpAddress> ip_from_octets(ByteView octets) {
  if (octets.size() != 4 && octets.size() != 16) return std::nullopt;
  IpAddress ip;
  std::ranges::copy(octets, ip.octets.begin());
  ip.size = static_cast<std::uint8_t>(octets.size());
  return ip;
}

std::string format_ip(const IpAddress& ip) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(ip.size == 4 ? AF_INET : AF_INET6, ip.octets.data(), text,
            sizeof text);
  return text;
}

std::string canonical_organization(std::string_view utf8) {
  std::string out;
  bool gap = false;
  ByteView rest = as_bytes(utf8);
  while (!rest.empty()) {
    const std::uint32_t c = take_utf8(rest).value_or(kReplacement);
    if (is_space(c)) {
      gap = !out.empty();
      continue;
    }
    if (gap) out += ' ';
    gap = false;
    if (c == 0xdf || c == 0x1e9e) {  // sharp s, whose capitals are "SS"
      out += "ss";
    } else {
      append_utf8(out, folded(c));
    }
  }
  return out;
}

void judge_names(const std::vector<Name>& names, Oddities& oddities) {
  for (const Name& n : names) {
    const std::string_view text = as_text(n.value);
    const bool wide = n.string_tag == tag::kBmpString ||
                      n.string_tag == tag::kUniversalString;
    const bool is_text = n.kind != NameKind::kIp &&
                         n.kind != NameKind::kDirectory &&
                         n.kind != NameKind::kOtherName && !wide;
    if (is_text && text.find('\0') != text.npos) {
      oddities.add("a NUL within a name");
    }
    if (n.string_tag == tag::kUtf8String && !is_utf8(n.value)) {
      oddities.add("a UTF8String that is not UTF-8");
    }
    if (text.empty()) oddities.add("an empty name");
    if (n.kind == NameKind::kIp && text.size() != 4 && text.size() != 16) {
      oddities.add("an IP address of neither 4 nor 16 octets");
    }
    if (n.kind != NameKind::kDns && n.kind != NameKind::kEmail &&
        n.kind != NameKind::kUri) {
      continue;
    }
    if (n.string_tag == 0 &&
        std::ranges::any_of(text, [](char c) { return (c & 0x80) != 0; })) {
      oddities.add("a name beyond ASCII");
    }
    if (n.kind != NameKind::kDns) continue;
    if (parse_ip(text)) oddities.add("an IP address as a DNS name");
    if (text.find_first_of(" \t\r\n") != text.npos) {
      oddities.add("white space in a DNS name");
    }
    if (text.find_first_of("/:@") != text.npos) {
      oddities.add("a DNS name with more than a host");
    }
  }
}

}  // namespace ct::x509
