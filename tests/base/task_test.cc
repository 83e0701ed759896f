#include "base/task.h"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/executor.h"
#include "tests/support/catch.h"

using namespace ct;
using namespace std::chrono_literals;

namespace {

Task<int> number(int n) { co_return n; }

Task<int> sum_to(int n) {
  int sum = 0;
  for (int i = 1; i <= n; ++i) sum += co_await number(i);
  co_return sum;
}

Task<int> depth(int n) {
  if (n == 0) co_return 0;
  co_return 1 + co_await depth(n - 1);
}

Task<void> set_flag(std::atomic<bool>& flag) {
  flag = true;
  co_return;
}

Task<int> broken() {
  throw std::runtime_error("broken");
  co_return 0;
}

Task<std::string> caught() {
  try {
    co_await broken();
  } catch (const std::runtime_error& e) {
    co_return e.what();
  }
  co_return "nothing";
}

Task<void> broken_below() { co_await broken(); }

Task<std::unique_ptr<int>> movable() { co_return std::make_unique<int>(5); }

Task<bool> slept(Executor& executor, std::chrono::milliseconds d) {
  co_return co_await executor.sleep(d);
}

Task<int> slept_often(Executor& executor, int times) {
  int full = 0;
  for (int i = 0; i < times; ++i) full += co_await executor.sleep(1ms);
  co_return full;
}

// Notes the order of waking.
Task<void> wake_as(Executor& executor, std::chrono::milliseconds d, int name,
                   std::vector<int>& order) {
  co_await executor.sleep(d);
  order.push_back(name);
}

Task<int> doubled(Future<int> future) { co_return 2 * co_await future; }

Task<std::thread::id> where_resumed(Future<int> future) {
  co_await future;
  co_return std::this_thread::get_id();
}

Task<int> started_within(Executor& executor, int n) {
  std::vector<Future<int>> parts;
  for (int i = 0; i < n; ++i) parts.push_back(executor.start(sum_to(i)));
  int sum = 0;
  for (auto& part : parts) sum += co_await part;
  co_return sum;
}

Task<int> holding(std::shared_ptr<int> value) { co_return *value; }

Task<void> spin_until(std::atomic<int>& arrived, int wanted) {
  ++arrived;
  while (arrived < wanted) std::this_thread::yield();
  co_return;
}

}  // namespace

TEST_CASE("a task runs when it is started, not when it is made",
          "[base][task]") {
  std::atomic<bool> flag = false;
  Task<void> task = set_flag(flag);
  CHECK_FALSE(flag);
  Executor executor(1);
  executor.start(std::move(task)).get();
  CHECK(flag);
  flag = false;
  { const Task<void> dropped = set_flag(flag); }
  CHECK_FALSE(flag);
}

