// How the monitor is, as `ctvigil status`, `logs` and `coverage` print it with
// --json.
#pragma once

#include <string>
#include <vector>

#include "monitor/coverage.h"
#include "sql/alerts.h"

namespace ct::monitor {

struct Status {
  std::vector<std::string> problems;  // sentences; none: all is well
  std::vector<LogStatus> logs;        // that are followed, or should be
  std::vector<sql::OutboxStatus> outbox;
  std::size_t watches = 0, open_alerts = 0;
};
[[nodiscard]] Result<Status> load_status(sql::Database& db, Millis now);

// JSON for people and programs, indented.
[[nodiscard]] std::string status_json(const Status& status);
[[nodiscard]] std::string logs_json(const std::vector<LogStatus>& logs);
[[nodiscard]] std::string coverage_json(const std::string& host,
                                        const Coverage& coverage);

}  // namespace ct::monitor
