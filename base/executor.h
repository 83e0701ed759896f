// Executor: a fixed number of threads that run coroutines, and their timers.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <deque>
#include <queue>
#include <thread>
#include <vector>

#include "base/task.h"

namespace ct {

// All members may be called from any thread.
class Executor {
 public:
  explicit Executor(unsigned threads);  // at least one
  // Whatever was started must have ended: wait for its futures first.
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Has `h` resumed on one of the threads.
  void post(std::coroutine_handle<> h);

  // Runs a task on the threads, at once; the future gives its result.
  template <class T>
  Future<T> start(Task<T> task);

  // Ends all sleeps, now and from now on.
  void request_stop();
  [[nodiscard]] bool stopping() const;

  // co_await sleep(d): true after `d`, false as soon as stop is requested.
  class Sleep;
  [[nodiscard]] Sleep sleep(std::chrono::milliseconds d);

 private:
  using Clock = std::chrono::steady_clock;
  struct Timer {
    Clock::time_point due;
    std::uint64_t number;  // keeps equal times in order
    std::coroutine_handle<> handle;
    bool operator<(const Timer& o) const {
      return due != o.due ? due > o.due : number > o.number;
    }
  };

  // False if stop was requested already.
  bool add_timer(Clock::time_point due, std::coroutine_handle<> h);
  void work();

  mutable std::mutex mutex_;  // guards all below but the threads
  std::condition_variable wake_;
  std::deque<std::coroutine_handle<>> ready_;
  std::priority_queue<Timer> timers_;
  std::uint64_t timer_count_ = 0;
  bool stopping_ = false;  // no more sleeping
  bool closing_ = false;   // the threads are to end
  std::vector<std::jthread> threads_;
};

class Executor::Sleep {
 public:
  Sleep(Executor& executor, Clock::time_point due)
      : executor_(executor), due_(due) {}
  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    return executor_.add_timer(due_, h);
  }
  bool await_resume() const { return !executor_.stopping(); }

 private:
  Executor& executor_;
  Clock::time_point due_;
};

namespace detail {

// A coroutine nobody awaits; its frame frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() {
      return {std::coroutine_handle<promise_type>::from_promise(*this)};
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
  std::coroutine_handle<promise_type> handle;
};

template <class T>
Detached run_detached(Task<T> task, FutureSetter<T> setter) {
  Outcome<T> outcome;
  {
    // Gone, with its arguments, before anybody learns that it has ended: they
    // may refer to what the one who waits then destroys.
    Task<T> mine = std::move(task);
    try {
      if constexpr (std::is_void_v<T>) {
        co_await mine;
        outcome.set(Unit{});
      } else {
        outcome.set(co_await mine);
      }
    } catch (...) {
      outcome.set(std::current_exception());
    }
  }
  setter.set_outcome(std::move(outcome));
}

}  // namespace detail

template <class T>
Future<T> Executor::start(Task<T> task) {
  FutureSetter<T> setter;
  Future<T> future(setter, *this);
  post(detail::run_detached(std::move(task), std::move(setter)).handle);
  return future;
}

template <class T>
bool Future<T>::await_suspend(std::coroutine_handle<> awaiter) {
  // Once `on_ready` is set, the awaiter may run and destroy this future.
  const auto state = state_;
  const std::lock_guard lock(state->mutex);
  if (state->outcome.ready()) return false;
  state->on_ready = [home = home_, awaiter] { home->post(awaiter); };
  return true;
}

}  // namespace ct
