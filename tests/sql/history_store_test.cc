#include "sql/history_store.h"

#include <limits>
#include <optional>
#include <random>
#include <thread>

#include "base/hex.h"
#include "sql/history_row.h"
#include "sql/tx.h"
#include "tests/sql/history_samples.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using test::final_entry;
using test::hash_of;
using test::history_dump;
using test::HistoryModel;
using test::precert_entry;

HistoryStored store(Database& db, const std::vector<HistoryEntry>& entries) {
  const auto stored = store_history(db, entries);
  if (!stored) FAIL(stored.error().what);
  return *stored;
}

TEST_CASE("precertificate and final certificate are one row, in either order",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  Database& db = database.db();
  auto precert = precert_entry(1, 1, 100);
  auto final = final_entry(1, 2, 200);
  final.timestamp = precert.timestamp + 5'000;
  const auto row = [&] {
    return database.run(
        "SELECT concat_ws('|', domain, names, issuer, serial, sha256, final, "
        "extract(epoch FROM not_before)::bigint, extract(epoch FROM "
        "not_after)::bigint, organization, issuer_spki_sha256, spki, "
        "sightings) FROM certificates");
  };
  const std::string rest = "|1700000000|1800000000|Org 1|" +
                           to_hex(hash_of(0xee)) + "|" +
                           to_hex(precert.spki_sha256).substr(0, 32) + "|";
  const std::string front =
      "c1.example|{c1.example,www.c1.example}|CN=CA|0a01|";

  const bool precert_first = GENERATE(true, false);
  if (precert_first) {
    CHECK(store(db, {precert}).certificates == 1);
    CHECK(row() == front + to_hex(precert.sha256) + "|f" + rest + "1");
    const auto stored = store(db, {final});
    CHECK(stored.certificates == 0);
    CHECK(stored.updated == 1);
  } else {
    CHECK(store(db, {final}).certificates == 1);
    CHECK(database.run("SELECT concat_ws('|', issuer, issuer_spki_sha256, "
                       "final) FROM certificates") == "CN=CA||t");
    CHECK(store(db, {precert}).updated == 1);
  }
  CHECK(row() == front + to_hex(final.sha256) + "|t" + rest + "2");
  CHECK(database.run("SELECT string_agg(concat_ws(',', log_id, leaf_index, "
                     "precert), ' ' ORDER BY logged_at) FROM "
                     "certificate_sightings") ==
        to_hex(hash_of(1)) + ",100,t " + to_hex(hash_of(2)) + ",200,f");

  // Again, and nothing changes.
  const std::string before = history_dump(database);
  const auto again = store(db, {final, precert, precert});
  CHECK(again.certificates == 0);
  CHECK(again.updated == 0);
  CHECK(history_dump(database) == before);
}

TEST_CASE("five logs are five sightings of one row",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  std::vector<HistoryEntry> entries;
  for (std::uint8_t log = 1; log <= 5; ++log) {
    entries.push_back(precert_entry(1, log, 10U * log));
    entries.push_back(precert_entry(2, log, 10U * log + 1));
  }
  SECTION("at once") { CHECK(store(database.db(), entries).certificates == 2); }
  SECTION("one by one") {
    std::size_t certificates = 0;
    for (const auto& e : entries) {
      certificates += store(database.db(), {e}).certificates;
    }
    CHECK(certificates == 2);
  }
  CHECK(database.run("SELECT string_agg(sightings::text, ' ') FROM "
                     "certificates") == "5 5");
  CHECK(database.run("SELECT count(DISTINCT log) FROM certificate_sightings") ==
        "5");
  CHECK(database.run("SELECT count(*) FROM history_log") == "5");
  CHECK(database.run("SELECT count(*) FROM history_issuer") == "1");
}

