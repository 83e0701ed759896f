// Host names: their canonical form, and their readings when they are odd.
#include <idn2.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "x509/names.h"
#include "x509/unicode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr std::size_t kLongestLabel = 63, kLongestName = 253;  // RFC 1035

bool is_ascii(std::string_view s) {
  return std::ranges::all_of(s, [](char c) { return (c & 0x80) == 0; });
}
constexpr bool is_host_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '*';
}

std::string_view trim(std::string_view s, std::string_view what) {
  const std::size_t begin = s.find_first_not_of(what);
  if (begin == s.npos) return {};
  return s.substr(begin, s.find_last_not_of(what) - begin + 1);
}

std::vector<std::string_view> split(std::string_view s, std::string_view at) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t stop = s.find_first_of(at);
    out.push_back(s.substr(0, stop));
    if (stop == s.npos) return out;
    s.remove_prefix(stop + 1);
  }
}

// Full stops of other scripts separate labels as well (UTS #46, section 2.3),
// and so does what is mapped to one.
std::string with_ascii_dots(std::string_view utf8) {
  std::string out;
  ByteView rest = as_bytes(utf8);
  while (!rest.empty()) {
    const std::uint32_t c = take_utf8(rest).value_or(kReplacement);
    const bool dot = c == 0x3002 || c == 0xff0e || c == 0xff61 || c == 0x2024;
    append_utf8(out, dot ? '.' : c);
  }
  return out;
}

std::optional<std::string> to_a_label(const std::string& utf8, int flags) {
  std::uint8_t* raw = nullptr;
  const int rc = idn2_lookup_u8(
      reinterpret_cast<const std::uint8_t*>(utf8.c_str()), &raw, flags);
  if (rc != IDN2_OK) return std::nullopt;
  std::string out(reinterpret_cast<const char*>(raw));
  idn2_free(raw);
  for (char& c : out) c = ascii_lower(c);
  return out;
}

// Whether labels may hold symbols. Some registries take them, while text in
// the wrong encoding is full of them.
enum class Symbols { kAllowed, kRefused };

// One label, by UTS #46 without transitional mapping, as browsers do it.
std::optional<std::string> to_a_label(const std::string& utf8,
                                      Symbols symbols) {
  // A NUL would end the C string early.
  if (utf8.find('\0') != utf8.npos) return std::nullopt;
  auto out = to_a_label(utf8, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  // libidn2 takes symbols in this mode only.
  if (!out && symbols == Symbols::kAllowed) {
    out = to_a_label(utf8, IDN2_NFC_INPUT | IDN2_TRANSITIONAL);
  }
  return out;
}

struct Converted {
  std::string host;
  bool whole = true;  // false: a label could not be decoded
  bool gaps = false;  // a label was empty
};

// Labels lower-cased and as A-labels, undecodable ones as "?", empty ones
// left out.
Converted convert(const std::string& utf8,
                  Symbols symbols = Symbols::kAllowed) {
  Converted out;
  const auto append = [&out](std::string_view label) {
    if (label.empty()) {
      out.gaps = true;
      return;
    }
    if (!out.host.empty()) out.host += '.';
    const bool good = std::ranges::all_of(
        label, [](char c) { return is_host_char(c) || c == '?'; });
    out.host += good ? label : "?"sv;
    out.whole &= good;
  };
  for (const std::string_view label : split(utf8, ".")) {
    std::string text(label);
    if (is_ascii(text)) {
      for (char& c : text) c = ascii_lower(c);
      append(text);
    } else if (const auto a = to_a_label(text, symbols)) {
      // The mapping can bring forth dots.
      for (const std::string_view part : split(*a, ".")) append(part);
    } else {
      append("?");
      out.whole = false;
    }
  }
  return out;
}

std::string latin1_to_utf8(std::string_view s) {
  std::string out;
  for (const char c : s) append_utf8(out, static_cast<std::uint8_t>(c));
  return out;
}

class Readings {
 public:
  void add(std::string host) {
    if (host.empty() || std::ranges::find(all_, host) != all_.end()) return;
    all_.push_back(std::move(host));
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(all_); }

 private:
  std::vector<std::string> all_;
};

// Scheme, user, port and path cut off.
std::string_view authority_host(std::string_view s) {
  if (const auto at = s.find("://"); at != s.npos) s.remove_prefix(at + 3);
  s = s.substr(0, s.find_first_of("/\\#"));
  if (const auto at = s.rfind('@'); at != s.npos) s.remove_prefix(at + 1);
  if (s.starts_with('[')) return s.substr(1, s.find(']') - 1);
  if (std::ranges::count(s, ':') == 1) s = s.substr(0, s.find(':'));
  return s;
}

void read_token(std::string_view token, Readings& out) {
  token = authority_host(token);
  if (token.find(':') != token.npos) {
    if (const auto ip = parse_ip(token)) {
      out.add(format_ip(*ip));
      return;
    }
  }
  if (is_ascii(token)) {
    out.add(convert(std::string(token)).host);
    return;
  }
  const Converted latin1 = convert(latin1_to_utf8(token), Symbols::kRefused);
  if (is_utf8(as_bytes(token))) {
    const Converted utf8 = convert(with_ascii_dots(token));
    out.add(utf8.host);
    // Valid UTF-8 is seldom meant as Latin-1: not worth a "?".
    if (!latin1.whole) return;
  }
  out.add(latin1.host);
}

// White space and list separators split a text into names; the pieces put
// together again are a reading too ("example .com").
void read_text(std::string_view text, Readings& out) {
  text = trim(text, kSpace);
  constexpr std::string_view kSeparators = " \t\r\n\v\f,;";
  if (text.find_first_of(kSeparators) == text.npos) {
    read_token(text, out);
    return;
  }
  std::string joined;
  for (const std::string_view token : split(text, kSeparators)) {
    joined += token;
    // Words of a sentence are no host names.
    if (trim(token, ".").find('.') != token.npos) read_token(token, out);
  }
  if (trim(joined, ".").find('.') != joined.npos) read_token(joined, out);
}

std::string percent_decoded(std::string_view s) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '%' && i + 2 < s.size() && digit(s[i + 1]) >= 0 &&
        digit(s[i + 2]) >= 0) {
      out += static_cast<char>(digit(s[i + 1]) * 16 + digit(s[i + 2]));
      i += 2;
    } else {
      out += s[i];
    }
  }
  return out;
}

}  // namespace

