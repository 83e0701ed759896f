#include "alerts/text.h"

#include "tests/alerts/sample.h"
#include "tests/support/catch.h"

namespace ct::alerts {
namespace {

TEST_CASE("characters that hide or move others become visible",
          "[alerts][text]") {
  CHECK(visible("login.example.com") == "login.example.com");
  CHECK(visible("bücher.example 日本") == "bücher.example 日本");
  CHECK(visible(std::string_view("a\0b", 3)) == "a\\u{0}b");
  CHECK(visible("a\r\nb\x1b[31m\x7f") == "a\\u{d}\\u{a}b\\u{1b}[31m\\u{7f}");
  CHECK(visible("\u202egnp\u2066") == "\\u{202e}gnp\\u{2066}");
  CHECK(visible("a\u200bb\ufeff\u00ad") == "a\\u{200b}b\\u{feff}\\u{ad}");
  CHECK(visible("\xc2\x9b") == "\\u{9b}");
}

TEST_CASE("broken UTF-8 becomes visible, byte by byte", "[alerts][text]") {
  CHECK(visible("a\xff\xc3(") == "a\\xff\\xc3(");
  CHECK(visible("\xc0\xaf") == "\\xc0\\xaf");
  CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(visible("\xe2\x82") == "\\xe2\\x82");
}

TEST_CASE("what is too long is cut between characters", "[alerts][text]") {
  CHECK(visible("abcdef", 6) == "abcdef");
  CHECK(visible("abcdefg", 6) == "abc…");
  CHECK(visible("aüüü", 7) == "aüüü");
  CHECK(visible("aüüüü", 7) == "aü…");
  CHECK(visible("a\x01\x01\x01", 12) == "a\\u{1}…");
  CHECK(clip("abcdef", 6) == "abcdef");
  CHECK(clip("abcdefg", 6) == "abc…");
  CHECK(clip("aüüüü", 7) == "aü…");
  for (std::size_t limit = 4; limit < 200; ++limit) {
    CAPTURE(limit);
    const std::string cut = visible(test::hostile_text(), limit);
    CHECK(cut.size() <= limit);
    // What is visible stays as it is: nothing was cut in two.
    CHECK(visible(cut) == cut);
  }
}

}  // namespace
}  // namespace ct::alerts
