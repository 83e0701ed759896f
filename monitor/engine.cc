#include "monitor/engine.h"

#include <fmt/format.h>

#include <thread>

#include "base/log.h"
#include "monitor/deliverer.h"
#include "monitor/version.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Pages under way, all logs together. What the program needs on top of this
// is small, so this is what keeps it below 200 MB.
constexpr std::size_t kDownloadBytes = 64u << 20;
constexpr milliseconds kWatchPoll{1'000};
constexpr milliseconds kLeaseRenewal{10'000};
constexpr milliseconds kLeaseTtl{30'000};
// A list that stands still: Google dates a new one about daily.
constexpr milliseconds kListStale = std::chrono::hours(24 * 14);

unsigned thread_count(const Config& config) {
  if (config.threads > 0) return config.threads;
  return std::max(2u, std::thread::hardware_concurrency());
}

std::string user_agent(const Config& config) {
  return fmt::format("ctvigil/{} (+{})", kVersion, config.contact);
}

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

// A log being followed. The source and the follower must outlive the future,
// which is why it comes last.
struct Engine::Active {
  std::unique_ptr<Follower> follower;
  std::optional<Future<FollowEnd>> running;
  std::optional<FollowEnd> ended;
};

Engine::Engine(const Config& config, std::unique_ptr<sql::Database> db,
               std::string url, sql::PrivatePostgres* postgres, Options options)
    : config_(config),
      options_(std::move(options)),
      owner_(lease_owner()),
      executor_(thread_count(config)),
      http_({user_agent(config), 8, 128}),
      store_(std::move(db), postgres, executor_),
      download_bytes_(executor_, kDownloadBytes),
      scts_(config.verify_scts == VerifyScts::kAll
                ? std::make_unique<SctAudit>()
                : nullptr),
      deliverer_(std::make_unique<Deliverer>(config, std::move(url))),
      context_{config,
               executor_,
               store_,
               download_bytes_,
               witnesses_,
               owner_,
               options_.once,
               scts_.get(),
               [this] {
                 const std::lock_guard lock(mutex_);
                 return watches_;
               },
               [this] {
                 const std::lock_guard lock(mutex_);
                 return known_logs_;
               },
               options_.on_findings} {
  for (const auto& vkey : config.witnesses) {
    auto verifier = ctlog::parse_note_verifier(vkey);
    if (verifier) {
      witnesses_.push_back(std::move(*verifier));
    } else {
      log_error("witness key ignored", {{"error", verifier.error().what}});
    }
  }
}

Engine::~Engine() = default;

template <class F>
auto Engine::on_store(F job) {
  return store_.run(std::move(job)).get();
}

int Engine::run() {
  free_leases_of_the_dead();
  while (true) {
    look_after_watches();
    if (watches_) look_after_list();
    look_after_leases();
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
  executor_.request_stop();
  http_.stop();
  deliverer_->stop();
  if (loading_.valid()) loading_.wait();
  for (auto& [id, active] : active_) {
    if (active->running) active->running->get();
  }
  sum_up_scts();
  const auto released = on_store([owner = owner_](sql::Database& db) {
    return sql::release_all(db, owner);
  });
  if (!released) {
    log_warning("leases not released", {{"error", released.error().what}});
  }
}

void Engine::sum_up_scts() const {
  if (!scts_) return;
  const auto totals = scts_->totals();
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

// --- the log list ---

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
    loading_ = std::async(std::launch::async,
                          [this] { return load_log_list(config_, http_); });
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
  const auto synced = on_store(
      [&](sql::Database& db) { return sql::sync_logs(db, loaded.list); });
  if (!synced) {
    log_warning("database", {{"error", synced.error().what}});
    list_due_ = steady_clock::now() + std::chrono::seconds(5);
    return;
  }
  const Millis now = now_millis();
  const bool stale = !loaded.is_private && loaded.list.timestamp &&
                     now - *loaded.list.timestamp > kListStale.count();
  const auto told = on_store([&](sql::Database& db) -> Result<void> {
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
  auto rows = on_store([](sql::Database& db) { return sql::load_logs(db); });
  if (!rows) {
    log_warning("database", {{"error", rows.error().what}});
    list_due_ = steady_clock::now() + std::chrono::seconds(5);
    return;
  }
  auto known = std::make_shared<KnownLogs>();
  for (const auto& row : *rows) {
    auto key = ctlog::LogKey::from_spki(row.info.key);
    if (key) known->emplace(row.info.log_id, KnownLog{row.info, *key});
  }
  if (scts_) scts_->update(*known);
  {
    const std::lock_guard lock(mutex_);
    known_logs_ = std::move(known);
  }
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
  const auto set = on_store([&](sql::Database& db) {
    return sql::set_state(db, row.info.log_id, state,
                          row.listed ? "" : "left the log list");
  });
  if (!set) log_warning("database", {{"error", set.error().what}});
}

void Engine::start_follower(sql::LogRow row) {
  auto active = std::make_unique<Active>();
  const Hash id = row.info.log_id;
  ctlog::SourceOptions options;
  if (list_is_private_) {
    options.ca_file = config_.ca_file;
    options.allow_plain = true;
  }
  auto source = ctlog::open_log_source(row.info, executor_, http_,
                                       budget(row.info.operator_name), options);
  if (!source) {
    log_warning("log cannot be followed", {{"log", row.info.description},
                                           {"error", source.error().what}});
  }
  const bool stopped = row.state == sql::FollowState::kStopped;
  if (source) {
    active->follower = std::make_unique<Follower>(context_, std::move(row),
                                                  std::move(*source));
    // Stopped in an earlier run: it stays so until an operator resumes it.
    if (stopped) {
      active->ended = FollowEnd::kUnproven;
    } else {
      active->running = executor_.start(active->follower->run());
    }
    const std::lock_guard lock(mutex_);
    active_.emplace(id, std::move(active));
  } else {
    failed_ = failed_ || options_.once;
  }
}

ctlog::RequestBudget& Engine::budget(const std::string& operator_name) {
  auto& slot = budgets_[operator_name];
  if (!slot) {
    double rate = config_.requests_per_second;
    const auto it = config_.operator_requests.find(operator_name);
    if (it != config_.operator_requests.end()) rate = it->second;
    slot = std::make_unique<ctlog::RequestBudget>(executor_, rate,
                                                  std::max(rate, 8.0));
  }
  return *slot;
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

// --- watches and leases ---

void Engine::look_after_watches() {
  const auto now = steady_clock::now();
  if (now < watches_due_) return;
  watches_due_ = now + kWatchPoll;
  const auto current = watches_;  // only this thread writes it
  const auto loaded = on_store(
      [&current](
          sql::Database& db) -> Result<std::shared_ptr<const WatchSnapshot>> {
        const auto generation = sql::watch_generation(db);
        if (!generation) return tl::unexpected(generation.error());
        if (current && current->generation == *generation) return current;
        auto watches = sql::load_watches(db);
        if (!watches) return tl::unexpected(watches.error());
        auto expectations = sql::load_expectations(db);
        if (!expectations) return tl::unexpected(expectations.error());
        return std::make_shared<const WatchSnapshot>(
            *generation, std::move(*watches), std::move(*expectations));
      });
  if (!loaded) {
    log_warning("database", {{"error", loaded.error().what}});
    return;
  }
  if (*loaded == current) return;
  log_info("watches loaded",
           {{"watches", (*loaded)->watchlist.watches().size()},
            {"expectations", (*loaded)->expectations.size()}});
  const std::lock_guard lock(mutex_);
  watches_ = *loaded;
}

void Engine::look_after_leases() {
  const auto now = steady_clock::now();
  if (now < leases_due_) return;
  leases_due_ = now + kLeaseRenewal;
  const auto renewed = on_store([owner = owner_](sql::Database& db) {
    return sql::heartbeat(db, owner, kLeaseTtl);
  });
  if (!renewed) log_warning("database", {{"error", renewed.error().what}});
}

void Engine::free_leases_of_the_dead() {
  const auto freed = on_store([](sql::Database& db) -> Result<void> {
    const auto owners = sql::lease_owners(db);
    if (!owners) return tl::unexpected(owners.error());
    for (const auto& owner : *owners) {
      if (!owner_is_dead(owner)) continue;
      const auto released = sql::release_all(db, owner);
      if (!released) return released;
    }
    return {};
  });
  if (!freed) log_warning("database", {{"error", freed.error().what}});
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
  if (!scts_) return out;
  const auto totals = scts_->totals();
  const std::lock_guard lock(mutex_);
  for (const auto& [log_id, tally] : totals) {
    SctView view;
    view.tally = tally;
    if (known_logs_ && log_id != kNoLog) {
      const auto log = known_logs_->find(log_id);
      if (log != known_logs_->end()) view.log = log->second.info;
    }
    out.push_back(std::move(view));
  }
  return out;
}

bool Engine::ready() const {
  const std::lock_guard lock(mutex_);
  return have_list_ && watches_ != nullptr;
}

bool Engine::database_answers() {
  return on_store([](sql::Database& db) { return sql::watch_generation(db); })
      .has_value();
}

std::vector<sql::OutboxStatus> Engine::outbox() {
  auto status =
      on_store([](sql::Database& db) { return sql::outbox_status(db); });
  if (status) return std::move(*status);
  log_warning("database", {{"error", status.error().what}});
  return {};
}

std::size_t Engine::watch_count() const {
  const std::lock_guard lock(mutex_);
  return watches_ ? watches_->watchlist.watches().size() : 0;
}

std::optional<Millis> Engine::list_time() const {
  const std::lock_guard lock(mutex_);
  return list_time_;
}

}  // namespace ct::monitor
