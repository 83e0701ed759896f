#include "monitor/housekeeping.h"

#include "base/log.h"
#include "sql/history_bulk.h"
#include "sql/maintenance.h"

namespace ct::monitor {
namespace {

// It may take as long as it likes: nobody waits for it.
constexpr const char* kSettings = "SET statement_timeout = 0";

}  // namespace

Housekeeping::Housekeeping(std::string url, std::chrono::milliseconds every)
    : url_(std::move(url)), every_(every), thread_([this] { work(); }) {}

Housekeeping::~Housekeeping() {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    // More than once: it may be between two statements.
    while (working_) {
      if (db_) db_->cancel();
      changed_.wait_for(lock, std::chrono::milliseconds(50),
                        [this] { return !working_; });
    }
  }
  thread_.join();
}

void Housekeeping::work() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    working_ = true;
    lock.unlock();
    auto db = sql::Database::connect(url_, kSettings);
    lock.lock();
    if (db && !stopping_) {
      db_ = *std::move(db);
      lock.unlock();
      round(*db_);
      lock.lock();
    } else if (!db) {
      log_warning("no housekeeping", {{"error", db.error().what}});
    }
    db_.reset();
    working_ = false;
    changed_.notify_all();
    changed_.wait_for(lock, every_, [this] { return stopping_; });
  }
}

void Housekeeping::round(sql::Database& db) {
  const auto failed = [this](std::string_view what, const Error& error) {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    log_warning(what, {{"error", error.what}});
  };
  const auto pruned = sql::prune(db);
  if (!pruned) return failed("old deliveries and heads stay", pruned.error());
  if (pruned->deliveries + pruned->heads > 0) {
    log_info("pruned",
             {{"deliveries", pruned->deliveries}, {"heads", pruned->heads}});
  }
  const auto packed = sql::pack_history(
      db, sql::HistoryPack::kLoose, [](double, const std::string& at) {
        log_info("packing history", {{"quarter", at}});
      });
  if (!packed) failed("history is not packed", packed.error());
}

}  // namespace ct::monitor
