#include "monitor/entry_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/base64.h"
#include "monitor/entry.h"
#include "monitor/history_extract.h"
#include "monitor/terminal.h"
#include "sql/alerts.h"
#include "sql/history_key.h"
#include "sql/history_search.h"

namespace ct::monitor {
namespace {

using ctlog::EntryType;
using sql::HistorySighting;

// Entries of one certificate that are asked for before it counts as not to be
// had.
constexpr std::size_t kMostAsked = 8;
// Somebody waits for the answer, and there may be other logs to ask.
constexpr unsigned kRetries = 2;
// A log that failed so often in a row is left alone for a while.
constexpr unsigned kMostFailures = 3;
constexpr std::chrono::seconds kRest{60};

std::string what_to_do(Errc code) {
  switch (code) {
    case Errc::kUntrusted:
      return "; do not believe what this log says before somebody has looked: "
             "`ctvigil logs`";
    case Errc::kTransient:
      return "; try again later";
    case Errc::kGone:
    case Errc::kMalformed:
      return "; the log does not give it any more";
    default:
      return "";
  }
}

// What is said if none of the logs gave it: the worst, once for all.
Error all_failed(const std::vector<Error>& errors) {
  if (errors.empty()) {
    return {Errc::kGone, "history names no log entry that would give it"};
  }
  Errc code = errors.front().code;
  std::vector<std::string> texts;
  for (const Error& e : errors) {
    const bool worse = e.code == Errc::kUntrusted ||
                       (e.code == Errc::kTransient && code != Errc::kUntrusted);
    if (worse) code = e.code;
    texts.push_back(e.what);
  }
  return {code, fmt::format("{}", fmt::join(texts, "; "))};
}

// As history keeps it.
Millis kept_time(Millis t) {
  return std::clamp<Millis>(t, 0, sql::kHistoryLatest);
}

}  // namespace

EntryRequest entry_request(const sql::HistoryCertificate& c, bool any_entry) {
  return {c.id, c.sha256, c.final, c.sightings, any_entry};
}

struct EntryFetcher::Log {
  Log(StoreThread& store, sql::LogRow r, ctlog::LogKey key,
      std::unique_ptr<ctlog::LogSource> s)
      : row(std::move(r)),
        source(std::move(s)),
        anchor(store, *source, std::move(key), row) {}

  using Clock = std::chrono::steady_clock;

  // Whether it has failed too often, just now, to be asked.
  [[nodiscard]] bool rests() const {
    return failures >= kMostFailures &&
           Clock::now().time_since_epoch().count() < rests_until;
  }
  void note(bool failed) {
    failures = failed ? failures + 1 : 0;
    rests_until = (Clock::now() + kRest).time_since_epoch().count();
  }

