// Housekeeping: what the database of a program that runs for years needs.
//
// Now and then old deliveries and heads go (sql/maintenance.h), and quarters
// of history that have ended are packed (sql/history_bulk.h), in a thread and
// on a connection of their own: no log waits for it. What fails is told in the
// log, and tried again the next time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "sql/database.h"

namespace ct::monitor {

class Housekeeping {
 public:
  // Starts at once. `url` is secret.
  explicit Housekeeping(
      std::string url, std::chrono::milliseconds every = std::chrono::hours(1));
  // Breaks off what is under way; nothing of that is left.
  ~Housekeeping();
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

 private:
  void work();
  void round(sql::Database& db);

  const std::string url_;
  const std::chrono::milliseconds every_;
  std::mutex mutex_;  // guards the next three
  std::unique_ptr<sql::Database> db_;
  bool stopping_ = false;
  bool working_ = false;  // with db_
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace ct::monitor
