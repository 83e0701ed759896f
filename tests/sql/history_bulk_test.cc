#include "sql/history_bulk.h"

#include <future>
#include <optional>
#include <random>
#include <thread>

#include "sql/history_row.h"
#include "sql/tx.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::sql {
namespace {

using test::history_dump;
using test::HistoryModel;
using Entries = std::vector<HistoryEntry>;

Entries random_entries(std::mt19937& random, std::size_t count,
                       HistoryModel& model) {
  Entries out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(test::random_entry(random));
    model.add(out.back());
  }
  return out;
}

std::unique_ptr<HistoryBulk> open(const test::TestDatabase& database,
                                  const HistoryBulkOptions& options = {}) {
  auto bulk = HistoryBulk::open(database.url(), options);
  if (!bulk) FAIL(bulk.error().what);
  return *std::move(bulk);
}

void add(HistoryBulk& bulk, const Entries& entries) {
  const auto added = bulk.add(*prepare_history(entries));
  if (!added) FAIL(added.error().what);
}

HistoryStored finish(HistoryBulk& bulk) {
  const auto stored = bulk.finish();
  if (!stored) FAIL(stored.error().what);
  return *stored;
}

std::string leftovers(const test::TestDatabase& database) {
  return database.run(
      "SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class WHERE "
      "relname LIKE '%\\_new\\_%' AND relkind = 'r'");
}

