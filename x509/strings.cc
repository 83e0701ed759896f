// Texts of certificates, for people: string types, object identifiers, PEM.

#include "base/base64.h"
#include "base/hex.h"
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/unicode.h"

namespace ct::x509 {
namespace {

std::string from_units(ByteView in, std::size_t width) {
  std::string out;
  std::size_t i = 0;
  for (; i + width <= in.size(); i += width) {
    std::uint32_t c = 0;
    for (std::size_t k = 0; k < width; ++k) c = c << 8 | in[i + k];
    // BMPString knows no surrogates, but writers that think it is UTF-16 do.
    if (width == 2 && c >= 0xd800 && c < 0xdc00 && i + 4 <= in.size()) {
      const std::uint32_t low = in[i + 2] << 8 | in[i + 3];
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        i += 2;
      }
    }
    append_utf8(out, c);
  }
  if (i < in.size()) append_utf8(out, kReplacement);
  return out;
}

std::string from_latin1(ByteView in) {
  std::string out;
  for (const std::uint8_t b : in) append_utf8(out, b);
  return out;
}

// Bytes that are no UTF-8 become U+FFFD, one each.
std::string from_utf8(ByteView in) {
  std::string out;
  while (!in.empty()) {
    const auto c = take_utf8(in);
    append_utf8(out, c.value_or(kReplacement));
  }
  return out;
}

// Files in the wild leave bits set that padding makes unused; OpenSSL does not
// mind, so users will have such files.
void clear_unused_bits(std::string& base64) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::size_t last = base64.find_last_not_of('=');
  if (last == base64.npos) return;
  const std::size_t pads = base64.size() - 1 - last;
  const std::size_t value = kDigits.find(base64[last]);
  if (pads == 0 || pads > 2 || value == kDigits.npos) return;
  base64[last] = kDigits[value & (pads == 1 ? ~3u : ~15u)];
}

}  // namespace

std::string string_to_utf8(std::uint8_t tag, ByteView value) {
  switch (tag) {
    case tag::kBmpString:
      return from_units(value, 2);
    case tag::kUniversalString:
      return from_units(value, 4);
    case tag::kT61String:
      // T.61 itself is used by nobody: it is UTF-8 or, mostly, Latin-1.
      return is_utf8(value) ? from_utf8(value) : from_latin1(value);
    default:
      return from_utf8(value);
  }
}

std::string format_oid(ByteView oid) {
  constexpr std::size_t kLongest = 64;
  const auto odd = [&] {
    return "malformed OID " + to_hex(oid.first(std::min(oid.size(), kLongest)));
  };
  if (oid.empty() || oid.size() > kLongest || oid.back() >= 0x80) return odd();
  std::string out;
  std::uint64_t arc = 0;
  for (const std::uint8_t b : oid) {
    if (arc >> 57 != 0) return odd();
    arc = arc << 7 | (b & 0x7f);
    if (b >= 0x80) continue;
    if (out.empty()) {
      const std::uint64_t first = std::min<std::uint64_t>(arc / 40, 2);
      out = std::to_string(first) + "." + std::to_string(arc - 40 * first);
    } else {
      out += "." + std::to_string(arc);
    }
    arc = 0;
  }
  return out;
}

std::string to_pem(std::string_view label, ByteView der) {
  constexpr std::size_t kLine = 64;  // RFC 7468, section 2
  const std::string text = to_base64(der);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < text.size(); i += kLine) {
    out += text.substr(i, kLine) + "\n";
  }
  return out + "-----END " + std::string(label) + "-----\n";
}

Result<std::vector<Bytes>> from_pem(std::string_view label,
                                    std::string_view text) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  std::vector<Bytes> out;
  for (std::size_t at = text.find(begin); at != text.npos;
       at = text.find(begin, at)) {
    const std::string which =
        std::string(label) + " block " + std::to_string(out.size() + 1);
    at += begin.size();
    const std::size_t stop = text.find(end, at);
    if (stop == text.npos) {
      return fail(Errc::kMalformed, which + ": no line \"" + end + "\"");
    }
    std::string body;
    for (const char c : text.substr(at, stop - at)) {
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') body += c;
    }
    clear_unused_bits(body);
    auto der = from_base64(body);
    if (!der) return fail(Errc::kMalformed, which + ": broken base64");
    out.push_back(std::move(*der));
    at = stop + end.size();
  }
  return out;
}

}  // namespace ct::x509
