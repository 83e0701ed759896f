// The one transaction that moves a log's position forward.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/hex.h"
#include "sql/findings.h"
#include "sql/history_store.h"
#include "sql/logs.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

// Where the position stands: exactly there, or not yet there at all.
struct Stored {
  std::uint64_t next_index = 0;
  Bytes compact_range;
};

// Locks the lease, so that commits of one log come one after the other and a
// new owner waits for the old one's; nullopt: the lease is not ours any more.
std::optional<std::optional<Stored>> position_under_lease(Tx& tx,
                                                          const Lease& lease) {
  const Rows held =
      tx.exec("SELECT fence FROM log_lease WHERE log_id = $1 FOR UPDATE",
              {lease.log_id});
  if (held.empty() || held[0].integer("fence") != lease.fence) {
    return std::nullopt;
  }
  std::optional<Stored> stored;
  const Rows rows = tx.exec(
      "SELECT next_index, compact_range FROM log_position WHERE log_id = $1",
      {lease.log_id});
  if (!rows.empty()) {
    stored =
        Stored{rows[0].count("next_index"), rows[0].bytes("compact_range")};
  }
  return std::make_optional(std::move(stored));
}

bool is_at(const Stored& stored, const ctlog::CompactRange& range) {
  return stored.next_index == range.size() &&
         stored.compact_range == range.encode();
}

void put_position(Tx& tx, const Hash& log_id, const Position& p) {
  tx.exec("INSERT INTO log_position (log_id, start_index, next_index, "
          "compact_range, head_size, head_timestamp_ms, head_root, "
          "newest_entry_ms, verified_at, rate) VALUES ($1, $2, $3, $4, $5, $6, "
          "$7, $8, " CT_TIME("$9") ", $10) ON CONFLICT (log_id) DO UPDATE SET "
          "start_index = excluded.start_index, "
          "next_index = excluded.next_index, "
          "compact_range = excluded.compact_range, "
          "head_size = excluded.head_size, "
          "head_timestamp_ms = excluded.head_timestamp_ms, "
          "head_root = excluded.head_root, "
          "newest_entry_ms = excluded.newest_entry_ms, "
          "verified_at = excluded.verified_at, rate = excluded.rate",
          {log_id, p.start, p.range.size(), p.range.encode(), p.head_size,
           p.head_timestamp, p.head_root, p.newest_entry,
           storable_time(p.verified_at), fmt::format("{}", std::isfinite(p.rate) ? p.rate : 0)});
}

void put_range(Tx& tx, const Hash& log_id, const Range& r) {
  if (r.begin >= r.end) return;
  tx.exec(
      "INSERT INTO log_range (log_id, begin_index, end_index, generation) "
      "VALUES ($1, $2, $3, $4)",
      {log_id, r.begin, r.end, r.generation});
}

// Adds a range, merged with what it touches of the same generation. Of what
// was read before against other watches, the rest outside of it is kept: so
// ranges never overlap, whatever was overridden.
void add_range(Tx& tx, const Hash& log_id, Range range) {
  if (range.begin >= range.end) return;
  const Range added = range;
  for (const Row row :
       tx.exec("DELETE FROM log_range WHERE log_id = $1 AND begin_index <= $3 "
               "AND end_index >= $2 RETURNING begin_index, end_index, "
               "generation",
               {log_id, added.begin, added.end})) {
    const Range old{row.count("begin_index"), row.count("end_index"),
                    row.integer("generation")};
    if (old.generation == added.generation) {
      range.begin = std::min(range.begin, old.begin);
      range.end = std::max(range.end, old.end);
    } else {
      put_range(tx, log_id,
                {old.begin, std::min(old.end, added.begin), old.generation});
      put_range(tx, log_id,
                {std::max(old.begin, added.end), old.end, old.generation});
    }
  }
  put_range(tx, log_id, range);
}

// Merged with what it touches.
void add_archived(Tx& tx, const Hash& log_id, IndexRange range) {
  if (range.begin >= range.end) return;
  for (const Row row :
       tx.exec("DELETE FROM history_range WHERE log_id = $1 AND "
               "begin_index <= $3 AND end_index >= $2 "
               "RETURNING begin_index, end_index",
               {log_id, range.begin, range.end})) {
    range.begin = std::min(range.begin, row.count("begin_index"));
    range.end = std::max(range.end, row.count("end_index"));
  }
  tx.exec(
      "INSERT INTO history_range (log_id, begin_index, end_index) "
      "VALUES ($1, $2, $3)",
      {log_id, range.begin, range.end});
}

void store(Tx& tx, const BatchCommit& batch) {
  const Hash& log_id = batch.lease.log_id;
  const ctlog::LeafIndex end = batch.after.range.size();
  // First, as other writers of the same certificates may wait for it, or we
  // for them, and nothing else must be locked meanwhile.
  if (batch.history && !is_large(*batch.history)) {
    store_history(tx, *batch.history);
  }
  if (!batch.is_stretch) {
    put_position(tx, log_id, batch.after);
    tx.exec(
        "UPDATE log SET follow_state = 'following', updated_at = now() "
        "WHERE log_id = $1 AND follow_state = 'new'",
        {log_id});
  }
  // Several stretches of one log may be under way.
  tx.exec("SELECT FROM log WHERE log_id = $1 FOR NO KEY UPDATE", {log_id});
  add_range(tx, log_id, {batch.begin, end, batch.generation});
  if (batch.history) add_archived(tx, log_id, {batch.begin, end});
  store_findings(tx, batch.findings);
}

