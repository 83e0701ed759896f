#include "base/executor.h"

#include <algorithm>

namespace ct {

namespace {
// Far enough; sums with longer ones could overflow.
constexpr std::chrono::milliseconds kLongestSleep =
    std::chrono::hours(24 * 365);
}  // namespace

// Waiting threads are woken under the lock throughout: as soon as it is free,
// the last task may end and its owner destroy the executor.

Executor::Executor(unsigned threads) {
  for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Executor::~Executor() {
  request_stop();
  const std::lock_guard lock(mutex_);
  closing_ = true;
  wake_.notify_all();
}

void Executor::post(std::coroutine_handle<> h) {
  const std::lock_guard lock(mutex_);
  ready_.push_back(h);
  wake_.notify_one();
}

void Executor::request_stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (; !timers_.empty(); timers_.pop()) {
    ready_.push_back(timers_.top().handle);
  }
  wake_.notify_all();
}

bool Executor::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

Executor::Sleep Executor::sleep(std::chrono::milliseconds d) {
  return Sleep(*this, Clock::now() + std::min(d, kLongestSleep));
}

bool Executor::add_timer(Clock::time_point due, std::coroutine_handle<> h) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return false;
  timers_.push({due, timer_count_++, h});
  wake_.notify_one();  // the new timer may be the first to fall due
  return true;
}

void Executor::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    while (!timers_.empty() && timers_.top().due <= Clock::now()) {
      ready_.push_back(timers_.top().handle);
      timers_.pop();
    }
    if (!ready_.empty()) {
      const auto h = ready_.front();
      ready_.pop_front();
      // What is left belongs to another thread.
      if (!ready_.empty()) wake_.notify_one();
      lock.unlock();
      h.resume();
      lock.lock();
    } else if (closing_) {
      return;
    } else if (timers_.empty()) {
      wake_.wait(lock);
    } else {
      // A copy, as the timer may be gone when the wait ends.
      const auto due = timers_.top().due;
      wake_.wait_until(lock, due);
    }
  }
}

}  // namespace ct