// Runs for each name of each entry, so without a branch for each character.
bool is_canonical_host(std::string_view name) {
  constexpr std::uint8_t kBad = 1, kDot = 2;
  static constexpr auto kKinds = [] {
    std::array<std::uint8_t, 256> kinds{};
    for (std::size_t i = 0; i < kinds.size(); ++i) {
      const char c = static_cast<char>(i);
      kinds[i] = c == '.' ? kDot : is_host_char(c) ? 0 : kBad;
    }
    return kinds;
  }();
  std::uint8_t bad = 0, before = kDot;
  for (const char c : name) {
    const std::uint8_t kind = kKinds[static_cast<std::uint8_t>(c)];
    bad |= (kind & kBad) | (kind & before);
    before = kind;
  }
  return bad == 0 && before != kDot;
}

std::vector<std::string> host_readings(ByteView raw) {
  const std::string_view text = as_text(raw);
  if (is_canonical_host(text)) return {std::string(text)};
  Readings out;
  if (const auto nul = text.find('\0'); nul != text.npos) {
    read_text(text.substr(0, nul), out);
  }
  read_text(text, out);
  return out.take();
}

// scheme "://" authority …, or those without "//" that hold an address:
// mailto:, sip:, xmpp: (RFC 3986, section 3).
std::optional<std::string> uri_host(ByteView uri) {
  const std::string_view text = trim(as_text(uri), kSpace);
  const auto colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view rest = text.substr(colon + 1);
  if (rest.starts_with("//")) {
    rest.remove_prefix(2);
    rest = rest.substr(0, rest.find_first_of("/\\?#"));
  } else if (const auto at = rest.find('@'); at != rest.npos) {
    rest.remove_prefix(at + 1);
    rest = rest.substr(0, rest.find_first_of("/\\?#;,"));
  } else {
    return std::nullopt;
  }
  const std::string host = percent_decoded(authority_host(rest));
  auto readings = host_readings(as_bytes(host));
  if (readings.empty()) return std::nullopt;
  return std::move(readings.front());
}

Result<std::string> canonical_host(std::string_view typed) {
  const std::string_view text = trim(typed, kSpace);
  const auto refuse = [&](std::string_view why) {
    std::string shown;
    ByteView rest = as_bytes(text.substr(0, 80));
    while (!rest.empty()) {
      const std::uint32_t c = take_utf8(rest).value_or(kReplacement);
      append_utf8(shown, is_unprintable(c) ? kReplacement : c);
    }
    return fail(Errc::kUsage,
                "\"" + shown + "\" is not a host name: " + std::string(why));
  };
  if (text.empty()) return refuse("it is empty");
  if (parse_ip(text)) return refuse("it is an IP address");
  if (text.find_first_of("/:@") != text.npos) {
    return refuse("give the host alone, without scheme, port or path");
  }
  if (!is_utf8(as_bytes(text))) return refuse("it is not UTF-8");
  std::string dotted = with_ascii_dots(text);
  if (dotted.ends_with('.')) dotted.pop_back();
  const Converted c = convert(dotted);
  if (c.gaps) return refuse("it has an empty label");
  if (!c.whole || c.host.find('?') != c.host.npos) {
    return refuse("a label holds characters that no host name can hold");
  }
  const std::string_view host = c.host;
  if (host.size() > kLongestName) return refuse("it is over 253 characters");
  if (host == "*" ||
      host.find('*', host.starts_with("*.") ? 1 : 0) != host.npos) {
    return refuse("\"*\" can only be the whole first label");
  }
  for (const std::string_view label : split(host, ".")) {
    if (label.size() > kLongestLabel) {
      return refuse("a label is over 63 characters");
    }
  }
  if (parse_ip(host)) return refuse("it is an IP address");
  return c.host;
}

std::string display_host(std::string_view canonical) {
  std::string shown;
  for (const std::string_view label : split(canonical, ".")) {
    if (!shown.empty()) shown += '.';
    char* raw = nullptr;
    const bool decoded = label.starts_with("xn--") &&
                         label.find('\0') == label.npos &&
                         idn2_to_unicode_8z8z(std::string(label).c_str(), &raw,
                                              IDN2_NONTRANSITIONAL) == IDN2_OK;
    std::string unicode = decoded ? raw : "";
    idn2_free(raw);
    ByteView rest = as_bytes(unicode);
    while (!rest.empty()) {
      if (is_unprintable(take_utf8(rest).value_or(0))) unicode.clear();
    }
    shown += unicode.empty() ? label : std::string_view(unicode);
  }
  if (shown == canonical) return shown;
  return std::string(canonical) + " (" + shown + ")";
}

}  // namespace ct::x509
