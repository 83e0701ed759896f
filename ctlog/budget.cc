#include "ctlog/budget.h"

#include <algorithm>
#include <cassert>

namespace ct::ctlog {
namespace {

using Clock = std::chrono::steady_clock;

Clock::duration seconds(double n) {
  return std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(n));
}

}  // namespace

RequestBudget::RequestBudget(double rate, double burst)
    : rate_(rate), burst_(std::max(burst, 1.0)) {
  assert(rate > 0);
}

Task<bool> RequestBudget::take(Executor& executor) {
  do {
    const Clock::time_point due = reserve();
    const Clock::time_point now = Clock::now();
    if (due > now) {
      const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - now);
      if (!co_await executor.sleep(wait)) co_return false;
    }
    // A pause may have been ordered while this token was waited for; then it
    // is void, and the queue starts anew behind the pause.
  } while (paused());
  co_return !executor.stopping();
}

void RequestBudget::pause(std::chrono::milliseconds d) {
  const std::lock_guard lock(mutex_);
  paused_until_ = std::max(paused_until_, Clock::now() + d);
  // No saved-up tokens after a pause: it was ordered because we were too fast.
  next_ = std::max(next_, paused_until_);
}

Clock::time_point RequestBudget::reserve() {
  const std::lock_guard lock(mutex_);
  next_ = std::max(next_, Clock::now() - seconds((burst_ - 1) / rate_));
  const Clock::time_point due = next_;
  next_ += seconds(1 / rate_);
  return due;
}

bool RequestBudget::paused() {
  const std::lock_guard lock(mutex_);
  return Clock::now() < paused_until_;
}

}  // namespace ct::ctlog
