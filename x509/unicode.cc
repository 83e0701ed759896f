#include "x509/unicode.h"

namespace ct::x509 {

void append_utf8(std::string& out, std::uint32_t c) {
  if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = kReplacement;
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kLead[] = {0, 0xc0, 0xe0, 0xf0};
  out += static_cast<char>(kLead[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) {
    out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3f));
  }
}

std::optional<std::uint32_t> take_utf8(ByteView& in) {
  const std::uint8_t lead = in[0];
  const ByteView all = in;
  in = in.subspan(1);
  if (lead < 0x80) return lead;
  const std::size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
  if (lead < 0xc2 || lead > 0xf4 || all.size() <= more) return std::nullopt;
  std::uint32_t c = lead & (0x3f >> more);
  for (std::size_t i = 1; i <= more; ++i) {
    if ((all[i] & 0xc0) != 0x80) return std::nullopt;
    c = c << 6 | (all[i] & 0x3f);
  }
  constexpr std::uint32_t kLowest[] = {0, 0x80, 0x800, 0x10000};
  if (c < kLowest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
    return std::nullopt;
  }
  in = all.subspan(more + 1);
  return c;
}

bool is_utf8(ByteView in) {
  while (!in.empty()) {
    if (!take_utf8(in)) return false;
  }
  return true;
}

bool is_unprintable(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

}  // namespace ct::x509
