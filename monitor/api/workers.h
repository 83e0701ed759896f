// Workers: a few threads, each with a connection to the database, and a queue
// of bounded length before them.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "sql/database.h"

namespace ct::monitor::api {

class Workers {
 public:
  using Job = std::function<void(sql::Database&)>;
  // What a job becomes if there is no connection to do it with.
  using Excuse = std::function<void(const Error&)>;

  using Connect = std::function<Result<std::unique_ptr<sql::Database>>()>;

  // Each thread connects and does `prepare` at once, so that no request has to
  // wait for it; without a database, when a job comes.
  Workers(Connect connect, std::size_t threads, std::size_t queue, Job prepare);
  ~Workers() { stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // Either one is called, once, by whatever thread.
  void run(Job job, Excuse excuse);
  // Those in the queue, and all that come, get a kStopping. Waits for the jobs
  // at hand, whose statements are broken off.
  void stop();

 private:
  struct Task {
    Job job;
    Excuse excuse;
  };
  void work();
  sql::Database* connect();  // nullptr: not now

  const Connect connect_;
  const std::size_t queue_size_;
  const Job prepare_;
  std::mutex mutex_;  // guards the four below
  std::deque<Task> queue_;
  bool stopping_ = false;
  std::size_t busy_ = 0;  // threads with a job, or preparing
  std::vector<std::unique_ptr<sql::Database>> connections_;
  std::condition_variable changed_;
  std::vector<std::thread> threads_;
};

}  // namespace ct::monitor::api
