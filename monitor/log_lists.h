// Getting the log list: Google's (signed) with Apple's merged in, or the ones
// the user names; cached on disk for the days on which fetching fails.
#pragma once

#include <string>
#include <vector>

#include "base/http.h"
#include "ctlog/log_list.h"
#include "monitor/config.h"

namespace ct::monitor {

struct LoadedLogList {
  ctlog::LogList list;
  bool is_private = false;  // named by the user: plain http and a CA file
                            // are allowed for its logs
  std::vector<std::string> notes;  // for the operator: cached copy used, …
};

// Fetches and checks; blocks. Each source's last good copy is kept below
// `config.state_dir`, and used when the source cannot be had.
//
// kTransient: no list at all, neither fetched nor cached
// kUntrusted: a signature does not hold, or is missing and not waived
// kUsage: a file that cannot be read
[[nodiscard]] Result<LoadedLogList> load_log_list(const Config& config,
                                                  HttpClient& http);

}  // namespace ct::monitor
