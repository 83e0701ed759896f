#include "base/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/catch.h"

using namespace ct;

namespace {

// What `act` writes to standard error while that is `fd`.
void with_stderr(int fd, const std::function<void()>& act) {
  std::fflush(stderr);
  const int saved = ::dup(STDERR_FILENO);
  REQUIRE(saved >= 0);
  REQUIRE(::dup2(fd, STDERR_FILENO) >= 0);
  act();
  std::fflush(stderr);
  ::dup2(saved, STDERR_FILENO);
  ::close(saved);
}

std::string written_to_file(const std::function<void()>& act) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  with_stderr(::fileno(file), act);
  std::rewind(file);
  std::string out;
  char chunk[4096];
  while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, file)) {
    out.append(chunk, n);
  }
  std::fclose(file);
  return out;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("an event is one line of time, level, message and fields",
          "[base][log]") {
  const auto lines = lines_of(written_to_file([] {
    set_up_log(LogLevel::kInfo, LogFormat::kText);
    log_debug("below the threshold");
    log_info("log followed", {{"log", "argon2026h1"}, {"position", 812}});
    log_warning("no answer", {{"what", "a b"}, {"empty", ""}, {"eq", "a=b"}});
  }));
  REQUIRE(lines.size() == 2);
  // 2026-11-24T10:06:22.123Z
  CHECK(lines[0].substr(23) ==
        "Z info log followed log=argon2026h1 position=812");
  CHECK(lines[0][10] == 'T');
  CHECK(lines[1].substr(23) ==
        R"(Z warning no answer what="a b" empty="" eq="a=b")");
}

TEST_CASE("hostile text forges neither a line nor a field", "[base][log]") {
  const auto lines = lines_of(written_to_file([] {
    set_up_log(LogLevel::kInfo, LogFormat::kText);
    log_error("bad\nmessage", {{"a", "x\" forged=\"1"},
                               {"b", "one\ntwo\r\t\x1b[31m\x7f"},
                               {"c", "\xff\xc0\x80 \xed\xa0\x80 \xf4\x90"},
                               {"d", "\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81"},
                               {"e", "m\xc3\xbcnchen \\"},
                               {"f", std::string("nul\0", 4)}});
  }));
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(23) == R"(Z error bad\nmessage a="x\" forged=\"1" )"
                               R"(b="one\ntwo\u000d\u0009\u001b[31m\u007f" )"
                               R"(c="\xff\xc0\x80 \xed\xa0\x80 \xf4\x90" )"
                               R"(d="\u009b\u202e\udb40\udc01" )"
                               "e=\"m\xc3\xbcnchen \\\\\" "
                               R"(f="nul\u0000")");
}

TEST_CASE("JSON lines hold what was said", "[base][log]") {
  const std::string hostile = "\",\"level\":\"\n\x01\\ \xc3\xbc \xe2\x80\xa8";
  const auto lines = lines_of(written_to_file([&] {
    set_up_log(LogLevel::kDebug, LogFormat::kJson);
    log_debug("said", {{"value", hostile}, {"broken", "\xff\xfe"}});
    log_error(hostile);
  }));
  REQUIRE(lines.size() == 2);
  const auto first = nlohmann::json::parse(lines[0]);
  CHECK(first.size() == 5);
  CHECK(first["level"] == "debug");
  CHECK(first["message"] == "said");
  CHECK(first["value"] == hostile);
  CHECK(first["broken"] == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(first["time"].get<std::string>().size() == 24);
  const auto second = nlohmann::json::parse(lines[1]);
  CHECK(second["message"] == hostile);
  CHECK(second["level"] == "error");
}

TEST_CASE("lines of many threads stay whole", "[base][log]") {
  const auto lines = lines_of(written_to_file([] {
    set_up_log(LogLevel::kInfo, LogFormat::kText);
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([] {
        for (int i = 0; i < 250; ++i) {
          log_info("tick", {{"value", std::string(100, 'x')}});
        }
      });
    }
  }));
  REQUIRE(lines.size() == 1000);
  const std::string want = "Z info tick value=" + std::string(100, 'x');
  for (const std::string& line : lines) REQUIRE(line.substr(23) == want);
}

TEST_CASE("levels are coloured on a terminal only", "[base][log]") {
  ::setenv("TERM", "xterm", 1);
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  REQUIRE(terminal >= 0);
  REQUIRE(::grantpt(terminal) == 0);
  REQUIRE(::unlockpt(terminal) == 0);
  const int far_end = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  REQUIRE(far_end >= 0);
  const auto act = [] {
    set_up_log(LogLevel::kInfo, LogFormat::kText);
    log_warning("seen");
  };
  with_stderr(far_end, act);
  char shown[256];
  const ssize_t n = ::read(terminal, shown, sizeof shown);
  ::close(far_end);
  ::close(terminal);
  REQUIRE(n > 0);
  CHECK(std::string(shown, static_cast<std::size_t>(n)).find('\x1b') !=
        std::string::npos);
  CHECK(written_to_file(act).find('\x1b') == std::string::npos);
}
