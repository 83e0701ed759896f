// What benchmarks of history share: a Postgres of their own, and ways to fill
// it.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <future>
#include <stdexcept>
#include <string>

#include "sql/connect.h"
#include "sql/database.h"
#include "sql/history_bulk.h"
#include "sql/history_store.h"
#include "sql/private_postgres.h"
#include "sql/tx.h"
#include "tests/bench/made_history.h"
#include "tests/support/temp_dir.h"

namespace ct::bench {

using Batches = std::vector<std::vector<sql::HistoryEntry>>;
using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().what);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline double seconds_since(Clock::time_point start) {
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

inline void transact(sql::Database& db,
                     const std::function<void(sql::Tx&)>& body) {
  must(db.transact([&](sql::Tx& tx) -> Result<void> {
    body(tx);
    return {};
  }));
}

// The column n of the first row.
inline std::int64_t ask(sql::Database& db, const std::string& sql) {
  std::int64_t answer = 0;
  transact(db, [&](sql::Tx& tx) { answer = tx.exec(sql)[0].integer("n"); });
  return answer;
}

// Entries in memory to partitions that can be read: seconds, for adding and in
// all.
inline std::pair<double, double> bulk(const std::string& url,
                                      const Batches& batches) {
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
  const double added = seconds_since(start);
  (void)must(bulk->finish());
  return {added, seconds_since(start)};
}

// What main() of a benchmark is: `run`, with the arguments ENTRIES and
// DATABASE-URL, or without.
inline int run_main(int argc, char** argv,
                    void (*run)(std::uint64_t entries, const char* url)) {
  try {
    run(argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000,
        argc > 2 ? argv[2] : nullptr);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}

}  // namespace ct::bench
