#include <fstream>
#include <nlohmann/json.hpp>

#include "alerts/channel.h"
#include "alerts/payload.h"
#include "sql/alerts.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/receiver.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

struct Fixture {
  test::TestDatabase database;
  test::TempDir dir;

  // No output may hold this, whatever happens.
  static constexpr const char* kSecret = "TOPSECRET";

  test::CommandOutput run(std::vector<std::string> args,
                          const std::string& in = "") {
    args.insert(args.begin(), "channel");
    args.push_back("--database");
    args.push_back(database.url());
    auto r = test::run_command(add_channel_commands, args, in);
    CHECK(r.out.find(kSecret) == std::string::npos);
    CHECK(r.err.find(kSecret) == std::string::npos);
    return r;
  }
  alerts::Channel stored(const std::string& name) {
    const auto channels = sql::load_channels(database.db());
    REQUIRE(channels);
    for (const auto& c : *channels) {
      if (c.name == name) return c;
    }
    FAIL("no channel " << name);
    return {};
  }
  json list() { return json::parse(run({"list", "--json"}).out); }
  std::string file(const std::string& name, const std::string& text) {
    std::ofstream(dir / name) << text;
    return dir / name;
  }
};

TEST_CASE_METHOD(Fixture,
                 "a webhook's secret is shown when it is added, never "
                 "again",
                 "[.db][monitor][commands_channel]") {
  const auto r =
      run({"add", "webhook", "soc", "https://soc.example.com/TOPSECRET",
           "--tag", "web", "--tag", "mail", "--min-severity", "high"});
  REQUIRE(r.code == kExitOk);
  const alerts::Channel c = stored("soc");
  CHECK(c.target == "https://soc.example.com/TOPSECRET");
  CHECK(c.tags == std::vector<std::string>{"web", "mail"});
  CHECK(c.min_severity == alerts::Severity::kHigh);
  CHECK(alerts::sign_webhook(c.secret, "id", 1, "{}"));
  CHECK_THAT(r.out, ContainsSubstring(c.secret));
  CHECK_THAT(r.out, ContainsSubstring("https://soc.example.com/…"));

  for (const auto& later : {run({"list"}), run({"list", "--json"})}) {
    CHECK(later.code == kExitOk);
    CHECK(later.out.find(c.secret) == std::string::npos);
    CHECK_THAT(later.out, ContainsSubstring("soc.example.com"));
    CHECK(later.out.find('\x1b') == std::string::npos);
  }
  const json j = list()[0];
  CHECK(j["name"] == "soc");
  CHECK(j["type"] == "webhook");
  CHECK(j["tags"] == json{"web", "mail"});
  CHECK(j["min_severity"] == "high");
  CHECK(j["enabled"] == true);
  CHECK(j["pending"] == 0);
  CHECK(j["next_attempt"].is_null());

  const auto again = run({"add", "webhook", "soc", "https://x.example/"});
  CHECK(again.code == kExitUsage);
  CHECK_THAT(again.err, ContainsSubstring("soc"));
}

TEST_CASE_METHOD(Fixture, "a webhook added for scripts prints JSON",
                 "[.db][monitor][commands_channel]") {
  const auto r =
      run({"add", "webhook", "soc", "https://soc.example.com/", "--json"});
  const json j = json::parse(r.out);
  CHECK(j["name"] == "soc");
  CHECK(j["secret"] == stored("soc").secret);
}

