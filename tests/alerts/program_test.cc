#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "alerts/channel.h"
#include "alerts/payload.h"
#include "tests/alerts/sample.h"
#include "tests/support/catch.h"

namespace ct::alerts {
namespace {

struct Fixture {
  HttpClient http{{.user_agent = "ctvigil test"}};
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};
  std::filesystem::path folder;

  Fixture() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "ctvigil-run-XXXXXX")
            .string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    folder = pattern;
  }
  ~Fixture() { std::filesystem::remove_all(folder); }

  // A shell script, in $1 the folder.
  [[nodiscard]] Channel script(const std::string& text) const {
    Channel c;
    c.name = "script";
    c.type = ChannelType::kProgram;
    c.target = "/bin/sh";
    c.arguments = {"-c", text, "sh", folder.string()};
    return c;
  }
  DeliveryError fails(const std::string& text, std::stop_token stop = {}) {
    const auto r = deliver(http, script(text), message, std::move(stop));
    REQUIRE_FALSE(r);
    CHECK_FALSE(r.error().permanent);
    return r.error();
  }
  [[nodiscard]] std::string read(const char* file) const {
    std::ifstream in(folder / file);
    std::stringstream out;
    out << in.rdbuf();
    return out.str();
  }
};

TEST_CASE_METHOD(Fixture, "a program gets the message on its input",
                 "[alerts][program]") {
  REQUIRE(
      deliver(http, script("cat > $1/in; cat /dev/stdin > $1/again"), message));
  const auto in = nlohmann::json::parse(read("in"));
  CHECK(in["type"] == "alert.opened");
  CHECK(in["data"]["id"] == message.alert.id);
}

TEST_CASE_METHOD(Fixture, "a program that does not read its input is fine",
                 "[alerts][program]") {
  CHECK(deliver(http, script("exec <&-; exit 0"), message));
}

TEST_CASE_METHOD(Fixture, "a program that fails is reported with its output",
                 "[alerts][program]") {
  const auto e = fails("echo out; echo err >&2; exit 3");
  CHECK_THAT(e.what, ContainsSubstring("status 3") &&
                         ContainsSubstring("out\\u{a}err"));
  CHECK_THAT(fails("kill -9 $$").what, ContainsSubstring("signal 9"));
}

TEST_CASE_METHOD(Fixture,
                 "a program that floods its output is not kept waiting",
                 "[alerts][program]") {
  CHECK(deliver(http, script("head -c 20000000 /dev/zero"), message));
  const auto e = fails("head -c 20000000 /dev/zero; exit 1");
  CHECK(e.what.size() < 1'000);
}

TEST_CASE_METHOD(Fixture, "a program that hangs is ended with its children",
                 "[alerts][program]") {
  std::stop_source stop;
  std::thread stopper([&] {
    // The program says when both are running.
    while (!std::filesystem::exists(folder / "ready")) {
      std::this_thread::yield();
    }
    stop.request_stop();
  });
  const auto e = fails(
      "sleep 1000 & echo $! > $1/child; trap '' TERM; echo > $1/ready; wait",
      stop.get_token());
  stopper.join();
  CHECK_THAT(e.what, ContainsSubstring("stopped"));

  const pid_t child = std::stoi(read("child"));
  REQUIRE(child > 0);
  // Killed, though perhaps not yet reaped by whoever inherited it.
  const auto is_gone = [&] {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string pid, name, state;
    return !(stat >> pid >> name >> state) || state == "Z" || state == "X";
  };
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!is_gone() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  CHECK(is_gone());
}

TEST_CASE_METHOD(Fixture, "a child left in the background is not waited for",
                 "[alerts][program]") {
  CHECK(deliver(http, script("sleep 1000 & echo $! > $1/child"), message));
  kill(std::stoi(read("child")), SIGKILL);
}

TEST_CASE_METHOD(Fixture, "a program inherits no secrets of ours",
                 "[alerts][program]") {
  setenv("PGPASSWORD", "TOPSECRET", 1);
  setenv("CTVIGIL_DATABASE", "TOPSECRET", 1);
  setenv("OTHER_VARIABLE", "kept", 1);
  const auto old = signal(SIGPIPE, SIG_IGN);
  const auto result =
      deliver(http,
              script("env > $1/env; ls /proc/self/fd > $1/fds; "
                     "grep SigIgn /proc/self/status > $1/signals"),
              message);
  signal(SIGPIPE, old);
  unsetenv("PGPASSWORD");
  unsetenv("CTVIGIL_DATABASE");
  unsetenv("OTHER_VARIABLE");
  REQUIRE(result);
  CHECK(read("env").find("TOPSECRET") == std::string::npos);
  CHECK_THAT(read("env"), ContainsSubstring("OTHER_VARIABLE=kept"));
  // Its three, and the one that ls has open on the folder.
  CHECK(read("fds") == "0\n1\n2\n3\n");
  const auto ignored = std::stoull(read("signals").substr(8), nullptr, 16);
  CHECK((ignored & 1u << (SIGPIPE - 1)) == 0);
}

TEST_CASE_METHOD(Fixture, "a program that is not there is reported",
                 "[alerts][program]") {
  Channel c = script("");
  c.target = "/nowhere/program";
  CHECK_FALSE(deliver(http, c, message));
  c.target = folder.string();  // a folder is "executable", but does not run
  const auto r = deliver(http, c, message);
  REQUIRE_FALSE(r);
  CHECK_THAT(r.error().what, ContainsSubstring("cannot run"));
}

// Standard output, for a while, is `fd`.
class Redirected {
 public:
  explicit Redirected(int fd) : saved_(dup(1)) { dup2(fd, 1); }
  ~Redirected() {
    dup2(saved_, 1);
    close(saved_);
  }

 private:
  int saved_;
};

TEST_CASE_METHOD(Fixture, "standard output gets text or a line of JSON",
                 "[alerts][program]") {
  Channel c;
  c.name = "out";
  c.type = ChannelType::kStdout;
  c.target = GENERATE("", "json");
  std::FILE* file = std::fopen((folder / "out").c_str(), "w");
  REQUIRE(file != nullptr);
  tl::expected<void, DeliveryError> result;
  {
    const Redirected redirected(fileno(file));
    result = deliver(http, c, message);
  }
  std::fclose(file);
  REQUIRE(result);
  const std::string out = read("out");
  if (c.target == "json") {
    CHECK(std::count(out.begin(), out.end(), '\n') == 1);
    CHECK(nlohmann::json::parse(out)["id"] == "msg-1");
  } else {
    CHECK(out == alert_text(message.alert) + "\n");
  }
}

TEST_CASE_METHOD(Fixture, "a closed pipe as standard output is an error",
                 "[alerts][program]") {
  Channel c;
  c.name = "out";
  c.type = ChannelType::kStdout;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  const auto old = signal(SIGPIPE, SIG_DFL);
  tl::expected<void, DeliveryError> result;
  {
    const Redirected redirected(ends[1]);
    result = deliver(http, c, message);
  }
  signal(SIGPIPE, old);
  close(ends[1]);
  REQUIRE_FALSE(result);
  CHECK_THAT(result.error().what, ContainsSubstring("standard output"));
}

}  // namespace
}  // namespace ct::alerts
