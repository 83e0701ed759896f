// The bytes of certificates in history: whichever way they come, those that a
// row names are there.
#include "sql/history_der.h"

#include <map>
#include <random>
#include <thread>

#include "sql/history_admin.h"
#include "sql/history_bulk.h"
#include "sql/history_search.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using Entries = std::vector<HistoryEntry>;
using Ders = std::map<Hash, Bytes>;

// An issuer's pattern around what is the certificate's own.
Bytes der_of(const HistoryEntry& e, unsigned signature) {
  Bytes out;
  for (int i = 0; i < 40; ++i) put_bytes(out, as_bytes(e.issuer + " pattern "));
  put_bytes(out, e.tbs_sha256);
  out.push_back(e.type == ctlog::EntryType::kX509 ? 1 : 0);
  out.push_back(static_cast<std::uint8_t>(signature));
  return out;
}

// Of few issuances, in several logs, some with another signature.
Entries entries_with_der(std::mt19937& random, std::size_t count, Ders& ders) {
  Entries out;
  for (std::size_t i = 0; i < count; ++i) {
    HistoryEntry e = test::random_entry(random);
    e.der = der_of(e, random() % 10 == 0 ? 1 : 0);
    e.sha256 = sha256(e.der);
    ders[e.sha256] = e.der;
    out.push_back(std::move(e));
  }
  return out;
}

std::vector<HistoryCertificate> rows_of(test::TestDatabase& database) {
  std::vector<HistoryCertificate> out;
  REQUIRE(database.db().transact([&](Tx& tx) -> Result<void> {
    for (const Row row :
         tx.exec("SELECT id, extract(epoch FROM not_after)::bigint AS end, "
                 "sha256 FROM history")) {
      HistoryCertificate c;
      c.id = row.integer("id");
      c.not_after = row.integer("end");
      c.sha256 = row.hash("sha256");
      out.push_back(c);
    }
    return {};
  }));
  return out;
}

// Every row has its bytes, and there are no others.
void check_all(test::TestDatabase& database, const Ders& ders) {
  const auto rows = rows_of(database);
  REQUIRE_FALSE(rows.empty());
  for (const auto& row : rows) {
    const auto der = find_der(database.db(), row);
    REQUIRE(der);
    REQUIRE(*der);
    CHECK(**der == ders.at(row.sha256));
  }
  CHECK(database.run("SELECT count(*) FROM history_der") ==
        std::to_string(rows.size()));
}

void add_in_bulk(test::TestDatabase& database, const Entries& entries) {
  const auto bulk = HistoryBulk::open(database.url(), {});
  REQUIRE(bulk);
  REQUIRE((*bulk)->add(*prepare_history(entries)));
  REQUIRE((*bulk)->finish());
}

}  // namespace

TEST_CASE("the bytes of each certificate are kept, whichever way it comes",
          "[.db][sql][history_der]") {
  test::TestDatabase database;
  std::mt19937 random(GENERATE(1u, 2u, 3u));
  Ders ders;
  for (int round = 0; round < 6; ++round) {
    const auto entries = entries_with_der(random, 30, ders);
    if (random() % 2 == 0) {
      add_in_bulk(database, entries);
    } else {
      REQUIRE(store_history(database.db(), entries));
    }
    check_all(database, ders);
  }
  CHECK(database.run("SELECT max(octet_length(der)) < 200 FROM history_der "
                     "WHERE template <> 0") == "t");
}

TEST_CASE("writers that meet keep the bytes of the one that stays",
          "[.db][sql][history_der][threads]") {
  test::TestDatabase database;
  std::mt19937 random(4);
  Ders ders;
  std::vector<Entries> batches;
  for (int i = 0; i < 30; ++i) {
    batches.push_back(entries_with_der(random, 15, ders));
  }
  // Each of these by several connections.
  for (int i = 0; i < 3; ++i) {
    batches.push_back(entries_with_der(random, 5'000, ders));
  }
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t, db = database.connect()] {
      for (std::size_t i = t; i < batches.size(); i += 3) {
        while (!store_history(*db, batches[i])) continue;
      }
    });
  }
  for (auto& t : threads) t.join();
  check_all(database, ders);
}

TEST_CASE("what is not given or too large is not kept",
          "[.db][sql][history_der]") {
  test::TestDatabase database;
  auto large = test::final_entry(1, 1, 1);
  large.der.assign(kMostHistoryDer + 1, 7);
  large.sha256 = sha256(large.der);
  auto largest = test::final_entry(2, 1, 2);
  largest.der.assign(kMostHistoryDer, 7);
  largest.sha256 = sha256(largest.der);
  const auto none = test::final_entry(3, 1, 3);
  const Entries entries = {large, largest, none};
  SECTION("in batches") { REQUIRE(store_history(database.db(), entries)); }
  SECTION("in bulk") { add_in_bulk(database, entries); }
  std::size_t found = 0;
  for (const auto& row : rows_of(database)) {
    const auto der = find_der(database.db(), row);
    REQUIRE(der);
    if (!*der) continue;
    ++found;
    CHECK(**der == largest.der);
  }
  CHECK(found == 1);
}

TEST_CASE("bytes that were changed are no certificate",
          "[.db][sql][history_der]") {
  test::TestDatabase database;
  std::mt19937 random(5);
  Ders ders;
  REQUIRE(store_history(database.db(), entries_with_der(random, 20, ders)));
  const bool bytes = GENERATE(false, true);
  database.run(bytes ? "UPDATE history_der SET der = set_byte(der, 3, 1)"
                     : "UPDATE history_der_template SET der = '\\x00'");
  std::size_t lost = 0;
  for (const auto& row : rows_of(database)) {
    const auto der = find_der(database.db(), row);
    REQUIRE(der);
    lost += !*der;
    if (*der) CHECK(**der == ders.at(row.sha256));
  }
  CHECK(lost > 0);
}

TEST_CASE("pruned certificates lose their bytes, too",
          "[.db][sql][history_der]") {
  test::TestDatabase database;
  std::mt19937 random(6);
  Ders ders;
  REQUIRE(store_history(database.db(), entries_with_der(random, 60, ders)));
  const auto before = history_size(database.db());
  REQUIRE(before);
  const auto total = std::stoull(database.run(
      "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE "
      "inhparent IN ('history'::regclass, 'history_root'::regclass, "
      "'history_der'::regclass)"));
  CHECK(before->bytes > total);
  REQUIRE(prune_history(database.db(), 1'710'000'000));
  check_all(database, ders);
}

}  // namespace ct::sql
