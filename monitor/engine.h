// Engine: the running monitor. Keeps the log list, starts and ends followers,
// and delivers what is found.
#pragma once

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "monitor/log_lists.h"
#include "monitor/log_reading.h"
#include "sql/alerts.h"

namespace ct::monitor {

class Deliverer;
class Housekeeping;

// One log as seen from outside, for metrics and health.
struct LogView {
  ctlog::LogInfo info;
  std::string state;  // "following", or why it ended
  std::uint64_t position = 0, head = 0, entries = 0, bytes = 0, malformed = 0,
                matches = 0, verification_failures = 0;
  std::array<std::uint64_t, kErrcCount>
      errors{};  // rounds that failed, by Errc
  Millis newest_entry = 0, verified_at = 0, head_time = 0;
};

// How SCTs in the name of one log fared, for metrics.
struct SctView {
  std::optional<ctlog::LogInfo> log;  // nullopt: of no known log
  SctTally tally{};
};

class Engine {
 public:
  struct Options {
    bool once = false;
    // Told of what was just stored; called from an executor thread.
    std::function<void(const std::vector<alerts::Finding>&)> on_findings;
    // As LogReading's.
    std::shared_ptr<RequestBudgets> budgets = nullptr;
    // How often watches, leases and followers are looked after.
    std::chrono::milliseconds tick{1'000};
  };

  // `db` must be open and migrated. `url` opens further connections, and
  // `postgres` (may be nullptr) is the private server behind it; it and
  // `config` must outlive the engine.
  Engine(const Config& config, std::unique_ptr<sql::Database> db,
         std::string url, sql::PrivatePostgres* postgres, Options options);
  ~Engine();

  // Runs until stop() or, once, until every log has ended. Blocks. The exit
  // code of `ctvigil run`.
  int run();
  // From any thread, but not from a signal handler.
  void stop();
  // Fetch the log list again soon (SIGHUP).
  void refresh();

  // For the operator's HTTP port; from any thread.
  [[nodiscard]] std::vector<LogView> logs() const;
  // Empty unless those of all certificates are checked.
  [[nodiscard]] std::vector<SctView> scts() const;
  [[nodiscard]] bool ready() const;  // the list is there, logs are followed
  [[nodiscard]] std::size_t store_queue() const {
    return reading_.store().queue_length();
  }
  [[nodiscard]] std::size_t watch_count() const;
  // Date of the list in use; nullopt: none yet, or it bears no date.
  [[nodiscard]] std::optional<Millis> list_time() const;
  // These ask the database.
  [[nodiscard]] bool database_answers();
  [[nodiscard]] std::vector<sql::OutboxStatus> outbox();

 private:
  // A log being followed. The follower must outlive the future, which is why
  // it comes last.
  struct Active {
    std::unique_ptr<Follower> follower;
    std::optional<Future<FollowEnd>> running;
    std::optional<FollowEnd> ended;
  };

  // Each runs on the thread of run().
  void look_after_list();
  void adopt(LoadedLogList loaded);
  void start_followers();
  void start_follower(sql::LogRow row);
  void mark_followed(const sql::LogRow& row);
  void reap();
  void shut_down();
  void sum_up_scts() const;
  [[nodiscard]] int verdict() const;

  const Config& config_;
  const Options options_;
  LogReading reading_;
  std::unique_ptr<Deliverer> deliverer_;
  std::unique_ptr<Housekeeping> housekeeping_;

  // Touched only by the thread of run().
  std::future<Result<LoadedLogList>> loading_;
  std::chrono::steady_clock::time_point list_due_;
  unsigned list_failures_ = 0;
  bool list_is_private_ = false;
  bool failed_ = false;  // something other than a log went wrong for good

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  bool stopping_ = false;
  bool refresh_ = false;
  bool have_list_ = false;
  std::optional<Millis> list_time_;
  std::map<Hash, std::unique_ptr<Active>> active_;
};

}  // namespace ct::monitor
