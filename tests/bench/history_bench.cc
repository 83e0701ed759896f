// What storing history costs, beside COPY of the same rows into the same
// tables and indexes, on a Postgres of its own.
//
//   build/history_bench [ENTRIES [DATABASE-URL]]
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <future>
#include <set>
#include <stdexcept>
#include <string>

#include "sql/connect.h"
#include "sql/database.h"
#include "sql/history_bulk.h"
#include "sql/history_row.h"
#include "sql/history_store.h"
#include "sql/private_postgres.h"
#include "sql/tx.h"
#include "tests/bench/made_history.h"
#include "tests/support/temp_dir.h"

namespace ct::bench {
namespace {

using Batches = std::vector<std::vector<sql::HistoryEntry>>;
using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// A Postgres of its own, or one that is there; then its databases stay.
class Server {
 public:
  explicit Server(const char* url) {
    if (url != nullptr) {
      url_ = url;
    } else {
      postgres_ = must(sql::PrivatePostgres::open({dir_ / "pg", "", ""}));
      url_ = postgres_->url();
    }
  }

  std::unique_ptr<sql::Database> create(const std::string& name) {
    must(sql::run_alone(url("postgres"), "DROP DATABASE IF EXISTS " + name));
    must(sql::run_alone(url("postgres"),
                        "CREATE DATABASE " + name + " TEMPLATE template0"));
    auto db = connect(name);
    (void)must(sql::migrate(*db));
    return db;
  }
  std::unique_ptr<sql::Database> connect(const std::string& name) {
    return must(sql::Database::connect(url(name)));
  }
  [[nodiscard]] std::string url(const std::string& name) const {
    return url_ + " dbname=" + name;
  }

 private:
  test::TempDir dir_;
  std::unique_ptr<sql::PrivatePostgres> postgres_;
  std::string url_;
};

std::int64_t ask(sql::Database& db, const std::string& sql) {
  std::int64_t answer = 0;
  must(db.transact([&](sql::Tx& tx) -> Result<void> {
    answer = tx.exec(sql)[0].integer("n");
    return {};
  }));
  return answer;
}

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

// Entries in memory to partitions that can be read, all within the time.
double bulk(const std::string& url, const Batches& batches) {
  const auto start = Clock::now();
  const auto bulk = must(sql::HistoryBulk::open(url, {}));
  auto next = std::async(std::launch::async, sql::prepare_history, batches[0]);
  for (std::size_t i = 0; i < batches.size(); ++i) {
    const auto batch = next.get();
    if (i + 1 < batches.size()) {
      next = std::async(std::launch::async, [&batches, i] {
        return sql::prepare_history(batches[i + 1]);
      });
    }
    must(bulk->add(*batch));
  }
  fmt::print("{:<38} {:>9.2f} s\n", "bulk, reading and sorting",
             seconds_since(start));
  (void)must(bulk->finish());
  return seconds_since(start);
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
    const double seconds = bulk(server.url("bulk"), batches);
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
  }
}

}  // namespace
}  // namespace ct::bench

int main(int argc, char** argv) {
  try {
    ct::bench::run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000,
                   argc > 2 ? argv[2] : nullptr);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
