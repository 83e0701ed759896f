// `ctvigil demo`: a forged certificate, caught, on this machine alone.
#pragma once

#include <cstdio>
#include <string>

#include "base/result.h"

namespace ct::monitor::demo {

struct DemoOptions {
  std::string postgres_bin, postgres_user;  // as in the configuration
  std::FILE* out = stdout;
};

// Plays it through, in a temporary folder that is gone afterwards. True:
// exactly the alert that should arrive did arrive. Errors are what kept it
// from being played; kStopping: SIGINT or SIGTERM.
//
// Call it before any thread is started. Blocks those two signals.
[[nodiscard]] Result<bool> run_demo(const DemoOptions& options);

}  // namespace ct::monitor::demo
