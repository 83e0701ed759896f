#include "sql/history_substring.h"

#include <thread>

#include "sql/history_bulk.h"
#include "sql/history_store.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"

namespace ct::sql {
namespace {

constexpr Seconds kJanuary2026 = 1'767'225'600, kQuarter = 91 * 86'400;

HistoryEntry ending(unsigned n, Seconds at) {
  auto e = test::final_entry(n, 1, n);
  e.not_after = at;
  return e;
}

Result<void> create(test::TestDatabase& database) {
  return create_substring_index(database.db(), database.url(),
                                [](double, const std::string&) {});
}

void must_create(test::TestDatabase& database) {
  const auto done = create(database);
  INFO((done ? "" : done.error().what));
  REQUIRE(done);
}

// Partitions, those with the index, and whether Postgres counts it as whole.
std::string state(test::TestDatabase& database) {
  const auto index = substring_index(database.db());
  REQUIRE(index);
  REQUIRE(index->wanted);
  CHECK((index->bytes > 0) == (index->indexed > 0));
  return std::to_string(index->partitions) + " " +
         std::to_string(index->indexed) + " " +
         database.run(
             "SELECT indisvalid FROM pg_index WHERE indexrelid = "
             "'history_substring'::regclass");
}

TEST_CASE("all partitions have the substring index, later ones too",
          "[.db][sql][history_substring]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {ending(1, kJanuary2026)}));
  CHECK_FALSE(substring_index(database.db())->wanted);
  std::vector<double> told;
  REQUIRE(create_substring_index(
      database.db(), database.url(),
      [&](double done, const std::string&) { told.push_back(done); }));
  CHECK(told.size() >= 3);
  CHECK(std::is_sorted(told.begin(), told.end()));
  CHECK(told.back() <= 1);
  CHECK(state(database) == "3 3 t");

  REQUIRE(store_history(database.db(), {ending(2, kJanuary2026 + kQuarter)}));
  const auto bulk = HistoryBulk::open(database.url(), {});
  REQUIRE((*bulk)->add(*prepare_history(
      {ending(3, kJanuary2026), ending(4, kJanuary2026 + 2 * kQuarter)})));
  REQUIRE((*bulk)->finish());
  CHECK(state(database) == "5 5 t");
  // There is nothing left to do, and again is not twice.
  must_create(database);
  CHECK(state(database) == "5 5 t");
  CHECK(database.run("SELECT count(*) FROM pg_index x WHERE "
                     "pg_get_indexdef(indexrelid) LIKE '%gin_trgm_ops%'") ==
        "6");

  REQUIRE(drop_substring_index(database.db()));
  CHECK_FALSE(substring_index(database.db())->wanted);
  CHECK(substring_index(database.db())->bytes == 0);
  REQUIRE(drop_substring_index(database.db()));
}

TEST_CASE("what an interrupted attempt left is used or replaced",
          "[.db][sql][history_substring]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {ending(1, kJanuary2026)}));
  must_create(database);
  const std::string definition = database.run(
      "SELECT pg_get_indexdef('history_2026q1_substring'::regclass)");
  REQUIRE(drop_substring_index(database.db()));
  // Killed while the first was built, and the second was built only.
  database.run(definition);
  database.run(
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
      "'history_2026q1_substring'::regclass");
  std::string other = definition;
  other.replace(other.find("2026q1_substring"), 16, "past_substring");
  other.replace(other.find("history_2026q1 "), 15, "history_past ");
  database.run(other);
  const auto oid = [&](const std::string& index) {
    return database.run("SELECT '" + index + "'::regclass::oid");
  };
  const auto broken = oid("history_2026q1_substring");
  const auto ready = oid("history_past_substring");
  must_create(database);
  CHECK(state(database) == "3 3 t");
  CHECK(oid("history_2026q1_substring") != broken);
  CHECK(oid("history_past_substring") == ready);
}

TEST_CASE("others read and write while the substring index is created",
          "[.db][sql][history_substring]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {ending(1, kJanuary2026)}));
  const auto slow = database.connect(), other = database.connect();
  std::optional<Result<void>> created;
  std::thread thread;
  const auto done = slow->transact([&](Tx& tx) -> Result<void> {
    store_history(tx, {ending(2, kJanuary2026)});
    thread = std::thread([&] { created = create(database); });
    while (database.run("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                        "current_database() AND query LIKE 'CREATE INDEX "
                        "CONCURRENTLY%' AND wait_event_type = 'Lock'") == "0") {
      std::this_thread::yield();
    }
    const auto stored = store_history(
        *other, {ending(3, kJanuary2026), ending(4, kJanuary2026 + kQuarter)});
    CHECK((stored && stored->certificates == 2));
    CHECK(database.run("SELECT count(*) FROM history") == "3");
    // One at a time.
    const auto second = create_substring_index(
        *other, database.url(), [](double, const std::string&) {});
    REQUIRE_FALSE(second);
    CHECK_THAT(second.error().what, ContainsSubstring("already"));
    return {};
  });
  thread.join();
  REQUIRE(done);
  REQUIRE(*created);
  CHECK(state(database) == "4 4 t");
  CHECK(database.run("SELECT count(*) FROM history") == "4");
}

TEST_CASE("without the extension it says what to do",
          "[.db][sql][history_substring]") {
  test::TestDatabase database;
  const auto fails = [&](const std::string& options, const char* text) {
    const std::string url = database.url() + " options='" + options + "'";
    const auto db = Database::connect(url);
    REQUIRE(db);
    const auto done =
        create_substring_index(**db, url, [](double, const std::string&) {});
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::kUsage);
    CHECK_THAT(done.error().what, ContainsSubstring(text));
    CHECK_FALSE(substring_index(database.db())->wanted);
  };
  database.run("DROP ROLE IF EXISTS plain");
  database.run("CREATE ROLE plain");
  database.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO plain");
  fails("-c role=plain", "CREATE EXTENSION pg_trgm");
  database.run(
      "CREATE VIEW pg_available_extensions AS SELECT * FROM "
      "pg_catalog.pg_available_extensions WHERE name <> 'pg_trgm'");
  fails("-c search_path=public,pg_catalog", "contrib");
}

TEST_CASE("the extension may be in another schema",
          "[.db][sql][history_substring]") {
  test::TestDatabase database;
  database.run("CREATE SCHEMA \"Ex tra\"");
  database.run("CREATE EXTENSION pg_trgm SCHEMA \"Ex tra\"");
  REQUIRE(store_history(database.db(), {ending(1, kJanuary2026)}));
  must_create(database);
  CHECK(state(database) == "3 3 t");
  REQUIRE(store_history(database.db(), {ending(2, kJanuary2026 + kQuarter)}));
  CHECK(state(database) == "4 4 t");
}

}  // namespace
}  // namespace ct::sql
