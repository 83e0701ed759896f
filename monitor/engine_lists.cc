// From the log list to followers.
#include <fmt/format.h>

#include "base/log.h"
#include "monitor/engine.h"

namespace ct::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A list that stands still: Google dates a new one about daily.
constexpr milliseconds kListStale = std::chrono::hours(24 * 14);

// Apple's list calls shards usable long after their interval has passed: what
// they hold has expired. Chrome's gives them a week or so.
constexpr Seconds kAfterInterval = 30 * 24 * 3600;

bool is_wanted(const sql::LogRow& row) {
  const auto end = row.info.interval_end;
  const bool expired = end && now_millis() / 1000 > *end + kAfterInterval;
  return row.listed && ctlog::is_followed(row.info) && !expired;
}

// Read to its end, or gone. A log that comes back into the list goes on.
bool is_over(const sql::LogRow& row, bool wanted) {
  if (row.state == sql::FollowState::kDead) return !wanted;
  if (row.state != sql::FollowState::kComplete) return false;
  const auto& final_head = row.info.final_tree_head;
  return !wanted || (final_head && row.position &&
                     row.position->range.size() >= final_head->size);
}

}  // namespace

void Engine::look_after_list() {
  const auto now = steady_clock::now();
  if (!loading_.valid()) {
    bool wanted = now >= list_due_;
    {
      const std::lock_guard lock(mutex_);
      wanted = wanted || refresh_;
      refresh_ = false;
    }
    if (!wanted) return;
    loading_ = std::async(std::launch::async, [this] {
      return load_log_list(config_, reading_.http());
    });
  }
  if (loading_.wait_for(milliseconds(0)) != std::future_status::ready) return;
  auto loaded = loading_.get();
  if (loaded) {
    list_failures_ = 0;
    list_due_ = now + config_.log_list_refresh;
    adopt(std::move(*loaded));
    return;
  }
  ++list_failures_;
  const milliseconds pause = std::min<milliseconds>(
      std::chrono::seconds(5) * (1 << std::min(list_failures_, 6u)),
      std::chrono::minutes(5));
  list_due_ = now + pause;
  const bool hopeless = loaded.error().code == Errc::kUsage ||
                        loaded.error().code == Errc::kUntrusted;
  const std::lock_guard lock(mutex_);
  if (!have_list_ && (hopeless || options_.once)) {
    log_error("no log list", {{"error", loaded.error().what}});
    failed_ = true;
  } else if (!have_list_) {
    log_warning(
        "no log list: no internet and no cached copy? `ctvigil demo` needs "
        "neither; --log-list FILE --allow-unsigned-log-list names a list of "
        "your own",
        {{"error", loaded.error().what}, {"again_in", format_duration(pause)}});
  } else {
    log_warning(
        "log list not refreshed",
        {{"error", loaded.error().what}, {"again_in", format_duration(pause)}});
  }
}

void Engine::adopt(LoadedLogList loaded) {
  for (const auto& note : loaded.notes) log_warning(note);
  for (const auto& w : loaded.list.warnings)
    log_debug("log list", {{"note", w}});
  list_is_private_ = loaded.is_private;
  const auto synced = reading_.on_store(
      [&](sql::Database& db) { return sql::sync_logs(db, loaded.list); });
  if (!synced) {
    log_warning("database", {{"error", synced.error().what}});
    list_due_ = steady_clock::now() + std::chrono::seconds(5);
    return;
  }
  const Millis now = now_millis();
  const bool stale = !loaded.is_private && loaded.list.timestamp &&
                     now - *loaded.list.timestamp > kListStale.count();
  const auto told = reading_.on_store([&](sql::Database& db) -> Result<void> {
    if (!stale) {
      return sql::clear_log_alerts(db, alerts::kind::kLogListStale, Hash{},
                                   "the list is fresh again");
    }
    alerts::Alert alert;
    const auto since = format_time(*loaded.list.timestamp);
    alert.id = alerts::log_alert_id(alerts::kind::kLogListStale, Hash{}, since);
    alert.kind = alerts::kind::kLogListStale;
    alert.severity = alerts::Severity::kMedium;
    alert.title = "The log list stands still";
    alert.reason = fmt::format(
        "The newest log list that could be had is of {}. New logs may be "
        "missing from it, and certificates in them go unseen.",
        since);
    alert.created = alert.updated = now;
    const auto raised = sql::raise_alert(db, alert);
    if (!raised) return tl::unexpected(raised.error());
    return {};
  });
  if (!told) log_warning("database", {{"error", told.error().what}});
  {
    const std::lock_guard lock(mutex_);
    list_time_ = loaded.list.timestamp;
  }
  start_followers();
}