Result<CommitOutcome> try_commit(Database& db, const BatchCommit& batch) {
  CommitOutcome outcome = CommitOutcome::kLeaseLost;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    outcome = CommitOutcome::kLeaseLost;
    if (batch.is_stretch) {
      store(tx, batch);
      outcome = CommitOutcome::kCommitted;
      return {};
    }
    const auto held = position_under_lease(tx, batch.lease);
    if (!held) return {};
    const auto& stored = *held;
    if (stored && stored->next_index != batch.begin) {
      if (is_at(*stored, batch.after.range)) {
        outcome = CommitOutcome::kAlreadyThere;
      }
      return {};
    }
    store(tx, batch);
    outcome = CommitOutcome::kCommitted;
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return outcome;
}

// After a COMMIT without an answer. The server may still be at it, but then
// it holds the lease's row, and we wait.
Result<CommitOutcome> settle(Database& db, const BatchCommit& batch,
                             const Error& lost) {
  CommitOutcome outcome = CommitOutcome::kLeaseLost;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    const auto held = position_under_lease(tx, batch.lease);
    if (!held) return {};
    const auto& stored = *held;
    // A batch without entries leaves no mark; repeating it is harmless.
    if (stored && batch.begin != batch.after.range.size() &&
        is_at(*stored, batch.after.range)) {
      outcome = CommitOutcome::kAlreadyThere;
      return {};
    }
    if (!stored || stored->next_index == batch.begin) {
      return fail(Errc::kTransient, lost.what + ", and nothing was stored");
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return outcome;
}

}  // namespace

// If the position cannot be reread either, the error is transient as well:
// the caller's next try of the same batch finds out.
Result<CommitOutcome> commit_batch(Database& db, const BatchCommit& batch) {
  if (batch.after.range.size() < batch.begin) {
    return fail(Errc::kInternal, "a batch that ends before it begins");
  }
  // Much of it goes ahead of the position. After a crash in between, history
  // holds more than is claimed of it, all of it verified, until the same
  // entries come again.
  if (batch.history && is_large(*batch.history)) {
    const auto stored = store_history(db, *batch.history);
    if (!stored) return tl::unexpected(stored.error());
  }
  auto outcome = try_commit(db, batch);
  for (unsigned i = 1;
       i < kWriterTries && batch.history && !outcome &&
       outcome.error().code == Errc::kTransient && !db.commit_in_doubt();
       ++i) {
    outcome = try_commit(db, batch);
  }
  if (outcome || !db.commit_in_doubt() || batch.is_stretch) return outcome;
  return settle(db, batch, outcome.error());
}

Result<std::vector<Range>> verified_ranges(Database& db, const Hash& log_id) {
  std::vector<Range> ranges;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    ranges.clear();
    for (const Row row : tx.exec("SELECT begin_index, end_index, generation "
                                 "FROM log_range WHERE log_id = "
                                 "$1 ORDER BY begin_index",
                                 {log_id})) {
      ranges.push_back({row.count("begin_index"), row.count("end_index"),
                        row.integer("generation")});
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return ranges;
}

Result<std::vector<IndexRange>> archived_ranges(Database& db,
                                                const Hash& log_id) {
  std::vector<IndexRange> ranges;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    ranges.clear();
    for (const Row row :
         tx.exec("SELECT begin_index, end_index FROM history_range WHERE "
                 "log_id = $1 ORDER BY begin_index",
                 {log_id})) {
      ranges.push_back({row.count("begin_index"), row.count("end_index")});
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return ranges;
}

Result<void> mark_archived(
    Database& db, const std::map<Hash, std::vector<IndexRange>>& ranges) {
  return db.transact([&](Tx& tx) -> Result<void> {
    for (const auto& [log_id, list] : ranges) {
      // Other stretches of the log may be committed meanwhile.
      tx.exec("SELECT FROM log WHERE log_id = $1 FOR NO KEY UPDATE", {log_id});
      for (const IndexRange& range : list) add_archived(tx, log_id, range);
    }
    return {};
  });
}

// A follower that is running has the old position in mind: the fence makes
// it lose its lease, and start anew from ours.
Result<void> override_position(Database& db, const Hash& log_id,
                               const Position& position, std::string_view why) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec("UPDATE log_lease SET fence = fence + 1 WHERE log_id = $1",
            {log_id});
    if (tx.exec("UPDATE log SET follow_state = 'following', state_reason = $2, "
                "updated_at = now() WHERE log_id = $1",
                {log_id, why})
            .affected() == 0) {
      return fail(Errc::kUsage, "no log " + to_hex(log_id) + " is known");
    }
    tx.exec(
        "INSERT INTO position_override (log_id, why, old_next_index, "
        "old_compact_range, new_next_index, new_compact_range) "
        "SELECT $1, $2, p.next_index, p.compact_range, $3, $4 "
        "FROM (SELECT) AS one_row LEFT JOIN log_position p ON p.log_id = "
        "$1",
        {log_id, why, position.range.size(), position.range.encode()});
    put_position(tx, log_id, position);
    return {};
  });
}

}  // namespace ct::sql
