// Alerts about what history already holds for a watch that is new.
//
// Every certificate that nothing explains is fetched again with proof, judged
// as a follower would have judged it, and stored as a commit would have stored
// it: under the same id, so that doing it again, or meeting the entry later,
// tells nobody twice.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "monitor/entry_fetcher.h"

namespace ct::monitor {

struct HistoryAlertCounts {
  std::uint64_t certificates = 0;  // seen so far
  std::uint64_t raised = 0;        // new alerts, for people
  std::uint64_t known = 0;         // that were there
  std::uint64_t expected = 0;      // explained after all, by the whole entry
  std::uint64_t not_fetched = 0;   // or not stored
  std::uint64_t lies = 0;          // answers of logs that did not hold
  std::uint64_t done = 0;          // of `certificates`
};

class HistoryAlerts {
 public:
  // `watch` has its id; `problem` is told what could not be had, or does not
  // hold, a line each. Everything outlives this.
  HistoryAlerts(EntryFetcher& fetcher, const alerts::Watch& watch,
                std::vector<alerts::Expectation> expectations,
                std::function<void(const std::string&)> problem);
  // Waits for what is under way.
  ~HistoryAlerts();

  // A few are under way at once; waits for the first of these if there are
  // more. False: the fetcher was stopped.
  [[nodiscard]] bool add(const sql::HistoryCertificate& certificate);
  // Waits for all.
  void finish();
  [[nodiscard]] const HistoryAlertCounts& counts() const { return counts_; }

 private:
  struct Pending {
    std::string name;
    Future<JudgedEntry> judged;
  };
  void settle_first();

  EntryFetcher& fetcher_;
  const std::shared_ptr<const WatchSnapshot> watches_;
  const std::function<void(const std::string&)> problem_;
  std::deque<Pending> pending_;
  HistoryAlertCounts counts_;
};

// Does so for all that history holds for `watch`, as long as that takes.
// `progress` is told after each certificate, and ends it with false. kStopping:
// it ended before all was seen; doing it again tells nobody twice.
[[nodiscard]] Result<HistoryAlertCounts> alert_on_history(
    EntryFetcher& fetcher, sql::Database& db, const alerts::Watch& watch,
    const std::vector<alerts::Expectation>& expectations,
    std::function<void(const std::string&)> problem,
    const std::function<bool(const HistoryAlertCounts&)>& progress);

}  // namespace ct::monitor
