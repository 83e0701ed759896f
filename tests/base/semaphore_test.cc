#include "base/semaphore.h"

#include <atomic>
#include <vector>

#include "tests/support/catch.h"

using namespace ct;
using namespace std::chrono_literals;

namespace {

using Order = std::vector<int>;

// Notes its name once it has its share, and holds it until `release` is set.
Task<void> hold(AsyncSemaphore& semaphore, std::size_t amount, int name,
                Order& order, Future<int> release) {
  const auto share = co_await semaphore.acquire(amount);
  order.push_back(name);
  co_await release;
}

Task<void> pass(AsyncSemaphore& semaphore, std::size_t amount, int name,
                Order& order) {
  const auto share = co_await semaphore.acquire(amount);
  order.push_back(name);
}

Task<void> nothing() { co_return; }

Task<int> count_held(AsyncSemaphore& semaphore, std::atomic<int>& held,
                     Executor& executor) {
  const auto share = co_await semaphore.acquire(1);
  const int now = ++held;
  co_await executor.sleep(1ms);
  --held;
  co_return now;
}

// What was started before on the one thread has run as far as it can.
void settle(Executor& executor) { executor.start(nothing()).get(); }

}  // namespace

TEST_CASE("shares are given in the order they were asked for",
          "[base][semaphore]") {
  Executor executor(1);  // one thread: `order` needs no lock
  AsyncSemaphore semaphore(executor, 10);
  Order order;
  FutureSetter<int> first, second;
  std::vector<Future<void>> all;
  all.push_back(executor.start(
      hold(semaphore, 4, 1, order, Future<int>(first, executor))));
  all.push_back(executor.start(
      hold(semaphore, 4, 2, order, Future<int>(second, executor))));
  all.push_back(executor.start(pass(semaphore, 7, 3, order)));
  // There is room for this one, but not before the large one.
  all.push_back(executor.start(pass(semaphore, 1, 4, order)));
  settle(executor);
  CHECK(order == Order{1, 2});

  first.set(0);
  for (int i = 0; i < 3; ++i) settle(executor);
  CHECK(order == Order{1, 2});  // 6 are free, 7 are wanted
  second.set(0);
  for (auto& one : all) one.get();
  CHECK(order == Order{1, 2, 3, 4});
}

TEST_CASE("who asks for more than there is gets all", "[base][semaphore]") {
  Executor executor(1);
  AsyncSemaphore semaphore(executor, 3);
  Order order;
  FutureSetter<int> release;
  auto holder = executor.start(
      hold(semaphore, 100, 1, order, Future<int>(release, executor)));
  auto other = executor.start(pass(semaphore, 1, 2, order));
  settle(executor);
  CHECK(order == Order{1});
  release.set(0);
  holder.get();
  other.get();
  CHECK(order == Order{1, 2});
  executor.start(pass(semaphore, 3, 3, order)).get();
  CHECK(order == Order{1, 2, 3});
}

TEST_CASE("no more are held at once than there are", "[base][semaphore]") {
  Executor executor(4);
  AsyncSemaphore semaphore(executor, 3);
  std::atomic<int> held = 0;
  std::vector<Future<int>> all;
  for (int i = 0; i < 200; ++i) {
    all.push_back(executor.start(count_held(semaphore, held, executor)));
  }
  int most = 0;
  for (auto& one : all) most = std::max(most, one.get());
  CHECK(most == 3);
  CHECK(held == 0);
}