TEST_CASE("hostile text and dates are stored without loss",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  auto e = final_entry(1, 1, (1ULL << 63) - 1);
  e.names = {std::string("a\0b.example", 11),
             "\xff\t\n\\.example",
             "x y",
             "me@example.com",
             "2001:db8::1",
             "a'b\"{}.example"};
  e.organization = std::string("Org\0\xff\t\\N\n", 9);
  e.issuer = std::string("CN=\0\xff'\"{\\", 10) + std::string(5'000, 'x');
  e.serial = "";
  e.timestamp = std::numeric_limits<Millis>::max();
  e.not_before = std::numeric_limits<Seconds>::min();
  e.not_after = std::numeric_limits<Seconds>::max();
  auto early = final_entry(2, 1, 0);
  early.not_after = std::numeric_limits<Seconds>::min();
  early.names = {};
  early.timestamp = -5;
  CHECK(store(database.db(), {e, early}).certificates == 2);
  CHECK(store(database.db(), {early, e}).updated == 0);
  const std::string bad = "\xef\xbf\xbd";
  CHECK(database.run("SELECT organization FROM history_future") ==
        "Org" + bad + bad + "\t\\N\n");
  CHECK(database.run("SELECT domain || ' | ' || names FROM history_future") ==
        "example \\xff\\x09\\x0a\\x5c | a\\x00b.example . x\\x20y "
        "me@example.com 2001:db8::1 a'b\"{}.example");
  CHECK(database.run("SELECT count(*) FROM history_root_future") == "5");
  CHECK(database.run("SELECT extract(year FROM not_before) || ' ' || "
                     "extract(year FROM not_after) FROM history_future") ==
        "1 9999");
  CHECK(database.run("SELECT count(*) FROM history_past WHERE domain = '' AND "
                     "names = ''") == "1");
  CHECK(database.run("SELECT length(name) <= 2000 FROM history_issuer WHERE "
                     "length(name) > 100") == "t");

  e.leaf_index = 1ULL << 63;
  const auto refused = store_history(database.db(), {e});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kMalformed);
}

TEST_CASE("what was pruned is not stored again", "[.db][sql][history_store]") {
  test::TestDatabase database;
  database.run("UPDATE history_pruned SET until = to_timestamp(1800000000)");
  auto before = final_entry(1, 1, 1);
  before.not_after = 1'799'999'999;
  const auto after = final_entry(2, 1, 2);
  CHECK(store(database.db(), {before, after}).certificates == 1);
  CHECK(database.run("SELECT count(*) FROM history") == "1");
}

TEST_CASE("a failed call leaves nothing behind", "[.db][sql][history_store]") {
  test::TestDatabase database;
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    (void)store_history(tx, {final_entry(1, 1, 1)});
    return fail(Errc::kUsage, "changed my mind");
  });
  CHECK_FALSE(done);
  CHECK(database.run("SELECT count(*) FROM history") == "0");
  CHECK(database.run("SELECT count(*) FROM history_issuer") == "0");
  CHECK(store(database.db(), {}).certificates == 0);
}

TEST_CASE("whoever loses the race for a row adds to it",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  // So that issuer and logs have their numbers, and rows are waited for.
  HistoryModel model;
  for (const auto& e : {precert_entry(9, 1, 9), final_entry(9, 2, 9)}) {
    store(database.db(), {e});
    model.add(e);
  }
  const auto other = database.connect();
  std::optional<Result<HistoryStored>> second;
  std::thread thread;
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    (void)store_history(tx, {precert_entry(1, 1, 1), precert_entry(3, 1, 3)});
    thread = std::thread([&] {
      second = store_history(
          *other,
          {final_entry(1, 2, 1), final_entry(2, 2, 2), final_entry(3, 2, 3)});
    });
    while (database.run("SELECT count(*) FROM pg_stat_activity WHERE "
                        "datname = current_database() AND wait_event_type = "
                        "'Lock'") == "0") {
      std::this_thread::yield();
    }
    return {};
  });
  thread.join();
  REQUIRE(done);
  REQUIRE(*second);
  CHECK((*second)->certificates == 1);
  CHECK((*second)->updated == 2);
  for (const auto& e :
       {precert_entry(1, 1, 1), precert_entry(3, 1, 3), final_entry(1, 2, 1),
        final_entry(2, 2, 2), final_entry(3, 2, 3)}) {
    model.add(e);
  }
  CHECK(history_dump(database) == model.dump());
}

