#include "monitor/log_reading.h"

#include <fmt/format.h>

#include <thread>

#include "base/log.h"
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

}  // namespace

LogReading::LogReading(const Config& config, std::unique_ptr<sql::Database> db,
                       sql::PrivatePostgres* postgres, Options options)
    : config_(config),
      owner_(lease_owner()),
      max_retries_(options.max_retries),
      executor_(thread_count(config)),
      http_({user_agent(config), 8, 128}),
      store_(std::move(db), postgres, executor_),
      download_bytes_(executor_, kDownloadBytes),
      scts_(config.verify_scts == VerifyScts::kAll
                ? std::make_unique<SctAudit>()
                : nullptr),
      context_{config,
               executor_,
               store_,
               download_bytes_,
               witnesses_,
               owner_,
               options.once,
               config.mode == ReadMode::kArchive,
               options.bulk,
               scts_.get(),
               [this] { return watches(); },
               [this] { return known_logs(); },
               std::move(options.on_findings)},
      budgets_(options.budgets ? std::move(options.budgets)
                               : std::make_shared<RequestBudgets>(config)) {
  for (const auto& vkey : config.witnesses) {
    auto verifier = ctlog::parse_note_verifier(vkey);
    if (verifier) {
      witnesses_.push_back(std::move(*verifier));
    } else {
      log_error("witness key ignored", {{"error", verifier.error().what}});
    }
  }
}

std::shared_ptr<const WatchSnapshot> LogReading::watches() const {
  const std::lock_guard lock(mutex_);
  return watches_;
}

std::shared_ptr<const KnownLogs> LogReading::known_logs() const {
  const std::lock_guard lock(mutex_);
  return known_logs_;
}

Result<std::unique_ptr<ctlog::LogSource>> LogReading::open_source(
    const ctlog::LogInfo& log, bool is_private,
    std::shared_ptr<const ctlog::LogFiles> files) {
  ctlog::SourceOptions options;
  options.files = std::move(files);
  options.max_retries = max_retries_;
  if (is_private) {
    options.ca_file = config_.ca_file;
    options.allow_plain = true;
  }
  return ctlog::open_log_source(log, executor_, http_,
                                budgets_->of(log.operator_name), options);
}

void LogReading::know_logs(const std::vector<sql::LogRow>& rows) {
  auto known = std::make_shared<KnownLogs>();
  for (const auto& row : rows) {
    auto key = ctlog::LogKey::from_spki(row.info.key);
    if (key) known->emplace(row.info.log_id, KnownLog{row.info, *key});
  }
  if (scts_) scts_->update(*known);
  const std::lock_guard lock(mutex_);
  known_logs_ = std::move(known);
}

void LogReading::look_after_watches() {
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

void LogReading::look_after_leases() {
  const auto now = steady_clock::now();
  if (now < leases_due_) return;
  leases_due_ = now + kLeaseRenewal;
  const auto renewed = on_store([owner = owner_](sql::Database& db) {
    return sql::heartbeat(db, owner, kLeaseTtl);
  });
  if (!renewed) log_warning("database", {{"error", renewed.error().what}});
}

void LogReading::free_leases_of_the_dead() {
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

void LogReading::release_leases() {
  const auto released = on_store([owner = owner_](sql::Database& db) {
    return sql::release_all(db, owner);
  });
  if (!released) {
    log_warning("leases not released", {{"error", released.error().what}});
  }
}

}  // namespace ct::monitor