TEST_CASE_METHOD(Fixture, "secrets come from files and standard input",
                 "[.db][monitor][commands_channel]") {
  const std::string url = "https://hooks.example.com/TOPSECRET";
  CHECK(
      run({"add", "slack", "a", "--url-file", file("url", url + "\n")}).code ==
      kExitOk);
  CHECK(stored("a").target == url);
  CHECK(run({"add", "slack", "b", "--url-file", "-"}, url + "\r\n").code ==
        kExitOk);
  CHECK(stored("b").target == url);
  CHECK(run({"add", "email", "c", "smtps://user@mail.example.com",
             "--password-file", file("password", "TOPSECRET@/:\n"), "--to",
             "soc@example.com", "--to", "cert@example.net"})
            .code == kExitOk);
  const alerts::Channel mail = stored("c");
  CHECK_THAT(mail.target, ContainsSubstring("TOPSECRET%40"));
  CHECK(mail.from == "ctvigil@example.com");
  CHECK(mail.arguments ==
        std::vector<std::string>{"soc@example.com", "cert@example.net"});
  const std::string secret = alerts::new_webhook_secret();
  const auto own = run(
      {"add", "webhook", "d", url, "--secret-file", file("secret", secret)});
  CHECK(own.code == kExitOk);
  CHECK(stored("d").secret == secret);
  CHECK(own.out.find(secret) == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "channels that cannot work are refused",
                 "[.db][monitor][commands_channel]") {
  const std::vector<std::vector<std::string>> bad = {
      {"add", "pager", "a", "x"},
      {"add", "webhook", "a"},
      {"add", "webhook", "a", "http://example.com/TOPSECRET"},
      {"add", "webhook", "a b", "https://example.com/TOPSECRET"},
      {"add", "webhook", "a", "https://example.com/TOPSECRET", "--url-file",
       "/nowhere"},
      {"add", "slack", "a", "--url-file", "/nowhere/url"},
      {"add", "slack", "a", "--url-file", "/dev/null"},
      {"add", "email", "a", "smtps://user:TOPSECRET@mail.example.com"},
      {"add", "program", "a", "relative"},
      {"test", "nobody"},
      {"remove", "nobody"},
      {"enable", "nobody"}};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    const auto r = run(bad[i]);
    CHECK(r.code == kExitUsage);
    CHECK_FALSE(r.err.empty());
  }
  CHECK(list() == json::array());
}

TEST_CASE_METHOD(Fixture, "a test message is delivered now, or says why not",
                 "[.db][monitor][commands_channel]") {
  const test::TlsIdentity tls;
  test::Receiver receiver(&tls);
  REQUIRE(run({"add", "webhook", "soc", receiver.url("/TOPSECRET"), "--ca-file",
               tls.ca_file(), "--allow-private-host", "localhost"})
              .code == kExitOk);
  auto r = run({"test", "soc"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("took the test message"));
  REQUIRE(receiver.received().size() == 1);
  CHECK(json::parse(receiver.received()[0].body)["type"] == "alert.test");

  receiver.answer({.status = 500, .body = "no /TOPSECRET"});
  r = run({"test", "soc"});
  CHECK(r.code == kExitFailed);
  CHECK_THAT(r.err, ContainsSubstring("HTTP 500"));
  r = run({"test", "soc", "--json"});
  CHECK(r.code == kExitFailed);
  CHECK(json::parse(r.out)["delivered"] == false);
  // A test is no alert: nothing is kept of it.
  CHECK(database.run("SELECT count(*) FROM delivery") == "0");
}

TEST_CASE_METHOD(Fixture, "a channel is switched off, on, and removed",
                 "[.db][monitor][commands_channel]") {
  REQUIRE(run({"add", "stdout", "out", "json"}).code == kExitOk);
  CHECK(run({"disable", "out"}).code == kExitOk);
  CHECK(list()[0]["enabled"] == false);
  CHECK(run({"enable", "out"}).code == kExitOk);
  CHECK(list()[0]["enabled"] == true);
  CHECK(run({"remove", "out"}).code == kExitOk);
  CHECK(list() == json::array());
  CHECK_THAT(run({"list"}).out, ContainsSubstring("channel add"));
}

TEST_CASE("help for channels teaches by example",
          "[monitor][commands_channel]") {
  const auto r =
      test::run_command(add_channel_commands, {"channel", "add", "--help"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("ctvigil channel add webhook") &&
                        ContainsSubstring("--url-file"));
}

}  // namespace
}  // namespace ct::monitor
