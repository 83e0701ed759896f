// Story: what the demo says on the terminal while it runs; 80 columns.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>

#include "monitor/terminal.h"

namespace ct::monitor::demo {

class Story {
 public:
  explicit Story(std::FILE* out) : out_(out) {}

  // What it is all about, and an empty line.
  void title(std::string_view text);
  // "1  A title", after an empty line; starts that step's clock.
  void step(std::string_view title);
  // A paragraph, broken at spaces.
  void say(std::string_view text, Colour colour = Colour::kNone);
  // A line that is not broken, deeper than a paragraph: a command, a URL.
  void show(std::string_view line, Colour colour = Colour::kNone);
  // Something went as it should, or did not. With the time since step().
  void ok(std::string_view text);
  void wrong(std::string_view text);
  void blank();

 private:
  void paragraph(std::string_view first, std::string_view text, Colour colour);

  std::FILE* const out_;
  int steps_ = 0;
  std::chrono::steady_clock::time_point begun_;
};

}  // namespace ct::monitor::demo
