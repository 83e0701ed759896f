// What storing history costs, beside COPY of the same rows into the same
// tables and indexes, on a Postgres of its own.
//
//   build/history_bench [ENTRIES [DATABASE-URL]]
#include <fmt/format.h>

#include <set>

#include "sql/history_row.h"
#include "sql/history_substring.h"
#include "sql/logs.h"
#include "tests/bench/history_server.h"

namespace ct::bench {
namespace {

// Copied as rows that are ready, one for each entry: nothing is merged, so
// that later entries of an issuance get ids of their own.
struct Prepared {
  struct Part {
    std::string name;
    sql::CopyRows rows{sql::kHistoryColumnCount};
    sql::CopyRows roots{sql::kHistoryRootColumnCount};
  };
  std::vector<Part> parts;
};

Prepared prepare(sql::Tx& tx, const std::vector<sql::HistoryEntry>& entries,
                 std::uint64_t salt) {
  Prepared out;
  const auto batch = sql::prepare_history(entries);
  sql::HistoryNumbers numbers =
      *sql::number_history(tx, batch->issuers, batch->logs);
  for (int i = 0; i < 8; ++i) {
    numbers.salt.push_back(static_cast<std::uint8_t>(salt >> (8 * i)));
  }
  const auto rows = sql::history_rows(*batch, numbers);
  for (const auto& row : rows) {
    const auto name = sql::history_partition_name(row.draft->quarter);
    if (out.parts.empty() || out.parts.back().name != name) {
      out.parts.emplace_back();
      out.parts.back().name = name;
      tx.exec("SELECT history_add_partition(to_timestamp($1::bigint))",
              {row.draft->not_after});
    }
    sql::put_history_row(out.parts.back().rows, row);
    sql::put_history_roots(out.parts.back().roots, row);
  }
  return out;
}

struct Race {
  double store = 0, copy = 0;
  std::uint64_t entries = 0;
};

// The same batches in turns, so that whatever else the machine does hits both.
// As in the program, entries are made ready on another thread, while the batch
// before is stored.
Race race(sql::Database& ours, sql::Database& theirs, const Batches& batches) {
  Race r;
  std::future<std::shared_ptr<const sql::HistoryBatch>> next;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    Prepared prepared;
    must(theirs.transact([&](sql::Tx& tx) -> Result<void> {
      prepared = prepare(tx, batches[i], r.entries);
      return {};
    }));
    auto start = Clock::now();
    must(theirs.transact([&](sql::Tx& tx) -> Result<void> {
      for (const auto& part : prepared.parts) {
        tx.copy("history_" + part.name, sql::kHistoryColumns, part.rows);
        tx.copy("history_root_" + part.name, sql::kHistoryRootColumns,
                part.roots);
      }
      return {};
    }));
    r.copy += seconds_since(start);
    start = Clock::now();
    const auto batch = i == 0 ? sql::prepare_history(batches[0]) : next.get();
    if (i + 1 < batches.size()) {
      next = std::async(std::launch::async, [&batches, i] {
        return sql::prepare_history(batches[i + 1]);
      });
    }
    (void)must(sql::store_history(ours, *batch));
    // As whoever stores a large batch does, which makes it durable.
    must(sql::mark_archived(ours, {{Hash{}, {{r.entries, r.entries + 1}}}}));
    // Not while the others copy.
    if (next.valid()) next.wait();
    r.store += seconds_since(start);
    r.entries += batches[i].size();
  }
  return r;
}

void print(const std::string& what, const Race& r) {
  const auto n = static_cast<double>(r.entries);
  fmt::print("{:<38} {:>9.0f} entries/s, COPY {:>9.0f}: {:.2f} x\n", what,
             n / r.store, n / r.copy, r.copy / r.store);
}

constexpr const char* kBytes =
    "SELECT sum(pg_total_relation_size(oid))::bigint AS n FROM pg_class WHERE "
    "relname LIKE 'history%' AND relkind = 'r'";

void print_size(const std::string& what, sql::Database& db) {
  const auto bytes = ask(db, kBytes);
  const auto rows = ask(db, "SELECT count(*) AS n FROM history");
  fmt::print("{:<38} {:>9} certificates, {:.1f} bytes each\n", what, rows,
             static_cast<double>(bytes) / static_cast<double>(rows));
}

// Every certificate once: nothing to merge.
Batches only_first(const Batches& batches, std::size_t batch_size) {
  std::set<Hash> seen;
  Batches out(1);
  for (const auto& batch : batches) {
    for (const auto& e : batch) {
      if (!seen.insert(e.tbs_sha256).second) continue;
      if (out.back().size() == batch_size) out.emplace_back();
      out.back().push_back(e);
    }
  }
  return out;
}

// What the substring index costs those who store.
void with_substring_index(Server& server, const Batches& batches) {
  auto plain = server.create("plain"), indexed = server.create("indexed");
  const auto index = [](double, const std::string&) {};
  must(sql::create_substring_index(*indexed, server.url("indexed"), index));
  double without = 0, with = 0;
  std::uint64_t count = 0;
  for (const auto& batch : batches) {
    const auto ready = sql::prepare_history(batch);
    auto start = Clock::now();
    (void)must(sql::store_history(*plain, *ready));
    without += seconds_since(start);
    start = Clock::now();
    (void)must(sql::store_history(*indexed, *ready));
    with += seconds_since(start);
    count += batch.size();
  }
  const auto n = static_cast<double>(count);
  fmt::print("{:<38} {:>9.0f} entries/s, without {:>9.0f}\n",
             "store, with the substring index", n / with, n / without);
  print_size("size of that", *indexed);
  indexed.reset();
  auto again = server.create("indexed");
  must(sql::create_substring_index(*again, server.url("indexed"), index));
  fmt::print("{:<38} {:>9.0f} entries/s\n", "bulk, with the substring index",
             n / bulk(server.url("indexed"), batches).second);
  print_size("size of that", *again);
}

void run(std::uint64_t entries, const char* url) {
  constexpr std::size_t kBatch = 16'384;  // what is committed at once
  Server server(url);
  MadeHistory made(entries * 2 / 5);
  const Batches batches = made.batches(entries, kBatch);
  double names = 0;
  std::uint64_t count = 0;
  for (const auto& b : batches) {
    for (const auto& e : b)
      names += static_cast<double>(e.names.size()), ++count;
  }
  fmt::print("{} entries, {:.2f} names each\n", count,
             names / static_cast<double>(count));
  {
    auto db = server.create("bulk");
    const auto [added, seconds] = bulk(server.url("bulk"), batches);
    fmt::print("{:<38} {:>9.2f} s\n", "bulk, reading and sorting", added);
    fmt::print("{:<38} {:>9.0f} entries/s\n", "bulk, in all",
               static_cast<double>(count) / seconds);
    print_size("size of that", *db);
  }
  {
    auto ours = server.create("fresh_ours"),
         theirs = server.create("fresh_copy");
    print("store, no issuance known yet",
          race(*ours, *theirs, only_first(batches, kBatch)));
    print_size("size of that", *ours);
    print_size("size of that, copied", *theirs);
  }
  {
    auto ours = server.create("mixed_ours"),
         theirs = server.create("mixed_copy");
    print("store, 2.5 entries each", race(*ours, *theirs, batches));
    print_size("size of that", *ours);
    must(sql::pack_history(*ours, sql::HistoryPack::kAll,
                           [](double, const std::string&) {}));
    print_size("size of that, packed", *ours);
  }
  with_substring_index(server, batches);
}

}  // namespace
}  // namespace ct::bench

int main(int argc, char** argv) {
  return ct::bench::run_main(argc, argv, ct::bench::run);
}