  const sql::LogRow row;
  const std::unique_ptr<ctlog::LogSource> source;
  HeadAnchor anchor;
  std::atomic<unsigned> failures{0};
  std::atomic<Clock::rep> rests_until{0};
};

EntryFetcher::EntryFetcher(const Config& config,
                           std::unique_ptr<sql::Database> db,
                           sql::PrivatePostgres* postgres,
                           std::shared_ptr<RequestBudgets> budgets)
    : is_private_(!config.log_lists.empty()),
      reading_(config, std::move(db), postgres,
               {.once = true,
                .on_findings = {},
                .bulk = nullptr,
                .max_retries = kRetries,
                .budgets = std::move(budgets)}) {}

EntryFetcher::~EntryFetcher() { stop(); }

void EntryFetcher::stop() {
  reading_.executor().request_stop();
  reading_.http().stop();
}

Result<void> EntryFetcher::read_logs() {
  auto rows =
      reading_.on_store([](sql::Database& db) { return sql::load_logs(db); });
  if (!rows) return tl::unexpected(rows.error());
  reading_.know_logs(*rows);
  const std::lock_guard lock(mutex_);
  for (auto& row : *rows) {
    rows_.insert_or_assign(row.info.log_id, std::move(row));
  }
  return {};
}

Future<FetchedEntry> EntryFetcher::fetch(EntryRequest request) {
  return reading_.executor().start(run(std::move(request)));
}

Future<JudgedEntry> EntryFetcher::judge(
    EntryRequest request, std::shared_ptr<const WatchSnapshot> watches) {
  return reading_.executor().start(
      run_judge(std::move(request), std::move(watches)));
}

Result<sql::FindingsStored> EntryFetcher::store(
    std::vector<alerts::Finding> findings) {
  return reading_.on_store([&findings](sql::Database& db) {
    return sql::add_findings(db, findings);
  });
}

Result<EntryFetcher::Log*> EntryFetcher::log_of(const Hash& log_id) {
  const std::lock_guard lock(mutex_);
  if (const auto found = logs_.find(log_id); found != logs_.end()) {
    return found->second.get();
  }
  const auto row = rows_.find(log_id);
  if (row == rows_.end()) {
    return fail(Errc::kUsage,
                "no log with the id " + to_base64(log_id) +
                    " is known here; a log list that has it makes it known: "
                    "`ctvigil run --log-list`");
  }
  auto key = ctlog::LogKey::from_spki(row->second.info.key);
  if (!key) return tl::unexpected(key.error());
  auto source = reading_.open_source(row->second.info, is_private_);
  if (!source) return tl::unexpected(source.error());
  auto log = std::make_unique<Log>(reading_.store(), row->second,
                                   std::move(*key), std::move(*source));
  return logs_.emplace(log_id, std::move(log)).first->second.get();
}

// Those that give the certificate itself, then, if they will do, the others.
std::vector<HistorySighting> EntryFetcher::worth_asking(
    const EntryRequest& request) const {
  const auto is_certificate = [&](const HistorySighting& s) {
    return (s.type == EntryType::kX509) == request.final;
  };
  std::vector<HistorySighting> out;
  std::ranges::copy_if(request.sightings, std::back_inserter(out),
                       is_certificate);
  if (request.any_entry) {
    std::ranges::copy_if(request.sightings, std::back_inserter(out),
                         std::not_fn(is_certificate));
  }
  // One of each log first: the next best is in another log.
  std::vector<Hash> seen;
  std::ranges::stable_partition(out, [&](const HistorySighting& s) {
    if (std::ranges::find(seen, s.log_id) != seen.end()) return false;
    seen.push_back(s.log_id);
    return true;
  });
  if (out.size() > kMostAsked) out.resize(kMostAsked);
  return out;
}

Task<FetchedEntry> EntryFetcher::run(EntryRequest request) {
  FetchedEntry out{fail(Errc::kStopping, "stopped"), {}};
  std::vector<Error> errors;
  for (const HistorySighting& sighting : worth_asking(request)) {
    const auto log = log_of(sighting.log_id);
    if (reading_.executor().stopping()) co_return out;
    if (!log) {
      errors.push_back({log.error().code,
                        fmt::format("entry {} of an unknown log: {}",
                                    sighting.leaf_index, log.error().what)});
      continue;
    }
    auto proven = co_await ask(**log, sighting, request);
    if (reading_.executor().stopping() && !proven) co_return out;
    if (proven) {
      out.entry = std::move(*proven);
      co_return out;
    }
    const Errc code = proven.error().code;
    errors.push_back(
        {code, fmt::format("entry {} of {}: {}{}", sighting.leaf_index,
                           printable((*log)->row.info.description),
                           proven.error().what, what_to_do(code))});
    if (code == Errc::kUntrusted) out.lies.push_back(errors.back().what);
  }
  out.entry = tl::unexpected(all_failed(errors));
  co_return out;
}

Task<Result<ProvenEntry>> EntryFetcher::ask(Log& log, HistorySighting sighting,
                                            const EntryRequest& request) {
  if (log.rests()) {
    co_return fail(Errc::kTransient, "the log has not answered lately");
  }
  const ctlog::LeafIndex index = sighting.leaf_index;
  const auto head = co_await log.anchor.above(index);
  if (!head) {
    log.note(head.error().code == Errc::kTransient);
    co_return tl::unexpected(head.error());
  }
  auto page = co_await log.source->entries(index, index + 1, head->size());
  log.note(!page && page.error().code == Errc::kTransient);
  if (!page) co_return tl::unexpected(page.error());
  if (page->first != index || page->entries.size() != 1) {
    co_return fail(Errc::kMalformed, "the log answers for another entry");
  }
  const auto identity = co_await identify(*page, sighting, request);
  if (!identity) co_return tl::unexpected(identity.error());

  ProvenEntry out;
  out.where.log_id = log.row.info.log_id;
  out.where.log = log.row.info.description;
  out.where.leaf_index = index;
  out.where.leaf_hash = page->leaf_hashes.front();
  const auto proven = co_await prove(log, *head, out.where);
  if (!proven && proven.error().code == Errc::kTransient) {
    co_return tl::unexpected(proven.error());
  }
  // Of an entry that is not in the log it has no proof to give.
  if (!identity->sighting) {
    co_return fail(Errc::kUntrusted,
                   proven ? "it is proven, but not the one that history holds"
                          : "the log gives another entry than it did before");
  }
  if (!proven && proven.error().code != Errc::kUntrusted &&
      !identity->certificate) {
    co_return fail(Errc::kUntrusted,
                   "the log gives another certificate than it did before, and "
                   "no proof of it");
  }
  if (!proven) co_return tl::unexpected(proven.error());
  if (!identity->certificate && !request.any_entry) {
    co_return fail(Errc::kGone,
                   "the log gives the same issuance with another signature");
  }
  out.entry = copy_entry(*page, 0);
  if (const auto leaf = ctlog::parse_leaf(out.entry.leaf)) {
    out.where.timestamp = leaf->timestamp;
    out.where.entry_type = leaf->type;
    out.certificate = submitted_certificate(out.entry, *leaf);
  }
  co_return out;
}

// A log may have forgotten how to prove entries to a head of long ago: then
// its newest one has to do.
Task<Result<void>> EntryFetcher::prove(Log& log, ctlog::TreeHead head,
                                       alerts::Sighting& where) {
  auto proof = co_await log.source->inclusion_proof(
      where.leaf_index, where.leaf_hash, head.size());
  const auto cannot = [&] {
    return !proof && (proof.error().code == Errc::kGone ||
                      proof.error().code == Errc::kMalformed);
  };
  if (cannot()) {
    const auto newest = co_await log.anchor.newest();
    if (!newest) co_return tl::unexpected(newest.error());
    if (newest->size() > head.size()) {
      head = *newest;
      proof = co_await log.source->inclusion_proof(
          where.leaf_index, where.leaf_hash, head.size());
    }
  }
  if (cannot()) {
    co_return fail(Errc::kGone,
                   "the log gives no proof: " + proof.error().what);
  }
  if (!proof) co_return tl::unexpected(proof.error());
  const auto verified = ctlog::verify_inclusion(
      where.leaf_hash, where.leaf_index, head.size(), *proof, head.root());
  // A proof of the wrong shape is as little of a proof as a wrong one.
  if (!verified) {
    co_return fail(Errc::kUntrusted,
                   fmt::format("it is not proven by the head of {} entries: {}",
                               head.size(), verified.error().what));
  }
  where.tree_size = head.size();
  where.root = head.root();
  where.inclusion_proof = std::move(*proof);
  co_return Result<void>{};
}

// By the very functions that wrote the row.
Task<Result<EntryFetcher::Identity>> EntryFetcher::identify(
    const ctlog::EntryPage& page, HistorySighting sighting,
    const EntryRequest& request) {
  const sql::HistoryEntry entry =
      history_entries(page, sighting.log_id).front();
  auto asking =
      reading_.store().run([tbs = entry.tbs_sha256](sql::Database& db) {
        return sql::history_ids(db, {tbs});
      });
  const auto ids = co_await asking;
  if (!ids) co_return tl::unexpected(ids.error());
  Identity out;
  out.sighting = ids->front() == request.id && entry.type == sighting.type &&
                 kept_time(entry.timestamp) == sighting.timestamp;
  out.certificate = entry.sha256 == request.sha256;
  co_return out;
}

Task<JudgedEntry> EntryFetcher::run_judge(
    EntryRequest request, std::shared_ptr<const WatchSnapshot> watches) {
  auto fetched = co_await run(std::move(request));
  JudgedEntry out{{}, std::move(fetched.lies)};
  if (!fetched.entry) {
    out.findings = tl::unexpected(fetched.entry.error());
    co_return out;
  }
  ProvenEntry& proven = *fetched.entry;
  match_entry(proven.entry, watches->watchlist);
  const auto log = log_of(proven.where.log_id);
  if (!log) {
    out.findings = tl::unexpected(log.error());
    co_return out;
  }
  const EntryOrigin origin{reading_.store(), *(*log)->source,
                           (*log)->row.info.kind, (*log)->row.info.description};
  const MatchedEntry entry = co_await complete_entry(origin, proven.entry);
  const auto logs = reading_.known_logs();
  out.findings = monitor::judge(
      entry, proven.where, {watches->watchlist, watches->expectations, *logs});
  co_return out;
}

}  // namespace ct::monitor
