#include "monitor/terminal.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "alerts/text.h"

namespace ct::monitor {
namespace {

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

std::string printable(std::string_view text) { return alerts::visible(text); }

std::string with_commas(std::uint64_t n) {
  std::string s = std::to_string(n);
  for (auto i = static_cast<std::ptrdiff_t>(s.size()) - 3; i > 0; i -= 3) {
    s.insert(static_cast<std::size_t>(i), ",");
  }
  return s;
}

std::string format_bytes(double n) {
  constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (n >= 999.5 && unit + 1 < std::size(kUnits)) {
    n /= 1000;
    ++unit;
  }
  const bool fine = unit > 0 && n < 9.95;
  return fine ? fmt::format("{:.1f} {}", n, kUnits[unit])
              : fmt::format("{:.0f} {}", n, kUnits[unit]);
}

Progress::Progress(std::FILE* stream)
    : stream_(stream), redraw_(isatty(fileno(stream)) != 0) {}

Progress::~Progress() {
  if (redraw_ && drawn_) std::fputc('\n', stream_);
}

void Progress::show(double done, const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!redraw_ && now < next_) return;
  next_ = now + std::chrono::minutes(1);
  done = std::clamp(done, 0.0, 1.0);
  std::string line = fmt::format("{:3.0f}%  {}", std::floor(done * 100), text);
  if (redraw_) {
    constexpr std::size_t kWidth = 24;
    const auto full = static_cast<std::size_t>(done * kWidth);
    line = "\r[" + std::string(full, '#') + std::string(kWidth - full, '.') +
           "] " + line + "\x1b[K";
  } else {
    line += '\n';
  }
  std::fputs(line.c_str(), stream_);
  std::fflush(stream_);
  drawn_ = true;
}

void Progress::tell(const std::string& line) {
  if (redraw_ && drawn_) std::fputs("\r\x1b[K", stream_);
  std::fputs((line + '\n').c_str(), stream_);
  drawn_ = false;
}

}  // namespace ct::monitor
