#include "monitor/api/workers.h"

#include <memory>
#include <utility>

#include "base/log.h"

namespace ct::monitor::api {
namespace {

Error stopped() { return {Errc::kStopping, "the server is being stopped"}; }

}  // namespace

Workers::Workers(Connect connect, std::size_t threads, std::size_t queue,
                 Job prepare)
    : connect_(std::move(connect)),
      queue_size_(queue),
      prepare_(std::move(prepare)) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

void Workers::stop() {
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
  }
  changed_.notify_all();
  for (const Task& task : left) task.excuse(stopped());
  {
    std::unique_lock lock(mutex_);
    // More than once: a job may be between two statements.
    while (busy_ > 0) {
      for (const auto& db : connections_) db->cancel();
      changed_.wait_for(lock, std::chrono::milliseconds(50),
                        [&] { return busy_ == 0; });
    }
  }
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

void Workers::run(Job job, Excuse excuse) {
  bool stopping = false;
  {
    const std::lock_guard lock(mutex_);
    stopping = stopping_;
    if (!stopping && queue_.size() < queue_size_) {
      queue_.push_back({std::move(job), std::move(excuse)});
      changed_.notify_one();
      return;
    }
  }
  excuse(stopping ? stopped()
                  : Error{Errc::kTransient,
                          "too many requests at once: try again later"});
}

sql::Database* Workers::connect() {
  auto opened = connect_();
  if (!opened) {
    log_warning("no connection for the API", {{"error", opened.error().what}});
    return nullptr;
  }
  sql::Database* db = nullptr;
  {
    const std::lock_guard lock(mutex_);
    db = connections_.emplace_back(std::move(*opened)).get();
    if (stopping_) return db;
  }
  prepare_(*db);
  return db;
}

void Workers::work() {
  sql::Database* db = nullptr;
  std::unique_lock lock(mutex_);
  const auto with_database = [&](const auto& act) {
    ++busy_;
    lock.unlock();
    if (db == nullptr) db = connect();
    act();
    lock.lock();
    --busy_;
    changed_.notify_all();
  };
  if (!stopping_) with_database([] {});
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    const Task task = std::move(queue_.front());
    queue_.pop_front();
    with_database([&] {
      if (db != nullptr) {
        task.job(*db);
      } else {
        task.excuse({Errc::kTransient,
                     "the database cannot be reached: the log of the server "
                     "says more"});
      }
    });
  }
}

}  // namespace ct::monitor::api
