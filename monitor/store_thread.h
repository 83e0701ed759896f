// StoreThread: the one thread that owns the monitor's database connection.
//
// Followers hand it work and await the result; jobs run one after another,
// in the order given. When the private Postgres has died it is started again
// before the next job.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/executor.h"
#include "sql/database.h"
#include "sql/private_postgres.h"

namespace ct::monitor {

class StoreThread {
 public:
  // `postgres` may be nullptr; it must outlive this.
  StoreThread(std::unique_ptr<sql::Database> db, sql::PrivatePostgres* postgres,
              Executor& executor);
  // Runs what is queued, then ends.
  ~StoreThread();

  // `job` is called as job(sql::Database&) and returns a Result. What it
  // throws is rethrown where the future is awaited.
  template <class F>
  auto run(F job) -> Future<std::invoke_result_t<F&, sql::Database&>> {
    using R = std::invoke_result_t<F&, sql::Database&>;
    FutureSetter<R> setter;
    Future<R> future(setter, executor_);
    // std::function wants copyable; a job may hold what is not.
    auto shared = std::make_shared<F>(std::move(job));
    push([shared, setter](sql::Database& db) mutable {
      try {
        R result = (*shared)(db);
        const bool lost = !result && result.error().code == Errc::kTransient;
        setter.set(std::move(result));
        return !lost;
      } catch (...) {
        setter.set_exception(std::current_exception());
        return true;
      }
    });
    return future;
  }

  [[nodiscard]] std::size_t queue_length() const;

 private:
  // Returns false when the database seems to be away.
  using Job = std::function<bool(sql::Database&)>;

  void push(Job job);
  void work();

  std::unique_ptr<sql::Database> db_;  // touched only by the thread
  sql::PrivatePostgres* const postgres_;
  Executor& executor_;
  mutable std::mutex mutex_;  // guards the two below
  std::deque<Job> jobs_;
  bool closing_ = false;
  std::condition_variable wake_;
  std::thread thread_;  // last: starts when all else stands
};

}  // namespace ct::monitor
