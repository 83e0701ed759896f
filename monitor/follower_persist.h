// Follower::persist, for the follower's own sources.
#pragma once

#include "base/log.h"
#include "monitor/follower.h"

namespace ct::monitor {

template <class F>
Task<void> Follower::persist(F job) {
  while (true) {
    auto asked = context_.store.run(job);
    const Result<void> r = co_await asked;
    if (r) co_return;
    log_warning("database", {{"error", r.error().what}});
    const bool slept =
        co_await context_.executor.sleep(std::chrono::seconds(2));
    if (!slept) co_return;
  }
}

}  // namespace ct::monitor
