#include <nlohmann/json.hpp>

#include "alerts/channel.h"
#include "base/sha256.h"
#include "sql/alerts.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/test_postgres.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

struct Fixture {
  test::TestDatabase database;

  void raise(const std::string& id, std::string_view kind,
             alerts::Severity severity) {
    alerts::Alert alert;
    alert.id = id;
    alert.kind = kind;
    alert.severity = severity;
    alert.title = "title of " + id;
    alert.reason = "reason of " + id;
    alert.log = "Log A\x1b[2J";
    alert.log_id = sha256(as_bytes("log a"));
    alert.evidence = R"({"head":{"size":5}})";
    const auto raised = sql::raise_alert(database.db(), alert);
    REQUIRE(raised);
  }
  test::CommandOutput run(std::vector<std::string> args) {
    args.insert(args.begin(), "alerts");
    if (args.size() > 1) {
      args.push_back("--database");
      args.push_back(database.url());
    }
    return test::run_command(add_alert_commands, args);
  }
  json list(std::vector<std::string> args = {}) {
    args.insert(args.begin(), {"list", "--json"});
    const auto r = run(args);
    REQUIRE(r.code == kExitOk);
    CHECK(r.err.empty());
    return json::parse(r.out);
  }
  std::string state_of(const std::string& id) {
    const auto alert = sql::find_alert(database.db(), id);
    REQUIRE(alert);
    REQUIRE(*alert);
    return std::string(to_string((*alert)->state));
  }
};

TEST_CASE_METHOD(Fixture, "no alerts are an empty array, and a sentence",
                 "[.db][monitor][commands_alerts]") {
  CHECK(list() == json::array());
  const auto r = run({"list"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("No such alerts"));
}

TEST_CASE_METHOD(Fixture, "the list is filtered",
                 "[.db][monitor][commands_alerts]") {
  raise("aaaaaa01", "log_lag", alerts::Severity::kMedium);
  raise("bbbbbb02", "log_fork", alerts::Severity::kCritical);
  raise("cccccc03", "log_lag", alerts::Severity::kHigh);
  REQUIRE(run({"resolve", "cccccc03"}).code == kExitOk);

  CHECK(list().size() == 2);
  CHECK(list({"--all"}).size() == 3);
  CHECK(list({"--state", "resolved"})[0]["id"] == "cccccc03");
  CHECK(list({"--state", "resolved", "--state", "open"}).size() == 3);
  CHECK(list({"--kind", "log_fork"})[0]["id"] == "bbbbbb02");
  CHECK(list({"--min-severity", "high"}).size() == 1);
  CHECK(list({"--limit", "1"}).size() == 1);
  CHECK(list({"--watch", "example.com"}).empty());

  const auto table = run({"list"});
  CHECK_THAT(table.out, ContainsSubstring("aaaaaa01") &&
                            ContainsSubstring("critical") &&
                            ContainsSubstring("log_fork"));
  CHECK(table.out.find('\x1b') == std::string::npos);
  CHECK(run({"list", "--state", "lost"}).code == kExitUsage);
  CHECK(run({"list", "--min-severity", "huge"}).code == kExitUsage);
}

TEST_CASE_METHOD(Fixture,
                 "an alert is shown with its evidence, as text and as "
                 "JSON",
                 "[.db][monitor][commands_alerts]") {
  raise("aaaaaa01", "log_fork", alerts::Severity::kCritical);
  const auto text = run({"show", "aaaaaa"});
  CHECK(text.code == kExitOk);
  CHECK_THAT(text.out, ContainsSubstring("reason of aaaaaa01") &&
                           ContainsSubstring("What to do") &&
                           ContainsSubstring("Evidence"));
  CHECK(text.out.find('\x1b') == std::string::npos);
  const json j = json::parse(run({"show", "aaaaaa01", "--json"}).out);
  CHECK(j["evidence"]["head"]["size"] == 5);
  CHECK(j["pem"].is_null());

  const auto none = run({"show", "ffffff"});
  CHECK(none.code == kExitUsage);
  CHECK_THAT(none.err, ContainsSubstring("no alert 'ffffff'"));
}

TEST_CASE_METHOD(Fixture, "alerts are acknowledged and resolved, with a note",
                 "[.db][monitor][commands_alerts]") {
  raise("aaaaaa01", "log_lag", alerts::Severity::kMedium);
  raise("bbbbbb02", "log_lag", alerts::Severity::kMedium);
  // One that does not exist: nothing changes.
  CHECK(run({"ack", "aaaaaa01", "ffffff"}).code == kExitUsage);
  CHECK(state_of("aaaaaa01") == "open");

  CHECK(run({"ack", "aaaaaa", "bbbbbb", "--note", "on it"}).code == kExitOk);
  CHECK(state_of("aaaaaa01") == "acknowledged");
  CHECK(state_of("bbbbbb02") == "acknowledged");
  CHECK(list()[0]["note"] == "on it");
  CHECK(run({"resolve", "aaaaaa01"}).code == kExitOk);
  CHECK(state_of("aaaaaa01") == "resolved");
}

TEST_CASE_METHOD(Fixture, "dead letters are queued again",
                 "[.db][monitor][commands_alerts]") {
  alerts::Channel c;
  c.name = "out";
  c.type = alerts::ChannelType::kStdout;
  REQUIRE(sql::add_channel(database.db(), c));
  raise("aaaaaa01", "log_lag", alerts::Severity::kMedium);
  database.run("UPDATE delivery SET state = 'dead'");
  CHECK_THAT(run({"redeliver"}).out, ContainsSubstring("1 message queued"));
  CHECK(database.run("SELECT state FROM delivery") == "pending");
  CHECK_THAT(run({"redeliver"}).out, ContainsSubstring("0 messages"));
  database.run("UPDATE delivery SET state = 'delivered'");
  CHECK_THAT(run({"redeliver", "aaaaaa"}).out,
             ContainsSubstring("1 message queued"));
  CHECK(run({"redeliver", "ffffff"}).code == kExitUsage);
}

TEST_CASE("help for alerts teaches by example", "[monitor][commands_alerts]") {
  for (const char* word : {"list", "show", "ack", "resolve", "redeliver"}) {
    CAPTURE(word);
    const auto r =
        test::run_command(add_alert_commands, {"alerts", word, "--help"});
    CHECK(r.code == kExitOk);
    CHECK_THAT(r.out, ContainsSubstring(std::string("ctvigil alerts ") + word));
  }
  CHECK(test::run_command(add_alert_commands, {"alerts"}).code == kExitUsage);
}

}  // namespace
}  // namespace ct::monitor
