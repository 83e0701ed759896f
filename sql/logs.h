// Logs, their heads, positions and leases, and the one transaction that moves
// a position forward.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerts/watch.h"
#include "ctlog/compact_range.h"
#include "ctlog/log_list.h"
#include "ctlog/tree_head.h"
#include "sql/database.h"
#include "sql/history_store.h"

namespace ct::sql {

enum class FollowState : std::uint8_t {
  kNew,  // no position yet
  kFollowing,
  kDraining,  // left the list: read to its last head, then dropped
  kComplete,  // readonly or drained: read to the end, checked
  kStopped,   // proven or suspected to lie: an operator must look
  kDead,      // gone for good with entries unread
};
[[nodiscard]] std::string_view to_string(FollowState s);

// What is verified of a log, and where to go on.
struct Position {
  ctlog::CompactRange range;      // range.size() is the next index to read
  ctlog::LeafIndex start = 0;     // the first index ever read
  ctlog::TreeSize head_size = 0;  // the verified head it was last tied to
  Millis head_timestamp = 0;
  Hash head_root{};
  Millis newest_entry = 0;  // the greatest entry timestamp read
  Millis verified_at = 0;   // our clock, at the last commit
  double rate = 0;          // entries a second, lately
};

struct LogRow {
  ctlog::LogInfo info;
  bool listed = true;  // in the current list
  FollowState state = FollowState::kNew;
  std::string state_reason;
  std::optional<Position> position;
  // The largest head whose signature held, read or not.
  std::optional<ctlog::TreeHead> largest_head;
  Millis largest_head_seen = 0;
  std::string last_error;
  Millis last_error_at = 0;
};

// Adds and updates logs; those no longer in the list get listed = false.
// Nothing is ever deleted: old keys check old SCTs.
[[nodiscard]] Result<void> sync_logs(Database& db, const ctlog::LogList& list);
[[nodiscard]] Result<std::vector<LogRow>> load_logs(Database& db);
[[nodiscard]] Result<void> set_state(Database& db, const Hash& log_id,
                                     FollowState state, std::string_view why);
[[nodiscard]] Result<void> set_last_error(Database& db, const Hash& log_id,
                                          std::string_view what);

// A lease lets one process at a time read a log; `fence` grows with every
// change of hands and must be given with every commit.
struct Lease {
  Hash log_id{};
  std::int64_t fence = 0;
};
// nullopt: somebody else holds it.
[[nodiscard]] Result<std::optional<Lease>> claim_log(
    Database& db, const Hash& log_id, std::string_view owner,
    std::chrono::milliseconds ttl);
// Prolongs all leases of `owner`.
[[nodiscard]] Result<void> heartbeat(Database& db, std::string_view owner,
                                     std::chrono::milliseconds ttl);
[[nodiscard]] Result<void> release_all(Database& db, std::string_view owner);
// How many leases have an owner and have not expired: logs being read now.
[[nodiscard]] Result<std::size_t> live_leases(Database& db);
// Everyone who holds a lease, expired or not.
[[nodiscard]] Result<std::vector<std::string>> lease_owners(Database& db);

// Keeps a head that was seen, once, with its exact bytes: evidence.
struct HeadRecord {
  bool is_new = false;
  // A head of the same size and another root, signed as well: a fork.
  std::optional<ctlog::SignedTreeHead> contradiction;
};
[[nodiscard]] Result<HeadRecord> record_head(Database& db, const Hash& log_id,
                                             const ctlog::SignedTreeHead& sth);
[[nodiscard]] Result<void> record_cosignature(Database& db, const Hash& log_id,
                                              const ctlog::SignedTreeHead& sth,
                                              std::string_view witness,
                                              Seconds timestamp);

// Findings, sightings, outbox rows and the new position: one transaction.
struct BatchCommit {
  Lease lease;
  ctlog::LeafIndex begin = 0;  // where the position must stand; for a first
                               // commit (no position yet): its start
  Position after;
  std::int64_t generation = 0;  // of the watches it was matched against
  std::vector<alerts::Finding> findings;
  // A stretch of the past, read beside whoever follows the log: no position
  // moves, and of the lease only the log counts. Storing it again is harmless.
  bool is_stretch = false;
  // Archive mode: every entry of the batch; nullptr: not archived by this.
  std::shared_ptr<const HistoryBatch> history = nullptr;
};
enum class CommitOutcome : std::uint8_t {
  kCommitted,
  kAlreadyThere,  // an earlier try had gone through after all
  kLeaseLost,     // another process has taken over, or the position moved
};
// A transaction that other writers of history were in the way of is repeated.
// In doubt, it rereads the position and decides. kTransient: nothing stored.
[[nodiscard]] Result<CommitOutcome> commit_batch(Database& db,
                                                 const BatchCommit& batch);

// Verified ranges [begin, end), ascending, merged where they were matched
// against the same watches.
struct Range {
  ctlog::LeafIndex begin = 0, end = 0;
  std::int64_t generation = 0;  // of those watches
};
[[nodiscard]] Result<std::vector<Range>> verified_ranges(Database& db,
                                                         const Hash& log_id);

// What history holds of a log, ascending, merged.
struct IndexRange {
  ctlog::LeafIndex begin = 0, end = 0;
  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};
[[nodiscard]] Result<std::vector<IndexRange>> archived_ranges(
    Database& db, const Hash& log_id);
// Of each log, once history holds them. In one transaction.
[[nodiscard]] Result<void> mark_archived(
    Database& db, const std::map<Hash, std::vector<IndexRange>>& ranges);

// An operator's override: go on from a verified head although entries and
// root disagree below it; recorded.
[[nodiscard]] Result<void> override_position(Database& db, const Hash& log_id,
                                             const Position& position,
                                             std::string_view why);

// As above, but the new position is found by the next start of a monitor, as
// for a log that is new.
[[nodiscard]] Result<void> forget_position(Database& db, const Hash& log_id,
                                           std::string_view why);

// Issuer certificates by SHA-256, kept for ever.
[[nodiscard]] Result<std::optional<Bytes>> load_issuer(Database& db,
                                                       const Hash& fingerprint);
[[nodiscard]] Result<void> store_issuer(Database& db, const Hash& fingerprint,
                                        ByteView der);

}  // namespace ct::sql
