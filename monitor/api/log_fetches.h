// LogFetches: requests that have the server ask logs for certificates of
// history, a few at a time.
//
// What is asked for, and how it is proven, is EntryFetcher's matter, as on the
// command line. It is opened when it is first needed, so a server without
// internet starts and answers from the database as ever. Its requests keep to
// the operators' configured rates, together with the followers of the same
// process; another process counts its own.
#pragma once

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "monitor/config.h"
#include "monitor/entry_fetcher.h"

namespace ct::monitor::api {

// All members may be called from any thread. It outlives its turns.
class LogFetches {
 public:
  // `url`, which is secret, is where its connection is made to. A fetch is
  // waited for `patience` long. `budgets`: those of whoever else in this
  // process asks logs; null: nobody does.
  LogFetches(Config config, std::string url, std::chrono::milliseconds patience,
             std::shared_ptr<RequestBudgets> budgets)
      : config_(std::move(config)),
        url_(std::move(url)),
        patience_(patience),
        budgets_(std::move(budgets)) {}
  // Waits for what is under way.
  ~LogFetches() { stop(); }
  LogFetches(const LogFetches&) = delete;
  LogFetches& operator=(const LogFetches&) = delete;

  // One of the few that may ask logs, until it goes.
  class Turn {
   public:
    Turn(Turn&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn();
    [[nodiscard]] EntryFetcher& fetcher() const { return *of_->fetcher_; }

   private:
    friend class LogFetches;
    explicit Turn(LogFetches& of) : of_(&of) { ++of.turns_; }
    LogFetches* of_;
  };
  // kTransient: there is none left, or no database; kStopping.
  [[nodiscard]] Result<Turn> turn();

  // Errors are those of EntryFetcher and of turn(). kTransient also: it took
  // too long; then it goes on unobserved, and keeps its turn until it ends.
  [[nodiscard]] FetchedEntry fetch(EntryRequest request);

  // What is under way ends soon, as kStopping, and so does all that comes.
  void stop();

 private:
  const Config config_;
  const std::string url_;
  const std::chrono::milliseconds patience_;
  const std::shared_ptr<RequestBudgets> budgets_;
  std::mutex mutex_;  // guards the rest
  bool stopping_ = false;
  std::size_t turns_ = 0;  // that there are
  std::unique_ptr<EntryFetcher> fetcher_;
  std::vector<std::future<FetchedEntry>> left_;  // that nobody waits for
};

}  // namespace ct::monitor::api
