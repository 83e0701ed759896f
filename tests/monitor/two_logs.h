// Logs of both protocols on loopback, and a configuration that reads them.
#pragma once

#include <string>

#include "monitor/config.h"
#include "tests/support/fake_log.h"
#include "tests/support/temp_dir.h"

namespace ct::test {

inline FakeLogs::LogOptions log_of(const std::string& name,
                                   ctlog::LogKind kind) {
  FakeLogs::LogOptions options;
  options.name = options.description = name;
  options.operator_name = name + " operator";
  options.kind = kind;
  return options;
}

// An RFC 6962 log called "old" and a Static CT log called "new".
struct TwoLogs {
  FakeLogs logs{{log_of("old", ctlog::LogKind::kRfc6962),
                 log_of("new", ctlog::LogKind::kStatic)}};
  TempDir dir;

  [[nodiscard]] monitor::Config config_of(monitor::ReadMode mode) const {
    monitor::Config c;
    c.state_dir = dir / "state";
    c.log_lists = {logs.list_path()};
    c.allow_unsigned_log_list = true;
    c.ca_file = logs.ca_path();
    c.requests_per_second = 1000;
    c.mode = mode;
    c.mismatch_retries = {std::chrono::milliseconds(1)};
    return c;
  }
};

}  // namespace ct::test
