// How well each log is read, and what was looked for in it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sql/logs.h"

namespace ct::monitor {

// A log as it stands in the database, with what is wrong with it.
struct LogStatus {
  sql::LogRow row;
  std::uint64_t lag_entries = 0;     // unread
  std::chrono::milliseconds lag{0};  // how old the newest entry read is, while
                                     // entries are unread
  std::string problem;               // one phrase; empty: none
};

// `all` false: only logs that are followed, or should be.
[[nodiscard]] std::vector<LogStatus> log_statuses(std::vector<sql::LogRow> rows,
                                                  Millis now, bool all);

// Entries that were not looked at for a name, and why.
struct Gap {
  sql::Range range;
  std::string why;
};

struct LogCoverage {
  sql::LogRow row;
  ctlog::LeafIndex from = 0;  // complete from here, but for `gaps` …
  ctlog::LeafIndex to = 0;    // … to here
  ctlog::TreeSize head_size = 0;
  Millis head_timestamp = 0;
  std::vector<Gap> gaps;  // between `from` and the head
};

struct Coverage {
  std::vector<std::string> watches;  // patterns that the name falls under
  std::vector<LogCoverage> logs;
  [[nodiscard]] bool complete() const;
};

// What was read of every log that is or was followed since `host` has been
// watched. Entries below the index at which reading began are no gap: nobody
// asked for them.
[[nodiscard]] Result<Coverage> load_coverage(sql::Database& db,
                                             const std::string& host);

}  // namespace ct::monitor
