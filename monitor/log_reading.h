// LogReading: what reading logs takes, whatever they are read for: threads,
// connections, the database, request budgets, the current watches.
//
// Engine follows logs with it, Backfill fetches their history.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/http.h"
#include "monitor/follower.h"
#include "monitor/request_budgets.h"
#include "monitor/store_thread.h"

namespace ct::monitor {

class LogReading {
 public:
  struct Options {
    bool once = false;
    // Told of what was just stored; called from an executor thread.
    std::function<void(const std::vector<alerts::Finding>&)> on_findings;
    BulkArchive* bulk = nullptr;  // as FollowerContext's
    unsigned max_retries = 4;     // of a request, before its error counts
    // Shared by all of a process that ask logs; null: nobody else does.
    std::shared_ptr<RequestBudgets> budgets = nullptr;
  };

  // `db` must be open and migrated. `postgres` (may be nullptr) is the private
  // server behind it; it and `config` must outlive this.
  LogReading(const Config& config, std::unique_ptr<sql::Database> db,
             sql::PrivatePostgres* postgres, Options options);
  LogReading(const LogReading&) = delete;
  LogReading& operator=(const LogReading&) = delete;

  [[nodiscard]] Executor& executor() { return executor_; }
  [[nodiscard]] HttpClient& http() { return http_; }
  [[nodiscard]] StoreThread& store() { return store_; }
  [[nodiscard]] const StoreThread& store() const { return store_; }
  // For followers; it refers to this.
  [[nodiscard]] FollowerContext& context() { return context_; }
  // nullptr: only SCTs of matches are checked.
  [[nodiscard]] const SctAudit* scts() const { return scts_.get(); }
  // nullptr until they were loaded. From any thread, like the next one.
  [[nodiscard]] std::shared_ptr<const WatchSnapshot> watches() const;
  [[nodiscard]] std::shared_ptr<const KnownLogs> known_logs() const;

  // Runs a job on the database and waits. Not from an executor thread.
  template <class F>
  auto on_store(F job) {
    return store_.run(std::move(job)).get();
  }

  // The rest belongs to one thread.

  // `is_private`: the log is of a list that the user named. `files`, if there
  // are any, stand for its server.
  [[nodiscard]] Result<std::unique_ptr<ctlog::LogSource>> open_source(
      const ctlog::LogInfo& log, bool is_private,
      std::shared_ptr<const ctlog::LogFiles> files = nullptr);
  // All logs whose signatures may be met.
  void know_logs(const std::vector<sql::LogRow>& rows);
  // Watches are read again when they have changed, leases renewed; each when
  // it is due. Call it about once a second.
  void look_after_watches();
  void look_after_leases();
  void free_leases_of_the_dead();
  void release_leases();

 private:
  const Config& config_;
  const std::string owner_;  // of leases
  const unsigned max_retries_;
  Executor executor_;
  HttpClient http_;
  StoreThread store_;
  AsyncSemaphore download_bytes_;
  const std::unique_ptr<SctAudit> scts_;
  std::vector<ctlog::NoteVerifier> witnesses_;
  FollowerContext context_;
  const std::shared_ptr<RequestBudgets> budgets_;
  std::chrono::steady_clock::time_point watches_due_, leases_due_;

  mutable std::mutex mutex_;  // guards the rest
  std::shared_ptr<const WatchSnapshot> watches_;
  std::shared_ptr<const KnownLogs> known_logs_;
};

// Who holds a lease: "host/pid/start time of that process".
[[nodiscard]] std::string lease_owner();
// Whether the process behind a lease is certainly gone: it ran on this host
// and does no longer.
[[nodiscard]] bool owner_is_dead(std::string_view owner);

}  // namespace ct::monitor
