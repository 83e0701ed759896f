// Task<T>: a lazy coroutine that runs when awaited. Future<T>: the result of
// something that runs elsewhere, awaitable once or waited for by a thread.
//
// A coroutine here reads like the blocking code it replaces, yet sixty
// followed logs need no sixty threads. Three rules keep it safe: arguments of
// a coroutine are taken by value or outlive it; no coroutine is a lambda with
// captures; and no lambda with captures is written within a co_await
// expression, for GCC 12 destroys such a temporary twice: name the future
// first, then await it.
#pragma once

#include <cassert>
#include <condition_variable>
#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <variant>

namespace ct {

template <class T>
class [[nodiscard]] Task;

namespace detail {

struct Unit {};

// What a coroutine leaves behind: a value, or the exception it ended with.
template <class T>
class Outcome {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, Unit, T>;

  void set(Value value) { state_.template emplace<1>(std::move(value)); }
  void set(std::exception_ptr e) { state_.template emplace<2>(std::move(e)); }
  [[nodiscard]] bool ready() const { return state_.index() != 0; }
  T take() {
    if (state_.index() == 2) {
      // Moved, so that the exception is freed on the thread that took it.
      std::rethrow_exception(std::move(std::get<2>(state_)));
    }
    if constexpr (!std::is_void_v<T>) return std::move(std::get<1>(state_));
  }

 private:
  std::variant<std::monostate, Value, std::exception_ptr> state_;
};

template <class T>
struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  Outcome<T> outcome;

  std::suspend_always initial_suspend() noexcept { return {}; }
  auto final_suspend() noexcept {
    struct Resume {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
        return next;
      }
      void await_resume() noexcept {}
      std::coroutine_handle<> next;
    };
    return Resume{continuation};
  }
  void unhandled_exception() { outcome.set(std::current_exception()); }
};

template <class T>
struct Promise : PromiseBase<T> {
  Task<T> get_return_object();
  void return_value(T value) { this->outcome.set(std::move(value)); }
};

template <>
struct Promise<void> : PromiseBase<void> {
  Task<void> get_return_object();
  void return_void() { outcome.set(Unit{}); }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle h) : handle_(h) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiter) {
    handle_.promise().continuation = awaiter;
    return handle_;
  }
  T await_resume() { return handle_.promise().outcome.take(); }

 private:
  Handle handle_;
};

namespace detail {
template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

// Shared by the two ends of a Future. Everything guarded by `mutex`.
template <class T>
struct FutureState {
  std::mutex mutex;
  std::condition_variable ready;
  Outcome<T> outcome;
  std::function<void()> on_ready;  // posts the awaiting coroutine
};
}  // namespace detail

// The far end: set exactly once, from any thread.
template <class T>
class FutureSetter {
 public:
  FutureSetter() : state_(std::make_shared<detail::FutureState<T>>()) {}

  using Value = typename detail::Outcome<T>::Value;

  void set(Value value) {
    detail::Outcome<T> outcome;
    outcome.set(std::move(value));
    set_outcome(std::move(outcome));
  }
  void set_exception(std::exception_ptr e) {
    detail::Outcome<T> outcome;
    outcome.set(std::move(e));
    set_outcome(std::move(outcome));
  }
  void set_outcome(detail::Outcome<T> outcome) {
    std::function<void()> on_ready;
    {
      const std::lock_guard lock(state_->mutex);
      assert(outcome.ready() && !state_->outcome.ready());
      state_->outcome = std::move(outcome);
      on_ready = std::move(state_->on_ready);
      // Under the lock: a waiter may free the state as soon as it sees it.
      state_->ready.notify_all();
    }
    if (on_ready) on_ready();
  }

 private:
  template <class U>
  friend class Future;

  std::shared_ptr<detail::FutureState<T>> state_;
};

class Executor;

// The near end. Dropping it lets the work run on unobserved.
template <class T>
class [[nodiscard]] Future {
 public:
  Future(const FutureSetter<T>& setter, Executor& home)
      : state_(setter.state_), home_(&home) {}

  // Blocks the calling thread; never call it from an executor thread.
  T get() {
    std::unique_lock lock(state_->mutex);
    state_->ready.wait(lock, [&] { return state_->outcome.ready(); });
    return state_->outcome.take();
  }
  // True when co_await would not wait.
  [[nodiscard]] bool ready() const {
    const std::lock_guard lock(state_->mutex);
    return state_->outcome.ready();
  }

  // Awaiting resumes on the executor, whichever thread set the value.
  bool await_ready() const { return ready(); }
  bool await_suspend(std::coroutine_handle<> awaiter);
  T await_resume() {
    const std::lock_guard lock(state_->mutex);
    return state_->outcome.take();
  }

 private:
  std::shared_ptr<detail::FutureState<T>> state_;
  Executor* home_;
};

}  // namespace ct
