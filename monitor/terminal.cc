#include "monitor/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace ct::monitor {
namespace {

// The code point at the front of `text` and its length; length 0: not UTF-8.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;
};

CodePoint next_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const unsigned char b = byte(0);
  if (b < 0x80) return {b, 1};
  const std::size_t n = b >= 0xf0 ? 4 : b >= 0xe0 ? 3 : 2;
  if (b < 0xc2 || b > 0xf4 || text.size() < n) return {};
  char32_t value = b & (0x7f >> n);
  for (std::size_t i = 1; i < n; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  const bool overlong =
      (n == 3 && value < 0x800) || (n == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  if (overlong || surrogate || value > 0x10ffff) return {};
  return {value, n};
}

// Characters that move or hide others, or break the line.
bool is_treacherous(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

// Code points, taken as one column each.
std::size_t width(std::string_view printable_text) {
  return static_cast<std::size_t>(
      std::count_if(printable_text.begin(), printable_text.end(),
                    [](unsigned char c) { return (c & 0xc0) != 0x80; }));
}

}  // namespace

bool colours_wanted(std::FILE* stream) {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(fileno(stream)) != 0 &&
         (no_color == nullptr || *no_color == '\0');
}

std::string coloured(std::FILE* stream, Colour colour, std::string_view text) {
  if (colour == Colour::kNone || !colours_wanted(stream)) {
    return std::string(text);
  }
  int code = 0;
  switch (colour) {
    case Colour::kNone:
      break;
    case Colour::kBold:
      code = 1;
      break;
    case Colour::kDim:
      code = 2;
      break;
    case Colour::kRed:
      code = 31;
      break;
    case Colour::kGreen:
      code = 32;
      break;
    case Colour::kYellow:
      code = 33;
      break;
  }
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Table::add(std::vector<Cell> row) {
  row.resize(columns_.size(), Cell(""));
  for (auto& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

void Table::print(std::FILE* stream) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t w = width(columns_[i].heading);
    for (const auto& row : rows_) w = std::max(w, width(row[i].text));
    widths.push_back(w);
  }
  const auto line = [&](const std::vector<Cell>& cells) {
    std::string out;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(widths[i] - width(cells[i].text), ' ');
      const std::string text = coloured(stream, cells[i].colour, cells[i].text);
      const bool last = i + 1 == cells.size();
      if (columns_[i].align == Align::kRight) {
        out += pad + text;
      } else {
        out += text;
        if (!last) out += pad;
      }
      if (!last) out += "  ";
    }
    fmt::print(stream, "{}\n", out);
  };
  std::vector<Cell> headings;
  for (const auto& c : columns_) headings.emplace_back(c.heading, Colour::kDim);
  line(headings);
  for (const auto& row : rows_) line(row);
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto c = next_code_point(text);
    if (c.length == 0) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else if (is_treacherous(c.value)) {
      out += fmt::format("\\u{{{:x}}}", static_cast<std::uint32_t>(c.value));
    } else {
      out += text.substr(0, c.length);
    }
    text.remove_prefix(std::max<std::size_t>(c.length, 1));
  }
  return out;
}

std::string with_commas(std::uint64_t n) {
  std::string s = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(s.size()) - 3; i > 0; i -= 3) {
    s.insert(static_cast<std::size_t>(i), ",");
  }
  return s;
}

}  // namespace ct::monitor
