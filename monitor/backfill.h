// Backfill: reads stretches of logs' pasts, and ends.
//
// A stretch is read like a log that is followed: every batch is tied to a
// signed head and committed together with the range it covers. So there is no
// other state: what was asked for less what is covered is what remains, after
// any crash.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "monitor/log_reading.h"

namespace ct::monitor {

struct BackfillRequest {
  std::vector<std::string> logs;       // as logs_called() takes them
  std::vector<std::string> operators;  // as a whole, any case
  // Of one log: read from there and not from its server. Which one it is says
  // its checkpoint, unless `logs` does.
  std::shared_ptr<const ctlog::LogFiles> files;
  std::vector<sql::IndexRange> ranges;  // empty: all
  std::optional<Millis> since, until;   // log time
  unsigned side_by_side = 8;            // stretches at once
};

// What is to be read of one log, and what that takes.
struct BackfillPlan {
  std::string log;
  std::string problem;                     // the log cannot be read; "": it can
  std::vector<sql::IndexRange> stretches;  // in order, not covered yet
  std::uint64_t entries = 0;               // in them
  std::uint64_t covered = 0;               // of those asked for
  double bytes = 0;                        // to fetch
  double seconds = 0;  // at the rate that its operator is asked at
};

struct BackfillProgress {
  std::uint64_t entries = 0, of = 0;
  std::uint64_t bytes = 0;  // received
  std::uint64_t matches = 0;
  Millis newest_entry = 0;  // the greatest timestamp read; 0: none yet
};

class Backfill {
 public:
  // As for LogReading; whether entries are archived is `config`'s mode.
  Backfill(const Config& config, std::unique_ptr<sql::Database> db,
           sql::PrivatePostgres* postgres, BackfillRequest request,
           LogReading::Options options);
  ~Backfill();

  // Loads the log list, asks every log chosen. kUsage: no such log.
  [[nodiscard]] Result<std::vector<BackfillPlan>> plan();

  // Does what was planned. `tick` is told how far it is about five times a
  // second. False: a log could not be read or proven, or stop() was called.
  [[nodiscard]] bool run(
      const std::function<void(const BackfillProgress&)>& tick);

  // From any thread.
  void stop() { stopping_ = true; }
  [[nodiscard]] bool stopped() const { return stopping_; }

 private:
  struct Stretch;

  [[nodiscard]] Result<std::vector<sql::LogRow>> chosen_logs();
  // Ids of the logs that were asked for.
  [[nodiscard]] Result<std::set<Hash>> choose(
      const std::vector<sql::LogRow>& rows) const;
  [[nodiscard]] Result<void> choose_by_checkpoint(
      std::vector<sql::LogRow>& rows) const;
  [[nodiscard]] BackfillPlan plan_log(const sql::LogRow& row);
  [[nodiscard]] Result<std::vector<sql::IndexRange>> covered(
      const Hash& log_id);
  void start_next();
  [[nodiscard]] BackfillProgress progress() const;

  const Config& config_;
  const BackfillRequest request_;
  LogReading reading_;
  bool list_is_private_ = false;
  bool failed_ = false;
  std::uint64_t planned_ = 0;  // entries
  std::deque<std::unique_ptr<Stretch>> waiting_;
  std::vector<std::unique_ptr<Stretch>> started_;
  std::atomic<bool> stopping_{false};
};

// What of `wanted` lies in none of `covered`; all ascending and apart.
[[nodiscard]] std::vector<sql::IndexRange> not_covered(
    const std::vector<sql::IndexRange>& wanted,
    const std::vector<sql::IndexRange>& covered);

}  // namespace ct::monitor
