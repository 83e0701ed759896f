#include "monitor/watch_text.h"

#include "monitor/watchlist.h"
#include "tests/support/catch.h"

namespace ct::monitor {
namespace {

using namespace std::chrono_literals;

alerts::Watch watch_of(const char* pattern) {
  auto w = parse_watch(pattern, false);
  REQUIRE(w);
  w->source = "watches.toml";
  return *w;
}

}  // namespace

TEST_CASE("a new watch is shown with all that is said of it",
          "[monitor][watch_text]") {
  CHECK(change_line({{}, watch_of("example.com")}) == "+ watch example.com");
  auto w = watch_of("=www.example.com");
  w.allowed_issuers = {"Let's Encrypt", "C=US, O=\"X\\Y\""};
  w.allowed_spkis = {Hash{}};
  w.tags = {"shop"};
  w.grace = 10min;
  w.note = "web team";
  CHECK(change_line({{}, w}) ==
        "+ watch =www.example.com: allow_issuers [\"Let's Encrypt\", \"C=US, "
        "O=\\\"X\\\\Y\\\"\"], allow_spkis [\"" +
            std::string(64, '0') +
            "\"], tags [\"shop\"], grace \"10m\", note \"web team\"");
}

TEST_CASE("a watch that goes is named", "[monitor][watch_text]") {
  auto w = watch_of("@example.com");
  w.tags = {"shop"};
  CHECK(change_line({w, {}}) == "- watch @example.com");
}

TEST_CASE("of a changed watch what changes is shown, before and after",
          "[monitor][watch_text]") {
  const auto before = watch_of("org:Example Ltd");
  const auto line = [&](const auto& change) {
    auto after = before;
    change(after);
    return change_line({before, after});
  };
  const std::string start = "~ watch org:Example Ltd: ";
  CHECK(line([](auto& w) {
          w.allowed_issuers = {"X", "Y"};
        }) == start + "allow_issuers [] -> [\"X\", \"Y\"]");
  CHECK(line([](auto& w) { w.allowed_spkis = {Hash{}}; }) ==
        start + "allow_spkis [] -> [\"" + std::string(64, '0') + "\"]");
  CHECK(line([](auto& w) { w.grace = 1500ms; }) ==
        start + "grace \"0s\" -> \"1500ms\"");
  CHECK(line([](auto& w) { w.grace = 48h; }) ==
        start + "grace \"0s\" -> \"2d\"");
  CHECK(line([](auto& w) { w.grace = 25h; }) ==
        start + "grace \"0s\" -> \"25h\"");
  CHECK(line([](auto& w) { w.grace = 90s; }) ==
        start + "grace \"0s\" -> \"90s\"");
  CHECK(line([](auto& w) { w.source = "cli"; }) ==
        start + "source \"watches.toml\" -> \"cli\"");
  CHECK(line([](auto& w) {
          w.tags = {"a"};
          w.note = "n";
        }) == start + "tags [] -> [\"a\"], note \"\" -> \"n\"");
  auto respelled = watch_of("org:EXAMPLE ltd");
  CHECK(change_line({before, respelled}) ==
        "~ watch org:EXAMPLE ltd: pattern \"org:Example Ltd\" -> "
        "\"org:EXAMPLE ltd\"");
}

TEST_CASE("a change is one line, whatever is in it", "[monitor][watch_text]") {
  auto w = watch_of("example.com");
  w.note = "a\n- watch b\x1b[2J\xe2\x80\xae";
  const std::string line = change_line({{}, w});
  CHECK(line.find('\n') == std::string::npos);
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find("\xe2\x80\xae") == std::string::npos);
}

}  // namespace ct::monitor
