#include "sql/history_admin.h"

#include <thread>

#include "sql/history_bulk.h"
#include "sql/history_store.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

constexpr Seconds kJanuary2026 = 1'767'225'600, kDay = 86'400;

// One certificate that ends then.
HistoryEntry ending(unsigned n, Seconds at) {
  auto e = test::final_entry(n, 1, n);
  e.not_after = at;
  e.names = {"a" + std::to_string(n) + ".example", "b.org"};
  return e;
}

TEST_CASE("pruning drops whole quarters and says up to where",
          "[.db][sql][history_admin]") {
  test::TestDatabase database;
  Database& db = database.db();
  CHECK(prune_history(db, 0)->until == std::nullopt);
  const std::vector<HistoryEntry> entries{
      ending(1, 1'000), ending(2, kJanuary2026 - 1), ending(3, kJanuary2026),
      ending(4, kJanuary2026 + 80 * kDay)};
  REQUIRE(store_history(db, entries));

  const auto pruned = prune_history(db, kJanuary2026 + 85 * kDay);
  REQUIRE(pruned);
  CHECK(pruned->partitions == 2);  // 2025q4 and what is past
  CHECK(pruned->until == kJanuary2026);
  CHECK(database.run("SELECT string_agg(domain, ' ' ORDER BY domain) FROM "
                     "certificates") == "a3.example a4.example");
  CHECK(database.run("SELECT count(*) FROM history_root") == "2");

  // What is gone stays gone, by either path.
  CHECK(store_history(db, entries)->certificates == 0);
  const auto bulk = HistoryBulk::open(database.url(), {});
  REQUIRE((*bulk)->add(*prepare_history(entries)));
  CHECK((*bulk)->finish()->certificates == 0);
  CHECK(database.run("SELECT count(*) FROM history") == "2");

  // Never backwards.
  CHECK(prune_history(db, kJanuary2026 - 500 * kDay)->until == kJanuary2026);
  const auto all = prune_history(db, kJanuary2026 + 90 * kDay);
  CHECK(all->partitions == 1);
  CHECK(all->until == kJanuary2026 + 90 * kDay);
  CHECK(database.run("SELECT count(*) FROM history") == "0");
}

TEST_CASE("pruning waits for queries", "[.db][sql][history_admin]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {ending(1, kJanuary2026 - 1)}));
  const auto reader = database.connect();
  std::optional<Result<HistoryPruned>> pruned;
  std::thread thread;
  const auto read = reader->transact([&](Tx& tx) -> Result<void> {
    CHECK(tx.exec("SELECT id FROM history").size() == 1);
    thread = std::thread(
        [&] { pruned = prune_history(database.db(), kJanuary2026); });
    while (database.run("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                        "current_database() AND query LIKE 'LOCK TABLE ONLY%' "
                        "AND wait_event_type = 'Lock'") == "0") {
      std::this_thread::yield();
    }
    CHECK(tx.exec("SELECT id FROM history").size() == 1);
    return {};
  });
  thread.join();
  REQUIRE(read);
  REQUIRE(*pruned);
  CHECK((*pruned)->partitions == 2);  // and what is past
}

TEST_CASE("partitions can be made beforehand", "[.db][sql][history_admin]") {
  test::TestDatabase database;
  REQUIRE(add_history_partitions(database.db(), kJanuary2026,
                                 kJanuary2026 + 200 * kDay));
  const auto size = history_size(database.db());
  REQUIRE(size);
  std::vector<std::string> names;
  for (const auto& p : size->partitions) names.push_back(p.name);
  CHECK(names == std::vector<std::string>{"2026q1", "2026q2", "2026q3",
                                          "future", "past"});
  CHECK(size->certificates == 0);
}

TEST_CASE("the size is that of all tables", "[.db][sql][history_admin]") {
  test::TestDatabase database;
  std::vector<HistoryEntry> entries;
  for (unsigned i = 0; i < 2'000; ++i) {
    entries.push_back(ending(i, kJanuary2026 + i * kDay / 10));
  }
  REQUIRE(store_history(database.db(), entries));
  database.run("ANALYZE history");
  const auto size = history_size(database.db());
  REQUIRE(size);
  CHECK(size->certificates >= 1'990);
  CHECK(size->certificates <= 2'010);
  CHECK(std::to_string(size->bytes) ==
        database.run("SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                     "WHERE relname LIKE 'history%' AND relkind = 'r'"));
}

}  // namespace
}  // namespace ct::sql
