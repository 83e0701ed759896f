// Logs on loopback, a real Postgres, and what history holds afterwards.
#include "monitor/backfill.h"

#include <fmt/format.h>

#include <thread>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/watches.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

namespace ct::monitor {
namespace {

using sql::IndexRange;
using test::FakeLogs;
using Ranges = std::vector<IndexRange>;

FakeLogs::LogOptions log_of(const std::string& name, ctlog::LogKind kind) {
  FakeLogs::LogOptions options;
  options.name = options.description = name;
  options.operator_name = name + " operator";
  options.kind = kind;
  return options;
}

// An RFC 6962 log called "old" and a Static CT log called "new".
struct Fixture {
  FakeLogs logs{{log_of("old", ctlog::LogKind::kRfc6962),
                 log_of("new", ctlog::LogKind::kStatic)}};
  test::TestDatabase database;
  test::TempDir dir;
  Config config = config_of(ReadMode::kArchive);

  Config config_of(ReadMode mode) const {
    Config c;
    c.state_dir = dir / "state";
    c.log_lists = {logs.list_path()};
    c.allow_unsigned_log_list = true;
    c.ca_file = logs.ca_path();
    c.requests_per_second = 1000;
    c.mode = mode;
    c.mismatch_retries = {std::chrono::milliseconds(1)};
    return c;
  }
  std::unique_ptr<Backfill> backfill(BackfillRequest request) {
    return std::make_unique<Backfill>(config, database.connect(), nullptr,
                                      std::move(request),
                                      LogReading::Options{true, {}});
  }
  // True if all was read.
  bool run(BackfillRequest request) {
    const auto job = backfill(std::move(request));
    const auto plans = job->plan();
    REQUIRE(plans);
    return job->run([](const BackfillProgress&) {});
  }
  std::string query(const std::string& sql) { return database.run(sql); }
  Ranges archived(std::size_t i) {
    const auto ranges =
        sql::archived_ranges(database.db(), logs.info(i).log_id);
    REQUIRE(ranges);
    return *ranges;
  }
  // "index type" of every sighting in that log, in order.
  std::string sightings(std::size_t i) {
    return query(fmt::format(
        "SELECT string_agg(s.leaf_index::text, ',' ORDER BY s.leaf_index) "
        "FROM history, history_sightings(sightings) AS s JOIN history_log AS l "
        "USING (log) WHERE l.log_id = '\\x{}'",
        to_hex(logs.info(i).log_id)));
  }
};

std::string counted(std::uint64_t from, std::uint64_t to) {
  std::string out;
  for (; from < to; ++from) {
    out += (out.empty() ? "" : ",") + std::to_string(from);
  }
  return out;
}

}  // namespace

TEST_CASE("what is wanted less what is covered", "[monitor][backfill]") {
  CHECK(not_covered({{0, 10}}, {}) == Ranges{{0, 10}});
  CHECK(not_covered({{0, 10}}, {{0, 10}}).empty());
  CHECK(not_covered({{2, 10}}, {{0, 3}, {5, 6}, {9, 20}}) ==
        Ranges{{3, 5}, {6, 9}});
  CHECK(not_covered({{0, 4}, {8, 12}}, {{3, 9}}) == Ranges{{0, 3}, {9, 12}});
  CHECK(not_covered({{4, 6}}, {{0, 4}, {6, 9}}) == Ranges{{4, 6}});
}

TEST_CASE_METHOD(Fixture,
                 "both kinds of log are archived whole, each certificate once",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 700);
  logs.fill(1, 300);
  const auto issuance = logs.add_precert(0, "www.ours.example");
  const Bytes der = logs.ca().finish(issuance, {});
  for (const std::size_t i : {0, 1}) {
    logs.log(i).add(demo::final_submission(der, logs.ca().chain()));
    logs.log(i).publish();
  }
  REQUIRE(run({}));

  CHECK(archived(0) == Ranges{{0, 702}});
  CHECK(archived(1) == Ranges{{0, 301}});
  CHECK(sightings(0) == counted(0, 702));
  CHECK(sightings(1) == counted(0, 301));
  CHECK(query("SELECT count(*) FROM history WHERE domain = "
              "'example ours www'") == "1");
  CHECK(query("SELECT encode(sha256, 'hex') || ' ' || final || ' ' || "
              "(SELECT count(*) FROM history_sightings(sightings)) FROM "
              "history WHERE domain = "
              "'example ours www'") == to_hex(sha256(der)) + " true 3");
  // Every issuance of the fillers is for one name of its own.
  CHECK(query("SELECT count(*) FROM history WHERE names <> '.'") == "0");

