// Waiting for what another process or thread is about to do.
#pragma once

#include <chrono>
#include <thread>

namespace ct::test {

// False: `condition` did not come true in time. The limit is there to fail a
// broken test, not to measure anything.
template <class Condition>
[[nodiscard]] bool eventually(
    const Condition& condition,
    std::chrono::seconds limit = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace ct::test
