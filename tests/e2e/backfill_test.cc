// The past of logs, as users fetch it and ask for it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "base/ascii.h"
#include "base/base64.h"
#include "ctlog/leaf.h"
#include "tests/e2e/harness.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"

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

// An element of get-entries, handed in as it once was.
monitor::demo::Submission submission_of(const Json& entry, Millis& logged) {
  const Bytes bytes =
      from_base64(entry["leaf_input"].get<std::string>()).value();
  const Bytes extra_bytes =
      from_base64(entry["extra_data"].get<std::string>()).value();
  const auto leaf = ctlog::parse_leaf(bytes).value();
  const auto extra = ctlog::parse_extra_data(leaf.type, extra_bytes).value();
  const auto copy = [](ByteView v) { return Bytes(v.begin(), v.end()); };
  logged = leaf.timestamp;
  monitor::demo::Submission out;
  out.type = leaf.type;
  out.issuer_key_hash = leaf.issuer_key_hash;
  out.certificate = copy(leaf.certificate);
  out.precertificate = copy(extra.precertificate);
  for (const ByteView c : extra.chain) out.chain.push_back(copy(c));
  return out;
}

// Every answer to the queries, by query and SHA-256.
std::map<std::pair<std::string, std::string>, Json> answers(
    Monitor& monitor, const std::set<std::string>& queries) {
  std::string text;
  for (const auto& query : queries) text += query + '\n';
  const auto file = monitor.write("queries.txt", text);
  std::istringstream lines(monitor.ok({"search", "--file", file, "--jsonl"}));
  std::map<std::pair<std::string, std::string>, Json> out;
  for (std::string line; std::getline(lines, line);) {
    Json found = Json::parse(line);
    const auto sha256 = found["certificate_sha256"].get<std::string>();
    out.emplace(std::pair(found["query"].get<std::string>(), sha256), found);
  }
  return out;
}

std::string hex_of(std::string text) {
  std::erase(text, ':');
  return ascii_lower(text);
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

TEST_CASE("recorded entries are found by all that others read in them",
          "[e2e][backfill]") {
  if (!have_shared_data()) return;
  const Json entries =
      Json::parse(shared_file("entries/live-2026-05-argon2026h2.json"));
  REQUIRE(entries.size() == 20);
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  std::set<std::string> queries;
  std::vector<Json> certificates;  // as another program read them
  for (const Json& entry : entries) {
    Millis logged = 0;
    const auto submission = submission_of(entry, logged);
    for (const std::size_t i : {0u, 1u}) logs.log(i).add(submission, logged);
    Json read = Json::parse(entry["expected_full"].get<std::string>())["data"];
    certificates.push_back(read["leaf_cert"]);
    certificates.back()["final"] = read["update_type"] == "X509LogEntry";
    certificates.back()["logged"] = format_time(logged);
    queries.insert(hex_of(certificates.back()["sha256"]));
    for (const Json& name : certificates.back()["all_domains"]) {
      queries.insert(name.get<std::string>());
    }
  }
  for (const std::size_t i : {0u, 1u}) logs.log(i).publish();
  Monitor monitor;
  monitor.ok(backfill_arguments(logs));
  auto found = answers(monitor, queries);

  for (std::size_t i = 0; i < certificates.size(); ++i) {
    const Json& expected = certificates[i];
    const std::string sha256 = hex_of(expected["sha256"]);
    INFO(i << ' ' << expected["all_domains"].dump());
    const auto names = expected["all_domains"].get<std::set<std::string>>();
    for (const std::string& name : names) {
      CHECK(found.contains({name, sha256}));
    }
    REQUIRE(found.contains({sha256, sha256}));
    const Json& c = found[{sha256, sha256}];
    CHECK(c["names"].get<std::set<std::string>>() == names);
    CHECK(c["final"] == expected["final"]);
    // In ours the zero byte of DER that keeps it positive is still there.
    const auto serial = c["serial"].get<std::string>();
    CHECK(serial.substr(serial.starts_with("00") ? 2 : 0) ==
          hex_of(expected["serial_number"]));
    CHECK(c["organization"] == expected["subject"].value("O", ""));
    CHECK(c["not_before"] == format_seconds(expected["not_before"]));
    CHECK(c["not_after"] == format_seconds(expected["not_after"]));
    CHECK_THAT(c["issuer"].get<std::string>(),
               ContainsSubstring(expected["issuer"]["CN"].get<std::string>()));
    CHECK(c["first_logged"] == expected["logged"]);
    REQUIRE(c["sightings"].size() == 2);
    for (const Json& s : c["sightings"]) CHECK(s["leaf_index"] == i);
  }
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
