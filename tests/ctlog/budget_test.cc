#include "ctlog/budget.h"

#include <vector>

#include "tests/support/catch.h"

namespace ct::ctlog {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Lower bounds only: a busy machine may be late, but a token is never early.
milliseconds since(Clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(Clock::now() - start);
}

TEST_CASE("what was saved up goes at once, the rest by the rate",
          "[ctlog][budget]") {
  Executor executor(2);
  const auto start = Clock::now();
  RequestBudget budget(100, 5);
  for (int i = 0; i < 5; ++i) {
    CHECK(executor.start(budget.take(executor)).get());
  }
  for (int i = 0; i < 10; ++i) {
    CHECK(executor.start(budget.take(executor)).get());
  }
  CHECK(since(start) >= milliseconds(99));
}

TEST_CASE("a budget is one for all who share it", "[ctlog][budget]") {
  Executor executor(2), other(1);
  const auto start = Clock::now();
  RequestBudget budget(100, 1);
  std::vector<Future<bool>> waiting;
  for (int i = 0; i < 11; ++i) {
    Executor& mine = i % 2 == 0 ? executor : other;
    waiting.push_back(mine.start(budget.take(mine)));
  }
  for (auto& w : waiting) CHECK(w.get());
  CHECK(since(start) >= milliseconds(99));
}

TEST_CASE("a pause holds up all, also who waits already", "[ctlog][budget]") {
  Executor executor(2);
  RequestBudget budget(50, 1);
  CHECK(executor.start(budget.take(executor)).get());
  auto waiting = executor.start(budget.take(executor));  // due in 20 ms
  const auto start = Clock::now();
  budget.pause(milliseconds(150));
  budget.pause(milliseconds(1));  // does not shorten the first
  CHECK(waiting.get());
  CHECK(since(start) >= milliseconds(149));
  CHECK(executor.start(budget.take(executor)).get());
  CHECK(since(start) >= milliseconds(169));
}

TEST_CASE("a stop ends the waiting", "[ctlog][budget]") {
  Executor executor(1);
  RequestBudget budget(1, 1);
  budget.pause(std::chrono::hours(1));
  auto waiting = executor.start(budget.take(executor));
  executor.request_stop();
  CHECK_FALSE(waiting.get());
  CHECK_FALSE(executor.start(budget.take(executor)).get());
}

}  // namespace
}  // namespace ct::ctlog