  const auto again = backfill({});
  const auto plans = again->plan();
  REQUIRE(plans);
  for (const auto& plan : *plans) {
    CAPTURE(plan.log, plan.problem);
    CHECK(plan.entries == 0);
    CHECK(plan.covered == (plan.log == "old" ? 702 : 301));
  }
}

TEST_CASE_METHOD(Fixture, "the precertificate's hash until the final one comes",
                 "[.db][monitor][backfill]") {
  const std::size_t i = GENERATE(0, 1);
  const auto issuance = logs.add_precert(i, "www.ours.example");
  REQUIRE(run({}));
  CHECK(query("SELECT encode(sha256, 'hex') || ' ' || final FROM history") ==
        to_hex(sha256(issuance.precertificate)) + " false");
}

TEST_CASE_METHOD(Fixture, "ranges, of one log, of one operator",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 900);
  logs.fill(1, 900);
  BackfillRequest some;
  some.logs = {"NEW"};
  some.ranges = {{100, 300}, {250, 310}, {600, 601}, {5'000, 6'000}};
  REQUIRE(run(some));
  CHECK(archived(0).empty());
  CHECK(archived(1) == Ranges{{100, 310}, {600, 601}});
  CHECK(sightings(1) == counted(100, 310) + ",600");

  BackfillRequest others;
  others.operators = {"Old Operator"};
  others.ranges = {{300, 5'000}};
  REQUIRE(run(others));
  CHECK(archived(0) == Ranges{{300, 900}});

  REQUIRE(run({}));
  CHECK(archived(0) == Ranges{{0, 900}});
  CHECK(archived(1) == Ranges{{0, 900}});
  CHECK(sightings(1) == counted(0, 900));

  BackfillRequest nobody;
  nobody.logs = {"nobody's"};
  const auto plans = backfill(nobody)->plan();
  REQUIRE_FALSE(plans);
  CHECK(plans.error().code == Errc::kUsage);
}

TEST_CASE_METHOD(Fixture, "stopped in the middle, it goes on without a hole",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 20'000);
  {
    BackfillRequest request;
    request.logs = {"old"};
    const auto job = backfill(request);
    REQUIRE(job->plan());
    CHECK_FALSE(job->run([&job](const BackfillProgress& p) {
      if (p.entries > 0) job->stop();
    }));
  }
  const Ranges first = archived(0);
  REQUIRE(first.size() == 1);
  CHECK(first[0].begin == 0);
  CHECK(sightings(0) == counted(0, first[0].end));
  REQUIRE(run({}));
  CHECK(archived(0) == Ranges{{0, 20'000}});
  CHECK(sightings(0) == counted(0, 20'000));
}

TEST_CASE_METHOD(Fixture, "to watch, only matches are kept",
                 "[.db][monitor][backfill]") {
  config.mode = ReadMode::kWatch;
  alerts::Watch watch;
  watch.id = "w";
  watch.kind = alerts::WatchKind::kSubtree;
  watch.value = watch.pattern = "ours.example";
  REQUIRE(sql::put_watch(database.db(), watch));
  logs.fill(0, 300);
  logs.add_precert(0, "www.ours.example");
  REQUIRE(run({}));
  CHECK(query("SELECT count(*) FROM history") == "0");
  CHECK(query("SELECT names[1] FROM alert") == "www.ours.example");
  CHECK(query("SELECT count(*) FROM log_position") == "0");
  const auto ranges = sql::verified_ranges(database.db(), logs.info(0).log_id);
  REQUIRE(ranges);
  REQUIRE(ranges->size() == 1);
  CHECK(ranges->front().end == 301);
}

TEST_CASE_METHOD(Fixture, "of a log that lies nothing is kept",
                 "[.db][monitor][backfill]") {
  const std::size_t i = GENERATE(0, 1);
  logs.fill(i, 400);
  logs.add_fault(i, test::fault::flip_entry(123));
  CHECK_FALSE(run({}));
  CHECK(archived(i).empty());
  CHECK(query("SELECT count(*) FROM history") == "0");
  CHECK(query("SELECT kind FROM alert") == "log_root_mismatch");
}

TEST_CASE_METHOD(Fixture, "a log that is away is named, the other one read",
                 "[.db][monitor][backfill]") {
  logs.fill(0, 30);
  logs.fill(1, 30);
  logs.add_fault(0, test::fault::status(404));
  const auto job = backfill({});
  const auto plans = job->plan();
  REQUIRE(plans);
  for (const auto& plan : *plans) {
    CHECK(plan.problem.empty() == (plan.log == "new"));
  }
  CHECK_FALSE(job->run([](const BackfillProgress&) {}));
  CHECK(archived(0).empty());
  CHECK(archived(1) == Ranges{{0, 30}});
}

}  // namespace ct::monitor
