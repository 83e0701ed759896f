#include <fmt/format.h>

#include <thread>

#include "base/log.h"
#include "monitor/deliverer.h"
#include "monitor/engine_parts.h"
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

unsigned thread_count(const Config& config) {
  if (config.threads > 0) return config.threads;
  return std::max(2u, std::thread::hardware_concurrency());
}

std::string user_agent(const Config& config) {
  return fmt::format("ctvigil/{} (+{})", kVersion, config.contact);
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