TEST_CASE("the bulk path stores what the other one stores",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  const test::TempDir folder;
  HistoryModel model;
  const auto seed = GENERATE(1U, 2U, 3U);
  // Little memory: every batch goes to a file.
  const std::size_t memory = GENERATE(0U, 20'000U, 256U << 20);
  std::mt19937 random(seed);
  for (int round = 0; round < 3; ++round) {
    REQUIRE(store_history(database.db(), random_entries(random, 40, model)));
    const auto bulk = open(database, {folder.path(), memory});
    for (int batch = 0; batch < 5; ++batch) {
      add(*bulk, random_entries(random, 30, model));
    }
    finish(*bulk);
    CHECK(history_dump(database) == model.dump());
  }
  CHECK(leftovers(database) == "");
  // All indexes are there, and belong to those of the whole table.
  CHECK(database.run(
            "SELECT count(*) FROM pg_inherits p JOIN pg_class c ON "
            "c.oid = p.inhrelid WHERE p.inhparent = 'history'::regclass AND "
            "(SELECT count(*) FROM pg_index i JOIN pg_inherits q ON q.inhrelid "
            "= i.indexrelid WHERE i.indrelid = c.oid) <> (SELECT count(*) FROM "
            "pg_index WHERE indrelid = 'history'::regclass)") == "0");
  CHECK(database.run("SELECT count(*) FROM pg_constraint WHERE conname = "
                     "'bounds'") == "0");
}

TEST_CASE("nothing is stored before the end, nor if there is none",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  HistoryModel model;
  std::mt19937 random(4);
  const Entries entries = random_entries(random, 50, model);
  {
    const auto bulk = open(database);
    add(*bulk, entries);
    CHECK(database.run("SELECT count(*) FROM history") == "0");
  }
  CHECK(database.run("SELECT count(*) FROM history") == "0");
  const auto bulk = open(database);
  finish(*bulk);
  CHECK(history_dump(database).empty());
}

TEST_CASE("certificates are counted once", "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {test::final_entry(1, 1, 1)}));
  const auto bulk = open(database);
  add(*bulk, {test::precert_entry(1, 2, 1), test::precert_entry(2, 2, 2)});
  add(*bulk, {test::final_entry(2, 3, 3)});
  CHECK(finish(*bulk).certificates == 1);
}

TEST_CASE("what others write meanwhile is not lost",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  HistoryModel model;
  std::mt19937 random(5);
  std::vector<Entries> others;
  for (int i = 0; i < 60; ++i)
    others.push_back(random_entries(random, 8, model));
  std::thread writer([&, db = database.connect()] {
    for (const auto& entries : others) {
      while (!store_history(*db, entries)) {
      }
    }
  });
  std::vector<std::string> errors;
  for (int i = 0; i < 4; ++i) {
    const auto bulk = open(database);
    add(*bulk, random_entries(random, 30, model));
    const auto stored = bulk->finish();
    if (!stored) errors.push_back(stored.error().what);
  }
  writer.join();
  CHECK(errors == std::vector<std::string>());
  CHECK(history_dump(database) == model.dump());
}

TEST_CASE("what has ended is packed once, and what has not is left alone",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  HistoryModel model;
  const Seconds now = now_millis() / 1000;
  constexpr Seconds kDay = 86'400;
  Entries entries;
  for (unsigned i = 0; i < 4; ++i) {
    // Valid; ended, but not for a week, unless that is another quarter; ended.
    const Seconds ends[] = {now + 100 * kDay, now, now - 100 * kDay,
                            now - 400 * kDay};
    entries.push_back(test::final_entry(i, 1, i));
    entries.back().not_after = ends[i];
    model.add(entries.back());
  }
  REQUIRE(store_history(database.db(), entries));
  const auto pack = [&](HistoryPack which) {
    std::vector<std::string> packed;
    REQUIRE(pack_history(
        database.db(), which,
        [&](double, const std::string& at) { packed.push_back(at); }));
    return packed;
  };
  const auto name = [&](Seconds t) {
    return history_partition_name(history_quarter(t));
  };
  const std::vector<std::string> ended = {"past", name(now - 400 * kDay),
                                          name(now - 100 * kDay)};
  // The first one is empty.
  CHECK(pack(HistoryPack::kLoose) ==
        std::vector<std::string>(ended.begin() + 1, ended.end()));
  CHECK(pack(HistoryPack::kLoose).empty());
  CHECK(pack(HistoryPack::kEnded) == ended);
  CHECK(pack(HistoryPack::kAll).size() == 6);
  CHECK(pack(HistoryPack::kLoose).empty());
  CHECK(history_dump(database) == model.dump());

  // Two at once: the second one finds nothing left.
  const std::string table = "history_" + ended[1];
  const std::string index = database.run(
      "SELECT indexrelid::regclass FROM pg_index WHERE indisprimary AND "
      "indrelid = '" +
      table + "'::regclass");
  database.run("ALTER INDEX " + index + " SET (fillfactor = 90)");
  const auto other = database.connect();
  std::future<Result<void>> packing;
  CHECK(other->transact([&](Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE " + table);
    packing = std::async(std::launch::async, [&] {
      return pack_history(database.db(), HistoryPack::kLoose,
                          [](double, const std::string&) {});
    });
    CHECK(test::eventually([&] {
      return database.run("SELECT count(*) FROM pg_locks WHERE NOT granted") !=
             "0";
    }));
    tx.run_script("ALTER INDEX " + index + " SET (fillfactor = 100)");
    return {};
  }));
  const auto which = [&] {
    return database.run("SELECT '" + table + "'::regclass::oid");
  };
  const auto before = which();
  CHECK(packing.get());
  CHECK(which() == before);
}

TEST_CASE("two that build the same partitions take turns",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  HistoryModel model;
  std::mt19937 random(6);
  REQUIRE(store_history(database.db(), random_entries(random, 200, model)));
  const auto pack = [&database] {
    const auto db = database.connect();
    for (int i = 0; i < 3; ++i) {
      const auto packed = pack_history(*db, HistoryPack::kAll,
                                       [](double, const std::string&) {});
      if (!packed) return packed.error().what;
    }
    return std::string();
  };
  auto other = std::async(std::launch::async, pack);
  CHECK(pack().empty());
  CHECK(other.get().empty());
  CHECK(history_dump(database) == model.dump());
  CHECK(leftovers(database).empty());
}

TEST_CASE("readers see the old partition until the new one is whole",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  REQUIRE(store_history(database.db(), {test::final_entry(1, 1, 1)}));
  const auto reader = database.connect();
  std::optional<Result<HistoryStored>> stored;
  std::thread thread;
  const auto read = reader->transact([&](Tx& tx) -> Result<void> {
    CHECK(tx.exec("SELECT id FROM history").size() == 1);
    const auto bulk =
        std::make_shared<std::unique_ptr<HistoryBulk>>(open(database));
    add(**bulk, {test::final_entry(2, 1, 2)});
    thread = std::thread([&, bulk] { stored = (*bulk)->finish(); });
    // It is at the swap, and waits for us in turns.
    while (database.run("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                        "current_database() AND query LIKE "
                        "'SELECT history_swap_partition%' AND pid <> "
                        "pg_backend_pid()") == "0") {
      std::this_thread::yield();
    }
    CHECK(tx.exec("SELECT id FROM history").size() == 1);
    // Others read as well: nobody queues up behind the builder for long.
    CHECK(database.run("SELECT count(*) FROM history") == "1");
    return {};
  });
  thread.join();
  REQUIRE(read);
  REQUIRE(*stored);
  CHECK(database.run("SELECT count(*) FROM history") == "2");
}

TEST_CASE("a server that dies under the builder leaves the old partition",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  HistoryModel model;
  REQUIRE(store_history(database.db(), {test::final_entry(1, 1, 1)}));
  model.add(test::final_entry(1, 1, 1));
  const auto reader = database.connect();
  std::optional<Result<HistoryStored>> stored;
  std::thread thread;
  const auto read = reader->transact([&](Tx& tx) -> Result<void> {
    (void)tx.exec("SELECT id FROM history");
    const auto bulk =
        std::make_shared<std::unique_ptr<HistoryBulk>>(open(database));
    add(**bulk, {test::final_entry(2, 1, 2)});
    thread = std::thread([&, bulk] { stored = (*bulk)->finish(); });
    while (database.run("SELECT coalesce(bool_or(pg_terminate_backend(pid)), "
                        "false) FROM pg_stat_activity WHERE datname = "
                        "current_database() AND query LIKE "
                        "'SELECT history_swap_partition%' AND pid <> "
                        "pg_backend_pid()") == "f") {
      std::this_thread::yield();
    }
    return {};
  });
  thread.join();
  REQUIRE(read);
  REQUIRE_FALSE(*stored);
  CHECK(stored->error().code == Errc::kTransient);
  CHECK(history_dump(database) == model.dump());
  CHECK(leftovers(database) == "");
}

TEST_CASE("a folder that cannot be written to is an error",
          "[.db][sql][history_bulk]") {
  test::TestDatabase database;
  const auto bulk = open(database, {"/nowhere/at/all", 0});
  const auto added = bulk->add(*prepare_history({test::final_entry(1, 1, 1)}));
  REQUIRE_FALSE(added);
  CHECK_THAT(added.error().what, ContainsSubstring("/nowhere/at/all"));
}

}  // namespace
}  // namespace ct::sql
