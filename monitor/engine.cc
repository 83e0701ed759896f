#include "monitor/engine.h"

#include <fmt/format.h>

#include "base/log.h"
#include "monitor/deliverer.h"
#include "monitor/housekeeping.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

std::string_view describe(FollowEnd end) {
  switch (end) {
    case FollowEnd::kStopping:
      return "stopping";
    case FollowEnd::kReachedHead:
      return "read to the head";
    case FollowEnd::kComplete:
      return "complete";
    case FollowEnd::kUnread:
      return "unread";
    case FollowEnd::kUnproven:
      return "stopped: does not verify";
  }
  return "";
}

}  // namespace

Engine::Engine(const Config& config, std::unique_ptr<sql::Database> db,
               std::string url, sql::PrivatePostgres* postgres, Options options)
    : config_(config),
      options_(std::move(options)),
      reading_(config, std::move(db), postgres,
               {.once = options_.once,
                .on_findings = options_.on_findings,
                .budgets = options_.budgets}),
      deliverer_(std::make_unique<Deliverer>(config, url)),
      housekeeping_(std::make_unique<Housekeeping>(std::move(url))) {}

Engine::~Engine() = default;

int Engine::run() {
  reading_.free_leases_of_the_dead();
  while (true) {
    reading_.look_after_watches();
    if (reading_.watches()) look_after_list();
    reading_.look_after_leases();
    reap();
    std::unique_lock lock(mutex_);
    const bool all_ended = options_.once && have_list_ &&
                           std::ranges::all_of(active_, [](const auto& a) {
                             return a.second->ended.has_value();
                           });
    if (stopping_ || failed_ || all_ended) break;
    wake_.wait_for(lock, options_.tick, [this] { return stopping_; });
  }
  const int code = verdict();
  shut_down();
  return code;
}

void Engine::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
}

void Engine::refresh() {
  const std::lock_guard lock(mutex_);
  refresh_ = true;
}

void Engine::shut_down() {
  if (options_.once && !stopping_) {
    deliverer_->drain(std::chrono::minutes(2));
  }
  reading_.executor().request_stop();
  reading_.http().stop();
  deliverer_->stop();
  housekeeping_.reset();
  if (loading_.valid()) loading_.wait();
  for (auto& [id, active] : active_) {
    if (active->running) active->running->get();
  }
  sum_up_scts();
  reading_.release_leases();
}

void Engine::sum_up_scts() const {
  if (reading_.scts() == nullptr) return;
  const auto totals = reading_.scts()->totals();
  const auto sum = [&totals](SctResult result) {
    const auto i = static_cast<std::size_t>(result);
    std::uint64_t n = 0;
    for (const auto& [log_id, tally] : totals) n += tally[i];
    return LogField(to_string(result), n);
  };
  log_info("SCTs checked",
           {sum(SctResult::kValid), sum(SctResult::kBadSignature),
            sum(SctResult::kUnknownLog), sum(SctResult::kUnreadable),
            sum(SctResult::kUnchecked)});
}

int Engine::verdict() const {
  if (failed_) return 1;
  if (!options_.once || stopping_) return 0;
  for (const auto& [id, active] : active_) {
    const auto end = active->ended;
    if (end == FollowEnd::kUnread || end == FollowEnd::kUnproven) return 2;
  }
  return 0;
}

void Engine::reap() {
  const std::lock_guard lock(mutex_);
  for (auto& [id, active] : active_) {
    if (!active->running || !active->running->ready()) continue;
    active->ended = active->running->get();
    active->running.reset();
    if (options_.once || active->ended == FollowEnd::kStopping) continue;
    log_info("log no longer followed",
             {{"log", active->follower->info().description},
              {"because", describe(*active->ended)}});
  }
}

// --- for the operator's port ---

std::vector<LogView> Engine::logs() const {
  std::vector<LogView> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, active] : active_) {
    const auto& c = active->follower->counters();
    LogView v;
    v.info = active->follower->info();
    v.state = active->ended ? describe(*active->ended) : "following";
    v.position = c.position;
    v.head = c.head;
    v.entries = c.entries;
    v.bytes = c.bytes;
    v.malformed = c.malformed;
    v.matches = c.matches;
    v.verification_failures = c.verification_failures;
    for (std::size_t i = 0; i < v.errors.size(); ++i) v.errors[i] = c.errors[i];
    v.newest_entry = c.newest_entry;
    v.verified_at = c.verified_at;
    v.head_time = c.head_time;
    out.push_back(std::move(v));
  }
  return out;
}

std::vector<SctView> Engine::scts() const {
  std::vector<SctView> out;
  if (reading_.scts() == nullptr) return out;
  const auto totals = reading_.scts()->totals();
  const auto known = reading_.known_logs();
  for (const auto& [log_id, tally] : totals) {
    SctView view;
    view.tally = tally;
    if (known && log_id != kNoLog) {
      const auto log = known->find(log_id);
      if (log != known->end()) view.log = log->second.info;
    }
    out.push_back(std::move(view));
  }
  return out;
}

bool Engine::ready() const {
  const std::lock_guard lock(mutex_);
  return have_list_ && reading_.watches() != nullptr;
}

bool Engine::database_answers() {
  return reading_
      .on_store([](sql::Database& db) { return sql::watch_generation(db); })
      .has_value();
}

std::vector<sql::OutboxStatus> Engine::outbox() {
  auto status = reading_.on_store(
      [](sql::Database& db) { return sql::outbox_status(db); });
  if (status) return std::move(*status);
  log_warning("database", {{"error", status.error().what}});
  return {};
}

std::size_t Engine::watch_count() const {
  const auto watches = reading_.watches();
  return watches ? watches->watchlist.watches().size() : 0;
}

std::optional<Millis> Engine::list_time() const {
  const std::lock_guard lock(mutex_);
  return list_time_;
}

}  // namespace ct::monitor
