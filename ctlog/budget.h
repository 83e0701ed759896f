// RequestBudget: how often we may ask one operator's servers.
//
// Limits are per address over all shards of an operator, so one budget is
// shared by its logs, and by all that read them. A token bucket, and a pause
// after 429 or 503.
#pragma once

#include <chrono>
#include <mutex>

#include "base/executor.h"

namespace ct::ctlog {

// All members may be called from any thread.
class RequestBudget {
 public:
  // `rate` requests a second on average, `burst` at once.
  RequestBudget(double rate, double burst);

  // Waits, on `executor`, until a request may be sent. False: it is to stop.
  Task<bool> take(Executor& executor);

  // Nobody gets a token before `d` from now has passed.
  void pause(std::chrono::milliseconds d);

 private:
  using Clock = std::chrono::steady_clock;

  // Reserves a token and gives the moment it falls due.
  Clock::time_point reserve();
  // Whether a pause was ordered that covers this moment.
  bool paused();

  const double rate_;
  const double burst_;
  std::mutex mutex_;
  // Guarded by mutex_: the moment the next token falls due, which lies in the
  // past by up to burst_ / rate_ seconds while tokens are saved up.
  Clock::time_point next_;
  Clock::time_point paused_until_;  // guarded by mutex_
};

}  // namespace ct::ctlog