TEST_CASE("tasks await tasks and give their values", "[base][task]") {
  Executor executor(2);
  CHECK(executor.start(sum_to(10)).get() == 55);
  CHECK(executor.start(depth(100)).get() == 100);
  CHECK(*executor.start(movable()).get() == 5);
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
// The sanitizers keep GCC from turning the transfer between coroutines into a
// jump.
TEST_CASE("awaiting finished tasks in a loop uses no stack", "[base][task]") {
  Executor executor(1);
  CHECK(executor.start(sum_to(60'000)).get() == 1'800'030'000);
}
#endif

TEST_CASE("exceptions travel to whoever awaits", "[base][task]") {
  Executor executor(2);
  CHECK(executor.start(caught()).get() == "broken");
  CHECK_THROWS_WITH(executor.start(broken()).get(), "broken");
  CHECK_THROWS_WITH(executor.start(broken_below()).get(), "broken");
  CHECK_THROWS_WITH(executor.start(doubled(executor.start(broken()))).get(),
                    "broken");
}

TEST_CASE("sleeping takes its time", "[base][task]") {
  Executor executor(1);
  const auto before = std::chrono::steady_clock::now();
  CHECK(executor.start(slept(executor, 20ms)).get());
  CHECK(std::chrono::steady_clock::now() - before >= 20ms);
  CHECK(executor.start(slept(executor, 0ms)).get());
  CHECK(executor.start(slept(executor, -5ms)).get());
}

TEST_CASE("sleepers wake in the order of their times", "[base][task]") {
  Executor executor(1);  // one thread: `order` needs no lock
  std::vector<int> order;
  std::vector<Future<void>> sleepers;
  for (const int n : {3, 1, 4, 2}) {
    sleepers.push_back(executor.start(wake_as(executor, n * 30ms, n, order)));
  }
  for (auto& sleeper : sleepers) sleeper.get();
  CHECK(order == std::vector<int>{1, 2, 3, 4});
}

TEST_CASE("stop wakes sleepers and ends sleeping", "[base][task]") {
  Executor executor(1);
  std::vector<Future<bool>> sleepers;
  for (int i = 0; i < 50; ++i) {
    const auto long_time =
        i == 0 ? std::chrono::milliseconds::max() : 1h + i * 1ms;
    sleepers.push_back(executor.start(slept(executor, long_time)));
  }
  executor.start(number(0)).get();  // behind them: by now all sleep
  CHECK_FALSE(executor.stopping());
  executor.request_stop();
  CHECK(executor.stopping());
  for (auto& sleeper : sleepers) CHECK_FALSE(sleeper.get());
  CHECK_FALSE(executor.start(slept(executor, 1h)).get());
  CHECK(executor.start(sum_to(4)).get() == 10);  // but work is still done
}

TEST_CASE("an executor that goes ends the sleep of what nobody waits for",
          "[base][task]") {
  std::atomic<bool> flag = false;
  {
    Executor executor(2);
    (void)executor.start(slept(executor, 1h));
    (void)executor.start(set_flag(flag));
  }
  CHECK(flag);
}

TEST_CASE("many tasks share few threads", "[base][task]") {
  Executor executor(3);
  std::vector<Future<int>> all;
  for (int i = 0; i < 500; ++i) {
    all.push_back(executor.start(slept_often(executor, 5)));
    all.push_back(executor.start(started_within(executor, 5)));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(all[i].get() == (i % 2 == 0 ? 5 : 20));
  }
}

TEST_CASE("as many tasks run at once as there are threads", "[base][task]") {
  Executor executor(3);
  std::atomic<int> arrived = 0;
  std::vector<Future<void>> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(executor.start(spin_until(arrived, 3)));
  }
  for (auto& one : all) one.get();
  CHECK(arrived == 3);
}

TEST_CASE("an executor has one thread at least", "[base][task]") {
  Executor executor(0);
  CHECK(executor.start(number(3)).get() == 3);
}

TEST_CASE("a future is awaited whether set before or after", "[base][task]") {
  Executor executor(2);
  for (int i = 0; i < 200; ++i) {
    FutureSetter<int> setter;
    Future<int> future(setter, executor);
    if (i % 3 == 0) {
      setter.set(i);
      CHECK(future.ready());
    }
    auto twice = executor.start(doubled(std::move(future)));
    if (i % 3 == 1) setter.set(i);
    if (i % 3 == 2) std::jthread([&] { setter.set(i); });
    REQUIRE(twice.get() == 2 * i);
  }
}

TEST_CASE("awaiting resumes on the executor, not where the value was set",
          "[base][task]") {
  Executor executor(1);
  const auto home = executor.start(where_resumed(executor.start(number(1))));
  FutureSetter<int> setter;
  auto resumed = executor.start(where_resumed(Future<int>(setter, executor)));
  // Behind the other, so that it waits by now.
  executor.start(number(0)).get();
  setter.set(1);
  CHECK(resumed.get() != std::this_thread::get_id());
}

TEST_CASE("a task's arguments are gone when its value is there",
          "[base][task]") {
  Executor executor(2);
  for (int i = 0; i < 300; ++i) {
    const auto value = std::make_shared<int>(i);
    REQUIRE(executor.start(holding(value)).get() == i);
    REQUIRE(value.use_count() == 1);
  }
}
