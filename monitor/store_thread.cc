#include "monitor/store_thread.h"

#include "base/log.h"

namespace ct::monitor {

StoreThread::StoreThread(std::unique_ptr<sql::Database> db,
                         sql::PrivatePostgres* postgres, Executor& executor)
    : db_(std::move(db)),
      postgres_(postgres),
      executor_(executor),
      thread_([this] { work(); }) {}

StoreThread::~StoreThread() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

std::size_t StoreThread::queue_length() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void StoreThread::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void StoreThread::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    const bool reachable = job(*db_);
    if (!reachable && postgres_ != nullptr) {
      if (const auto r = postgres_->revive(); !r) {
        log_warning("private Postgres does not start",
                    {{"error", r.error().what}});
      }
    }
    lock.lock();
  }
}

}  // namespace ct::monitor
