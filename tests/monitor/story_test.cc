#include "monitor/demo/story.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "tests/support/catch.h"

namespace ct::monitor::demo {

TEST_CASE("the story keeps within 80 columns and loses no word",
          "[monitor][story]") {
  std::string words;
  for (int i = 0; i < 120; ++i) {
    words += std::string(static_cast<std::size_t>(1 + i % 13), 'w') + " ";
  }
  words += std::string(200, 'x');  // wider than any line

  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* const out = open_memstream(&text, &size);
  REQUIRE(out);
  Story story(out);
  story.step("Title");
  story.say(words);
  story.ok(words);
  story.wrong(words);
  std::fclose(out);
  const std::string told(text, size);
  std::free(text);

  std::size_t w = 0, x = 0;
  std::istringstream lines(told);
  for (std::string line; std::getline(lines, line);) {
    CHECK(line.size() <= 80);
    w += static_cast<std::size_t>(std::count(line.begin(), line.end(), 'w'));
    x += static_cast<std::size_t>(std::count(line.begin(), line.end(), 'x'));
  }
  CHECK(w == 3 * static_cast<std::size_t>(
                     std::count(words.begin(), words.end(), 'w')));
  CHECK(x == 3 * 200);
  // No colours where nobody can see them.
  CHECK(told.find('\x1b') == std::string::npos);
}

}  // namespace ct::monitor::demo
