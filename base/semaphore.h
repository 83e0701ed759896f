// AsyncSemaphore: coroutines wait for a share of something limited.
#pragma once

#include <algorithm>
#include <deque>
#include <mutex>

#include "base/executor.h"

namespace ct {

// First come, first served, so a large request is not starved by small ones.
class AsyncSemaphore {
 public:
  AsyncSemaphore(Executor& executor, std::size_t capacity)
      : executor_(executor), capacity_(capacity), free_(capacity) {}

  // A share, given back when this goes.
  class Share {
   public:
    Share(AsyncSemaphore& owner, std::size_t amount)
        : owner_(&owner), amount_(amount) {}
    Share(Share&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)),
          amount_(other.amount_) {}
    Share& operator=(Share&&) = delete;
    ~Share() {
      if (owner_ != nullptr) owner_->release(amount_);
    }

   private:
    AsyncSemaphore* owner_;
    std::size_t amount_;
  };

  class Wait {
   public:
    Wait(AsyncSemaphore& owner, std::size_t amount)
        : owner_(owner), amount_(amount) {}
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> h) {
      const std::lock_guard lock(owner_.mutex_);
      if (owner_.waiting_.empty() && owner_.free_ >= amount_) {
        owner_.free_ -= amount_;
        return false;
      }
      owner_.waiting_.push_back({amount_, h});
      return true;
    }
    Share await_resume() { return Share(owner_, amount_); }

   private:
    AsyncSemaphore& owner_;
    std::size_t amount_;
  };

  // co_await acquire(n): a share of `n`, or of everything if `n` is more.
  [[nodiscard]] Wait acquire(std::size_t n) {
    return Wait(*this, std::min(n, capacity_));
  }

 private:
  struct Waiter {
    std::size_t amount;
    std::coroutine_handle<> handle;
  };

  void release(std::size_t amount) {
    std::deque<std::coroutine_handle<>> served;
    {
      const std::lock_guard lock(mutex_);
      free_ += amount;
      while (!waiting_.empty() && waiting_.front().amount <= free_) {
        free_ -= waiting_.front().amount;
        served.push_back(waiting_.front().handle);
        waiting_.pop_front();
      }
    }
    for (const auto h : served) executor_.post(h);
  }

  Executor& executor_;
  const std::size_t capacity_;
  std::mutex mutex_;  // guards the two below
  std::size_t free_;
  std::deque<Waiter> waiting_;
};

}  // namespace ct
