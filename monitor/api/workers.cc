#include "monitor/api/workers.h"

#include <memory>
#include <utility>

#include "base/log.h"

namespace ct::monitor::api {

Workers::Workers(std::string url, std::size_t threads, std::size_t queue)
    : url_(std::move(url)), queue_size_(queue) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

Workers::~Workers() {
  std::deque<Task> left;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    left.swap(queue_);
  }
  changed_.notify_all();
  for (const Task& task : left) {
    task.excuse({Errc::kStopping, "the server is being stopped"});
  }
  for (auto& thread : threads_) thread.join();
}

void Workers::run(Job job, Excuse excuse) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && queue_.size() < queue_size_) {
      queue_.push_back({std::move(job), std::move(excuse)});
      changed_.notify_one();
      return;
    }
  }
  excuse({Errc::kTransient, "too many requests at once: try again later"});
}

void Workers::work() {
  std::unique_ptr<sql::Database> db;
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      task = std::move(queue_.front());
      queue_.pop_front();
    }
    if (!db) {
      auto opened = sql::Database::connect(url_);
      if (!opened) {
        log_warning("no connection for the API",
                    {{"error", opened.error().what}});
        task.excuse({Errc::kTransient,
                     "the database cannot be reached: the log of the server "
                     "says more"});
        continue;
      }
      db = std::move(*opened);
    }
    task.job(*db);
  }
}

}  // namespace ct::monitor::api
