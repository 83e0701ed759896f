#include "monitor/history_alerts.h"

#include "monitor/history_text.h"
#include "monitor/retro_match.h"

namespace ct::monitor {
namespace {

constexpr std::size_t kAtOnce = 8;

}  // namespace

// The generation only matters to those who commit ranges.
HistoryAlerts::HistoryAlerts(EntryFetcher& fetcher, const alerts::Watch& watch,
                             std::vector<alerts::Expectation> expectations,
                             std::function<void(const std::string&)> problem)
    : fetcher_(fetcher),
      watches_(std::make_shared<const WatchSnapshot>(
          0, std::vector<alerts::Watch>{watch}, std::move(expectations))),
      problem_(std::move(problem)) {}

HistoryAlerts::~HistoryAlerts() {
  for (auto& p : pending_) (void)p.judged.get();
}

bool HistoryAlerts::add(const sql::HistoryCertificate& certificate) {
  if (fetcher_.stopping()) return false;
  ++counts_.certificates;
  pending_.push_back(
      {certificate_title(certificate),
       fetcher_.judge(entry_request(certificate, /*any_entry=*/true),
                      watches_)});
  if (pending_.size() >= kAtOnce) settle_first();
  return true;
}

void HistoryAlerts::finish() {
  while (!pending_.empty()) settle_first();
}

void HistoryAlerts::settle_first() {
  Pending first = std::move(pending_.front());
  pending_.pop_front();
  JudgedEntry judged = first.judged.get();
  ++counts_.done;
  counts_.lies += judged.lies.size();
  for (const auto& lie : judged.lies) {
    problem_("NOT TO BE TRUSTED: " + first.name + ": " + lie);
  }
  auto stored = judged.findings ? fetcher_.store(std::move(*judged.findings))
                                : tl::unexpected(judged.findings.error());
  if (!stored) {
    ++counts_.not_fetched;
    if (judged.lies.empty() && stored.error().code != Errc::kStopping) {
      problem_(first.name + ": " + stored.error().what);
    }
    return;
  }
  counts_.raised += stored->opened;
  counts_.expected += stored->expected;
  counts_.known += stored->known;
}

Result<HistoryAlertCounts> alert_on_history(
    EntryFetcher& fetcher, sql::Database& db, const alerts::Watch& watch,
    const std::vector<alerts::Expectation>& expectations,
    std::function<void(const std::string&)> problem,
    const std::function<bool(const HistoryAlertCounts&)>& progress) {
  HistoryAlerts history(fetcher, watch, expectations, std::move(problem));
  const auto seen =
      match_history(db, watch, expectations, 0, std::chrono::milliseconds(0),
                    [&](const sql::HistoryCertificate& c) {
                      return history.add(c) && progress(history.counts());
                    });
  history.finish();
  if (!seen) return tl::unexpected(seen.error());
  if (!seen->whole || fetcher.stopping()) {
    return fail(Errc::kStopping,
                "it ended before all of history was seen; doing it again goes "
                "on, and nobody is told twice");
  }
  (void)progress(history.counts());
  return history.counts();
}

}  // namespace ct::monitor
