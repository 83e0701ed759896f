#include <nlohmann/json.hpp>

#include "sql/history_store.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/test_postgres.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

struct Fixture {
  test::TestDatabase database;

  // A certificate for `name` that ends at `not_after`.
  void add(const std::string& name, const std::string& not_after) {
    sql::HistoryEntry e;
    e.tbs_sha256.fill(static_cast<std::uint8_t>(++count_));
    e.log_id.fill(1);
    e.leaf_index = count_;
    e.timestamp = 1'700'000'000'000;
    e.names = {name};
    e.not_after = *parse_time(not_after) / 1000;
    REQUIRE(sql::store_history(database.db(), {e}));
  }
  test::CommandOutput run(std::vector<std::string> args) {
    args.insert(args.begin(), "history");
    args.push_back("--database");
    args.push_back(database.url());
    return test::run_command(add_history_commands, args);
  }
  std::string domains() {
    return database.run(
        "SELECT string_agg(domain, ' ' ORDER BY domain) FROM certificates");
  }

 private:
  std::uint64_t count_ = 0;
};

}  // namespace

TEST_CASE_METHOD(Fixture, "whole quarters are pruned, and stay away",
                 "[.db][monitor][commands_history]") {
  add("a.example", "2024-03-31T23:59:59Z");
  add("b.example", "2024-04-01");
  add("c.example", "2024-06-01");
  auto r = run({"prune", "--before", "2024-05-01"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("Partitions dropped: 2."));
  // 2024q1 and "past"
  CHECK_THAT(r.out, ContainsSubstring("2024-04-01T00:00:00Z"));
  CHECK(domains() == "b.example c.example");
  add("a.example", "2024-02-01");
  CHECK(domains() == "b.example c.example");
  const json again =
      test::json_of(run({"prune", "--before", "2024-05-01", "--json"}));
  CHECK(again["partitions"] == 0);
  CHECK(again["pruned_until"] == "2024-04-01T00:00:00Z");
}

TEST_CASE_METHOD(Fixture, "what is valid is not pruned",
                 "[.db][monitor][commands_history]") {
  add("a.example", "2049-03-31");
  for (const std::string date : {"2050-01-01", "soon"}) {
    const auto r = run({"prune", "--before", date});
    CHECK(r.code == kExitUsage);
    CHECK_THAT(r.err, ContainsSubstring(date));
  }
  CHECK(domains() == "a.example");
}

TEST_CASE_METHOD(Fixture, "the size of history, by quarter",
                 "[.db][monitor][commands_history]") {
  add("a.example", "2024-03-31");
  database.run("ANALYZE history");
  const json size = test::json_of(run({"size", "--json"}));
  CHECK(size["bytes"] > 0);
  bool found = false;
  for (const json& p : size["partitions"]) {
    found = found || (p["name"] == "2024q1" && p["certificates"] == 1);
  }
  CHECK(found);
  CHECK_THAT(run({"size"}).out, ContainsSubstring("2024q1"));
}

TEST_CASE_METHOD(Fixture, "what has ended is packed, and all of it is there",
                 "[.db][monitor][commands_history]") {
  add("valid.example", "2049-01-01");
  for (int i = 0; i < 200; ++i) {
    add("ended" + std::to_string(i) + ".example", "2024-03-31");
  }
  const std::string before = domains();
  const auto table = [&](const std::string& quarter) {
    return database.run("SELECT 'history_" + quarter + "'::regclass::oid");
  };
  const auto bytes = [&] {
    return std::stoul(
        database.run("SELECT pg_total_relation_size('history_2024q1')"));
  };
  // As others that see them do.
  for (int i = 0; i < 4; ++i) {
    database.run("UPDATE history_2024q1 SET sha256 = sha256");
  }
  const std::string ended = table("2024q1"), valid = table("2049q1");
  const auto size = bytes();
  auto r = run({"pack"});
  INFO(r.err);
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("where it took"));
  CHECK(domains() == before);
  CHECK(table("2024q1") != ended);
  CHECK(table("2049q1") == valid);
  CHECK(bytes() < size);
  const json packed = test::json_of(run({"pack", "--all", "--json"}));
  CHECK(packed["bytes"] <= packed["bytes_before"]);
  CHECK(table("2049q1") != valid);
  CHECK(domains() == before);
}

TEST_CASE_METHOD(Fixture, "the substring index comes and goes, and has a size",
                 "[.db][monitor][commands_history]") {
  add("a.example", "2024-03-31");
  const auto shown = [&] {
    return test::json_of(run({"size", "--json"}))["substring_index"];
  };
  CHECK(shown().is_null());
  CHECK_THAT(run({"size"}).out, !ContainsSubstring("substring"));
  auto r = run({"index", "--substring", "on"});
  INFO(r.err);
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("kB"));
  CHECK_THAT(r.err, ContainsSubstring("history_"));
  CHECK(shown()["bytes"] > 0);
  CHECK(shown()["complete"] == true);
  CHECK_THAT(run({"size"}).out, ContainsSubstring("substring index"));
  // As an interruption leaves it.
  database.run(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
      "'history_2024q1_substring'::regclass");
  CHECK(shown()["complete"] == false);
  CHECK_THAT(run({"size"}).out, ContainsSubstring("1 of 3 partitions lack it"));
  CHECK(run({"index", "--substring", "off"}).code == kExitOk);
  CHECK(shown().is_null());
  CHECK(run({"index"}).code == kExitUsage);
  CHECK(run({"index", "--substring", "yes"}).code == kExitUsage);
}

}  // namespace ct::monitor
