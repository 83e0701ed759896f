#include "monitor/demo/story.h"

#include <fmt/format.h>

#include <algorithm>

namespace ct::monitor::demo {
namespace {

constexpr std::size_t kWidth = 78;
constexpr std::string_view kIndent = "   ";

}  // namespace

void Story::title(std::string_view text) {
  fmt::print(out_, "{}\n\n", coloured(out_, Colour::kBold, text));
}

void Story::step(std::string_view title) {
  begun_ = std::chrono::steady_clock::now();
  const std::string heading = fmt::format("{}  {}", ++steps_, title);
  fmt::print(out_, "\n{}\n", coloured(out_, Colour::kBold, heading));
  std::fflush(out_);
}

void Story::say(std::string_view text, Colour colour) {
  paragraph(kIndent, text, colour);
}

void Story::show(std::string_view line, Colour colour) {
  fmt::print(out_, "{}  {}\n", kIndent, coloured(out_, colour, line));
}

void Story::ok(std::string_view text) {
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::now() - begun_;
  paragraph(std::string(kIndent) + coloured(out_, Colour::kGreen, "ok") + " ",
            fmt::format("{} ({:.1f} s)", text, took.count()), Colour::kNone);
}

void Story::wrong(std::string_view text) {
  paragraph(std::string(kIndent) + coloured(out_, Colour::kRed, "WRONG") + " ",
            text, Colour::kRed);
}

void Story::blank() { std::fputc('\n', out_); }

// `first` goes before the first line; it may hold colour codes, and is taken
// as wide as the indent of the lines that follow where it is an indent.
void Story::paragraph(std::string_view first, std::string_view text,
                      Colour colour) {
  const bool marked = first != kIndent;
  const std::string follow =
      marked ? std::string(kIndent) + "   " : std::string(kIndent);
  std::string_view rest = text;
  std::string_view prefix = first;
  do {
    const std::size_t room = kWidth - follow.size();
    std::size_t end = rest.size();
    if (end > room) {
      end = rest.rfind(' ', room);
      if (end == std::string_view::npos) end = room;  // one long word
    }
    fmt::print(out_, "{}{}\n", prefix,
               coloured(out_, colour, rest.substr(0, end)));
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
    prefix = follow;
  } while (!rest.empty());
  std::fflush(out_);
}

}  // namespace ct::monitor::demo
