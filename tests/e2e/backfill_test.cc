// The past of logs, as users fetch it and ask for it.
#include <fmt/format.h>

#include <set>
#include <sstream>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

Arguments backfill_arguments(const FakeLogs& logs, const Arguments& more = {}) {
  Arguments all = run_arguments(logs.list_path(), logs.ca_path(), more);
  all.front() = "backfill";
  return all;
}

std::uint64_t sum(const Json& plans, const char* key) {
  std::uint64_t n = 0;
  for (const Json& plan : plans) n += plan[key].get<std::uint64_t>();
  return n;
}

// "log index" of every sighting that a search finds, each of which must be
// there once.
std::set<std::string> sightings(Monitor& monitor, const std::string& query) {
  std::set<std::string> out;
  std::istringstream lines(monitor.ok({"search", query, "--jsonl"}));
  for (std::string line; std::getline(lines, line);) {
    const Json certificate = Json::parse(line);
    for (const Json& s : certificate["sightings"]) {
      const auto where = fmt::format("{} {}", s["log"].get<std::string>(),
                                     s["leaf_index"].get<std::uint64_t>());
      INFO(where);
      CHECK(out.insert(where).second);
    }
  }
  return out;
}

std::set<std::string> all_of(const std::string& log, std::uint64_t size) {
  std::set<std::string> out;
  for (std::uint64_t i = 0; i < size; ++i) {
    out.insert(fmt::format("{} {}", log, i));
  }
  return out;
}

}  // namespace

TEST_CASE("killed in the middle, a backfill leaves exactly the right rows",
          "[e2e][backfill]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  logs.fill(0, 15'000);
  logs.fill(1, 12'000);
  // Slow enough for the kills to hit the middle.
  for (const std::size_t i : {0u, 1u}) {
    logs.add_fault(i, fault::delayed(std::chrono::milliseconds(30)));
  }
  Monitor monitor;
  monitor.environment["CTVIGIL_DOWNLOADS_PER_LOG"] = "2";
  monitor.environment["CTVIGIL_REQUESTS_PER_SECOND"] = "1000";
  const auto plan = backfill_arguments(logs, {"--dry-run"});
  REQUIRE(sum(monitor.json(plan), "entries") == 27'000);

  std::uint64_t covered = 0;
  for (int kill = 0; kill < 3 && covered < 27'000; ++kill) {
    const auto running = monitor.start(backfill_arguments(logs));
    REQUIRE(eventually(
        [&] {
          return running->ended() ||
                 sum(monitor.json(plan), "covered") > covered;
        },
        kPatience));
    running->kill();
    covered = sum(monitor.json(plan), "covered");
  }
  INFO("covered when last killed: " << covered);
  CHECK(covered > 0);
  const Outcome done = monitor.run(backfill_arguments(logs));
  INFO(done.err);
  REQUIRE(done.code == 0);
  CHECK_THAT(done.out, ContainsSubstring("entries verified and archived"));
  CHECK(sum(monitor.json(plan), "entries") == 0);

  auto expected = all_of("old", 15'000);
  expected.merge(all_of("new", 12'000));
  CHECK(sightings(monitor, "nobody.example") == expected);
}

TEST_CASE("history grows with the logs that are followed", "[e2e][backfill]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  logs.fill(0, 300);
  logs.fill(1, 300);
  Monitor monitor;
  monitor.ok(run_arguments(logs.list_path(), logs.ca_path(),
                           {"--once", "--mode", "archive"}));
  CHECK(monitor.run({"search", "nobody.example"}).code == 1);
  logs.fill(0, 20);
  const auto issuance = logs.add_precert(1, "www.ours.example");
  logs.log(0).add(monitor::demo::precert_submission(issuance));
  logs.log(0).publish();
  monitor.ok(run_arguments(logs.list_path(), logs.ca_path(),
                           {"--once", "--mode", "archive"}));
  CHECK(sightings(monitor, "ours.example") ==
        std::set<std::string>{"new 300", "old 320"});
  monitor.ok(backfill_arguments(logs, {"--log", "old"}));
  CHECK(sightings(monitor, "nobody.example") == all_of("old", 320));
}

TEST_CASE("what a backfill cannot prove it does not keep, and says so",
          "[e2e][backfill]") {
  FakeLogs logs({rfc6962_log("liar"), static_log("honest")});
  logs.fill(0, 300);
  logs.fill(1, 300);
  logs.add_fault(0, fault::flip_entry(7));
  Monitor monitor;
  CHECK(monitor.run(backfill_arguments(logs)).code == 2);
  CHECK(sightings(monitor, "nobody.example") == all_of("honest", 300));
  const Json alerts = monitor.alerts();
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0]["kind"] == "log_root_mismatch");
}

TEST_CASE("mistakes on the command line", "[e2e][backfill]") {
  FakeLogs logs({rfc6962_log("old")});
  logs.fill(0, 3);
  Monitor monitor;
  for (const Arguments& wrong :
       {Arguments{"--range", "5"}, Arguments{"--range", "7:3"},
        Arguments{"--range", "x:3"}, Arguments{"--log", "nobody's"},
        Arguments{"--operator", "Nobody"}, Arguments{"--since", "yesterday"},
        Arguments{"--since", "2026-02-01", "--until", "2026-01-01"}}) {
    const Outcome o = monitor.run(backfill_arguments(logs, wrong));
    INFO(wrong.front() << ' ' << wrong.back() << ": " << o.err);
    CHECK(o.code == 64);
    CHECK_THAT(o.err, ContainsSubstring(wrong.front()));
    CHECK(o.out.empty());
  }
}

}  // namespace ct::test
