// Workers: a few threads, each with a connection to the database, and a queue
// of bounded length before them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "sql/database.h"

namespace ct::monitor::api {

class Workers {
 public:
  using Job = std::function<void(sql::Database&)>;
  // What a job becomes if there is no connection to do it with.
  using Excuse = std::function<void(const Error&)>;

  // Connections are made when they are first needed. `url` is secret.
  Workers(std::string url, std::size_t threads, std::size_t queue);
  // Waits for the jobs at hand; those in the queue get a kStopping.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Either one is called, once, by whatever thread.
  void run(Job job, Excuse excuse);

 private:
  struct Task {
    Job job;
    Excuse excuse;
  };
  void work();

  const std::string url_;
  const std::size_t queue_size_;
  std::mutex mutex_;  // guards the two below
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace ct::monitor::api