// Brings followers in line with the list: new logs are started, the rest are
// told the news, those that left are drained.
void Engine::start_followers() {
  auto rows =
      reading_.on_store([](sql::Database& db) { return sql::load_logs(db); });
  if (!rows) {
    log_warning("database", {{"error", rows.error().what}});
    list_due_ = steady_clock::now() + std::chrono::seconds(5);
    return;
  }
  reading_.know_logs(*rows);
  std::size_t followed = 0;
  for (auto& row : *rows) {
    const bool wanted = is_wanted(row);
    const bool begun = row.position.has_value();
    const bool over = is_over(row, wanted);
    auto it = active_.find(row.info.log_id);
    const bool resumed = it != active_.end() && it->second->ended && wanted &&
                         !over && row.state != sql::FollowState::kStopped;
    if (resumed && !options_.once) {
      const std::lock_guard lock(mutex_);
      active_.erase(it);
      it = active_.end();
    }
    if (it != active_.end()) {
      it->second->follower->update(row.info);
      it->second->follower->drain(!wanted);
      row.listed = wanted;
      if (!it->second->ended) mark_followed(row);
      followed += it->second->ended ? 0 : 1;
      continue;
    }
    // A log that never was read owes us nothing when it goes; one that was
    // is read to its end.
    if (over || (!wanted && !begun)) continue;
    if (row.state == sql::FollowState::kStopped && !options_.once) continue;
    if (!wanted) row.listed = false;
    mark_followed(row);
    start_follower(std::move(row));
    ++followed;
  }
  const std::lock_guard lock(mutex_);
  if (!have_list_) log_info("log list loaded", {{"followed", followed}});
  have_list_ = true;
}

// The state that a log is in once it has a follower.
void Engine::mark_followed(const sql::LogRow& row) {
  using sql::FollowState;
  if (!row.position || row.state == FollowState::kStopped) return;
  const auto state =
      row.listed ? FollowState::kFollowing : FollowState::kDraining;
  if (row.state == state) return;
  const auto set = reading_.on_store([&](sql::Database& db) {
    return sql::set_state(db, row.info.log_id, state,
                          row.listed ? "" : "left the log list");
  });
  if (!set) log_warning("database", {{"error", set.error().what}});
}

void Engine::start_follower(sql::LogRow row) {
  auto active = std::make_unique<Active>();
  const Hash id = row.info.log_id;
  auto source = reading_.open_source(row.info, list_is_private_);
  if (!source) {
    log_warning("log cannot be followed", {{"log", row.info.description},
                                           {"error", source.error().what}});
  }
  const bool stopped = row.state == sql::FollowState::kStopped;
  if (source) {
    active->follower = std::make_unique<Follower>(
        reading_.context(), std::move(row), std::move(*source));
    // Stopped in an earlier run: it stays so until an operator resumes it.
    if (stopped) {
      active->ended = FollowEnd::kUnproven;
    } else {
      active->running = reading_.executor().start(active->follower->run());
    }
    const std::lock_guard lock(mutex_);
    active_.emplace(id, std::move(active));
  } else {
    failed_ = failed_ || options_.once;
  }
}

}  // namespace ct::monitor
