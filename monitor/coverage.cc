#include "monitor/coverage.h"

#include <algorithm>

#include "monitor/watchlist.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

// A head older than the MMD and this much is stale.
constexpr std::int64_t kStaleMargin = 60 * 60 * 1000;

std::string problem_of(const LogStatus& s, Millis now) {
  const auto& row = s.row;
  switch (row.state) {
    case sql::FollowState::kStopped:
      return "stopped, does not verify: " + row.state_reason;
    case sql::FollowState::kDead:
      return "gone with entries unread: " + row.state_reason;
    case sql::FollowState::kComplete:
      return "";
    case sql::FollowState::kNew:
    case sql::FollowState::kFollowing:
    case sql::FollowState::kDraining:
      break;
  }
  if (!row.position) {
    return row.last_error.empty() ? "not read yet"
                                  : "not read yet: " + row.last_error;
  }
  const auto age = row.largest_head ? now - row.largest_head->timestamp() : 0;
  if (age > row.info.mmd * 1000 + kStaleMargin && row.listed &&
      !row.info.final_tree_head) {
    return "its newest head is " +
           format_duration(std::chrono::milliseconds(age)) + " old";
  }
  return "";
}

bool is_concern(const sql::LogRow& row) {
  const bool wanted = row.listed && ctlog::is_followed(row.info);
  return wanted || (row.position && row.state != sql::FollowState::kComplete);
}

}  // namespace

std::vector<LogStatus> log_statuses(std::vector<sql::LogRow> rows, Millis now,
                                    bool all) {
  std::vector<LogStatus> out;
  for (auto& row : rows) {
    if (!all && !is_concern(row)) continue;
    LogStatus s;
    s.row = std::move(row);
    const auto& p = s.row.position;
    if (p && s.row.largest_head &&
        s.row.largest_head->size() > p->range.size()) {
      s.lag_entries = s.row.largest_head->size() - p->range.size();
      if (p->newest_entry > 0) {
        s.lag = std::chrono::milliseconds(
            std::max<Millis>(now - p->newest_entry, 0));
      }
    }
    if (is_concern(s.row)) s.problem = problem_of(s, now);
    out.push_back(std::move(s));
  }
  std::ranges::sort(out, [](const LogStatus& a, const LogStatus& b) {
    const bool pa = a.problem.empty(), pb = b.problem.empty();
    if (pa != pb) return !pa;
    return a.row.info.description < b.row.info.description;
  });
  return out;
}

bool Coverage::complete() const {
  return !watches.empty() && !logs.empty() &&
         std::ranges::all_of(
             logs, [](const LogCoverage& l) { return l.gaps.empty(); });
}

Result<Coverage> load_coverage(sql::Database& db, const std::string& host) {
  auto watches = sql::load_watches(db);
  if (!watches) return tl::unexpected(watches.error());
  const Watchlist watchlist(std::move(*watches));
  Coverage out;
  std::int64_t since = -1;  // the generation that first had such a watch
  const Matches matches = watchlist.match_host(host);
  for (const auto& m : matches.list) {
    const auto& watch = watchlist.watches()[m.watch];
    out.watches.push_back(watch.pattern);
    since = since < 0 ? watch.generation : std::min(since, watch.generation);
  }
  auto rows = sql::load_logs(db);
  if (!rows) return tl::unexpected(rows.error());
  for (auto& row : *rows) {
    if (!is_concern(row) && !row.position) continue;
    LogCoverage l;
    l.head_size = row.largest_head ? row.largest_head->size() : 0;
    l.head_timestamp = row.largest_head ? row.largest_head->timestamp() : 0;
    if (!row.position) {
      l.gaps.push_back({{0, l.head_size}, "not read yet"});
      l.row = std::move(row);
      out.logs.push_back(std::move(l));
      continue;
    }
    // Ranges read while the watch was in force; what was read before, from
    // the start on, is a gap for this name.
    auto ranges = sql::verified_ranges(db, row.info.log_id);
    if (!ranges) return tl::unexpected(ranges.error());
    l.from = row.position->start;
    ctlog::LeafIndex at = l.from;
    for (const auto& r : *ranges) {
      if (r.begin > at) l.gaps.push_back({{at, r.begin}, "never read"});
      if (r.generation < since) {
        l.gaps.push_back({{r.begin, r.end}, "read before it was watched"});
      }
      at = std::max(at, r.end);
    }
    l.to = at;
    if (at < l.head_size) {
      const bool bad = row.state == sql::FollowState::kStopped;
      l.gaps.push_back(
          {{at, l.head_size},
           bad ? "stopped: " + row.state_reason : std::string("not read yet")});
    }
    l.row = std::move(row);
    out.logs.push_back(std::move(l));
  }
  return out;
}

}  // namespace ct::monitor
