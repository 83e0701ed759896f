// Signals as calls: a thread of its own waits for those that end or refresh
// the program.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

namespace ct::monitor {

// SIGTERM, SIGINT and SIGHUP, in this thread and those that it will start.
// Before any thread is started, so that only SignalThread sees them.
void block_signals();

// The same for as long as this lives.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Waits for one of them.
int wait_for_signal();

class SignalThread {
 public:
  // Both are called from the thread; `often`, which may be empty, five times a
  // second.
  SignalThread(std::function<void(int)> on_signal,
               std::function<void()> often = nullptr);
  ~SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void work();

  const std::function<void(int)> on_signal_;
  const std::function<void()> often_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace ct::monitor
