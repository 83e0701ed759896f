#include "monitor/signals.h"

#include <utility>

namespace ct::monitor {
namespace {

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, s);
  return set;
}

}  // namespace

void block_signals() {
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

SignalsBlocked::SignalsBlocked() {
  const sigset_t set = our_signals();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

SignalsBlocked::~SignalsBlocked() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

int wait_for_signal() {
  const sigset_t set = our_signals();
  int signal = 0;
  sigwait(&set, &signal);
  return signal;
}

SignalThread::SignalThread(std::function<void(int)> on_signal,
                           std::function<void()> often)
    : on_signal_(std::move(on_signal)),
      often_(std::move(often)),
      thread_([this] { work(); }) {}

SignalThread::~SignalThread() {
  done_ = true;
  thread_.join();
}

void SignalThread::work() {
  const sigset_t set = our_signals();
  const timespec patience{0, 200'000'000};
  while (!done_) {
    if (often_) often_();
    const int signal = sigtimedwait(&set, nullptr, &patience);
    if (signal > 0) on_signal_(signal);
  }
}

}  // namespace ct::monitor