TEST_CASE("writers that store the same things at once lose nothing",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  HistoryModel model;
  constexpr int kWriters = 3, kBatches = 12;
  std::vector<std::vector<std::vector<HistoryEntry>>> work(kWriters);
  std::mt19937 random(11);
  for (auto& batches : work) {
    for (int b = 0; b < kBatches; ++b) {
      std::vector<HistoryEntry> batch;
      for (int i = 0; i < 40; ++i) {
        batch.push_back(test::random_entry(random));
        model.add(batch.back());
      }
      batches.push_back(std::move(batch));
    }
  }
  std::vector<std::thread> threads;
  std::vector<std::string> errors(kWriters);
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const auto db = database.connect();
      for (const auto& batch : work[static_cast<std::size_t>(w)]) {
        while (true) {
          const auto stored = store_history(*db, batch);
          if (stored) break;
          if (stored.error().code == Errc::kTransient) continue;
          errors[static_cast<std::size_t>(w)] = stored.error().what;
          return;
        }
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(errors == std::vector<std::string>(kWriters));
  CHECK(history_dump(database) == model.dump());
}

TEST_CASE("history is what a naive model of it is",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  HistoryModel model;
  const auto seed = GENERATE(1U, 2U, 3U);
  std::mt19937 random(seed);
  for (int round = 0; round < 40; ++round) {
    std::vector<HistoryEntry> batch;
    for (unsigned n = random() % 30; n-- > 0;) {
      batch.push_back(test::random_entry(random));
      model.add(batch.back());
    }
    store(database.db(), batch);
  }
  CHECK(history_dump(database) == model.dump());
}

// More than one connection writes at once.
std::vector<HistoryEntry> large_batch(unsigned begin, unsigned end,
                                      HistoryEntry (*entry)(unsigned,
                                                            std::uint8_t,
                                                            std::uint64_t),
                                      HistoryModel& model) {
  std::vector<HistoryEntry> batch;
  for (unsigned n = begin; n < end; ++n) {
    batch.push_back(entry(n, 1, n));
    model.add(batch.back());
  }
  return batch;
}

TEST_CASE("a large batch is stored by several, as it is by one",
          "[.db][sql][history_store][threads]") {
  test::TestDatabase database;
  HistoryModel model;
  const auto first = large_batch(0, 6'000, precert_entry, model);
  const auto second = large_batch(3'000, 9'000, final_entry, model);
  CHECK(is_large(*prepare_history(first)));
  CHECK(store(database.db(), first).certificates == 6'000);
  const auto stored = store(database.db(), second);
  CHECK(stored.certificates == 3'000);
  CHECK(stored.updated == 3'000);
  CHECK(store(database.db(), second).updated == 0);
  CHECK(history_dump(database) == model.dump());
  CHECK(database.run("SELECT count(DISTINCT xmin::text) > 2 FROM history") ==
        "t");
}

TEST_CASE("large batches that meet lose nothing",
          "[.db][sql][history_store][threads]") {
  test::TestDatabase database;
  HistoryModel model;
  std::mt19937 random(12);
  std::vector<std::vector<HistoryEntry>> batches(6);
  for (auto& batch : batches) {
    for (int i = 0; i < 5'000; ++i) {
      batch.push_back(test::random_entry(random));
      model.add(batch.back());
    }
  }
  std::vector<std::thread> threads;
  std::vector<std::string> errors(3);
  for (std::size_t w = 0; w < errors.size(); ++w) {
    threads.emplace_back([&, w, db = database.connect()] {
      for (std::size_t i = w; i < batches.size(); i += errors.size()) {
        const auto stored = store_history(*db, batches[i]);
        if (!stored) errors[w] = stored.error().what;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(errors == std::vector<std::string>(3));
  CHECK(history_dump(database) == model.dump());
}

TEST_CASE("what is pruned while a large batch comes is not stored",
          "[.db][sql][history_store]") {
  test::TestDatabase database;
  HistoryModel unused;
  auto batch = large_batch(0, 6'000, final_entry, unused);
  for (unsigned n = 0; n < 5'999; ++n) batch[n].not_after -= 1;
  const auto other = database.connect();
  std::optional<Result<HistoryStored>> stored;
  std::thread thread;
  const auto pruned = database.db().transact([&](Tx& tx) -> Result<void> {
    // Whoever numbers issuers waits for this, and knows by then until when
    // history is pruned.
    tx.run_script("LOCK TABLE history_issuer IN ROW EXCLUSIVE MODE");
    thread = std::thread([&] { stored = store_history(*other, batch); });
    while (database.run("SELECT count(*) FROM pg_locks WHERE NOT granted AND "
                        "relation = 'history_issuer'::regclass") == "0") {
      std::this_thread::yield();
    }
    tx.run_script("UPDATE history_pruned SET until = to_timestamp(1800000000)");
    return {};
  });
  thread.join();
  REQUIRE(pruned);
  REQUIRE(*stored);
  CHECK((*stored)->certificates == 1);
  CHECK(database.run("SELECT count(*) FROM history") == "1");
}

TEST_CASE("C++ and SQL name partitions alike", "[.db][sql][history_store]") {
  test::TestDatabase database;
  for (const Seconds t :
       {-62'135'596'800LL, 0LL, 1'262'303'999LL, 1'262'304'000LL,
        1'270'079'999LL, 1'270'080'000LL, 1'798'761'599LL, 1'798'761'600LL,
        2'524'607'999LL, 2'524'608'000LL, 253'402'300'799LL}) {
    CAPTURE(t);
    CHECK(database.run("SELECT (history_partition(to_timestamp(" +
                       std::to_string(t) + "))).name") ==
          history_partition_name(history_quarter(t)));
  }
}

}  // namespace
}  // namespace ct::sql
