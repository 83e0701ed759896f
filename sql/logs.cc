#include "sql/logs.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

using ctlog::LogInfo;
using ctlog::LogKind;
using ctlog::LogState;

constexpr std::array kFollowStates = {
    FollowState::kNew,      FollowState::kFollowing, FollowState::kDraining,
    FollowState::kComplete, FollowState::kStopped,   FollowState::kDead};
constexpr std::array kLogKinds = {LogKind::kRfc6962, LogKind::kStatic};
constexpr std::array kLogStates = {LogState::kUnknown,   LogState::kPending,
                                   LogState::kQualified, LogState::kUsable,
                                   LogState::kReadonly,  LogState::kRetired,
                                   LogState::kRejected};

constexpr std::uint64_t kMaxSize =
    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

// The enumerator that is written so.
template <class Values>
auto named(const Values& values, const std::string& text) {
  for (const auto v : values) {
    if (to_string(v) == text) return v;
  }
  throw SqlError{{Errc::kInternal, "unknown value in the database: " + text},
                 ""};
}

std::optional<Millis> in_millis(std::optional<Seconds> s) {
  if (!s) return std::nullopt;
  const Millis limit = storable_time(std::numeric_limits<Millis>::max()) / 1000;
  return storable_time(std::clamp(*s, -limit, limit) * 1000);
}

std::string operators_json(const LogInfo& info) {
  auto out = nlohmann::json::array();
  for (const auto& o : info.previous_operators) {
    out.push_back({{"name", storable_text(o.name)}, {"end_time", o.end_time}});
  }
  return out.dump();
}

std::vector<ctlog::PreviousOperator> parse_operators(const std::string& text) {
  std::vector<ctlog::PreviousOperator> out;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return out;
  for (const auto& o : json) {
    out.push_back({o.value("name", ""), o.value("end_time", Millis{0})});
  }
  return out;
}

// A log that left the list is drained; one that comes back is followed again.
void put_log(Tx& tx, const LogInfo& info) {
  std::optional<std::uint64_t> final_size;
  std::optional<Hash> final_root;
  // A size that cannot be would cost the whole list.
  if (info.final_tree_head && info.final_tree_head->size <= kMaxSize) {
    final_size = info.final_tree_head->size;
    final_root = info.final_tree_head->root;
  }
  tx.exec(
      "INSERT INTO log (log_id, description, operator, kind, key, "
      "submission_url, monitoring_url, mmd, list_state, list_state_since, "
      "log_type, interval_start, interval_end, final_size, final_root, "
      "previous_operators) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, " CT_TIME(
          "$10") ", $11, " CT_TIME("$12") ", " CT_TIME("$13") ", $14, $15, "
      "$16) ON CONFLICT (log_id) DO UPDATE SET "
      "description = excluded.description, operator = excluded.operator, "
      "kind = excluded.kind, submission_url = excluded.submission_url, "
      "monitoring_url = excluded.monitoring_url, mmd = excluded.mmd, "
      "list_state = excluded.list_state, "
      "list_state_since = excluded.list_state_since, "
      "log_type = excluded.log_type, "
      "interval_start = excluded.interval_start, "
      "interval_end = excluded.interval_end, "
      "final_size = excluded.final_size, final_root = excluded.final_root, "
      "previous_operators = excluded.previous_operators, listed = true, "
      "follow_state = CASE WHEN NOT log.listed AND log.follow_state IN "
      "('draining', 'complete', 'dead') THEN 'following' "
      "ELSE log.follow_state END, "
      "state_reason = CASE WHEN NOT log.listed AND log.follow_state IN "
      "('draining', 'complete', 'dead') THEN 'it is back in the log list' "
      "ELSE log.state_reason END, updated_at = now()",
      {info.log_id, info.description, info.operator_name,
       to_string(info.kind), info.key, info.submission_url,
       info.monitoring_url, info.mmd, to_string(info.state),
       storable_time(info.state_since), info.log_type,
       in_millis(info.interval_start), in_millis(info.interval_end),
       final_size, final_root, operators_json(info)});
}

LogInfo read_info(const Row& row) {
  LogInfo info;
  info.log_id = row.hash("log_id");
  info.description = row.text("description");
  info.operator_name = row.text("operator");
  info.kind = named(kLogKinds, row.text("kind"));
  info.key = row.bytes("key");
  info.submission_url = row.text("submission_url");
  info.monitoring_url = row.text("monitoring_url");
  info.mmd = row.integer("mmd");
  info.state = named(kLogStates, row.text("list_state"));
  info.state_since = row.integer("list_state_since_ms");
  info.log_type = row.text("log_type");
  if (const auto t = row.maybe_integer("interval_start_ms")) {
    info.interval_start = *t / 1000;
  }
  if (const auto t = row.maybe_integer("interval_end_ms")) {
    info.interval_end = *t / 1000;
  }
  if (!row.is_null("final_size")) {
    info.final_tree_head = {row.count("final_size"), row.hash("final_root")};
  }
  info.previous_operators = parse_operators(row.text("previous_operators"));
  return info;
}

Result<Position> read_position(const Row& row) {
  auto range = ctlog::CompactRange::decode(row.count("next_index"),
                                           row.bytes("compact_range"));
  if (!range) {
    return fail(Errc::kInternal, "the stored position of a log is damaged: " +
                                     range.error().what);
  }
  Position p;
  p.range = *std::move(range);
  p.start = row.count("start_index");
  p.head_size = row.count("head_size");
  p.head_timestamp = row.integer("head_timestamp_ms");
  p.head_root = row.hash("head_root");
  p.newest_entry = row.integer("newest_entry_ms");
  p.rate = static_cast<double>(row.integer("rate_milli")) / 1000;
  p.verified_at = row.integer("verified_at_ms");
  return p;
}

Result<LogRow> read_log(const Row& row) {
  LogRow out;
  out.info = read_info(row);
  out.listed = row.boolean("listed");
  out.state = named(kFollowStates, row.text("follow_state"));
  out.state_reason = row.text("state_reason");
  out.last_error = row.text("last_error");
  out.last_error_at = row.maybe_integer("last_error_at_ms").value_or(0);
  if (!row.is_null("next_index")) {
    auto position = read_position(row);
    if (!position) return tl::unexpected(position.error());
    out.position = *std::move(position);
  }
  if (!row.is_null("largest_size")) {
    out.largest_head = ctlog::TreeHead::already_verified(
        row.count("largest_size"), row.integer("largest_timestamp_ms"),
        row.hash("largest_root"));
    out.largest_head_seen = row.integer("largest_seen_ms");
  }
  return out;
}

// Changes one log, which must be there.
Result<void> update_log(Database& db, const Hash& log_id, const char* sql,
                        std::string_view first, std::string_view second) {
  return db.transact([&](Tx& tx) -> Result<void> {
    if (tx.exec(sql, {log_id, first, second}).affected() == 1) return {};
    return fail(Errc::kUsage, "no log " + to_hex(log_id) + " is known");
  });
}

}  // namespace

std::string_view to_string(FollowState s) {
  switch (s) {
    case FollowState::kNew:
      return "new";
    case FollowState::kFollowing:
      return "following";
    case FollowState::kDraining:
      return "draining";
    case FollowState::kComplete:
      return "complete";
    case FollowState::kStopped:
      return "stopped";
    case FollowState::kDead:
      return "dead";
  }
  return "unknown";
}

Result<void> sync_logs(Database& db, const ctlog::LogList& list) {
  // In one order everywhere, so that two that sync cannot deadlock.
  std::vector<const LogInfo*> logs;
  for (const LogInfo& info : list.logs) logs.push_back(&info);
  std::sort(logs.begin(), logs.end(),
            [](const auto* a, const auto* b) { return a->log_id < b->log_id; });
  std::vector<std::string> ids;
  for (const LogInfo* info : logs) ids.push_back(to_hex(info->log_id));
  return db.transact([&](Tx& tx) -> Result<void> {
    for (const LogInfo* info : logs) put_log(tx, *info);
    tx.exec(
        "UPDATE log SET listed = false, updated_at = now(), "
        "follow_state = CASE WHEN follow_state = 'following' THEN "
        "'draining' ELSE follow_state END, "
        "state_reason = CASE WHEN follow_state = 'following' THEN "
        "'it left the log list' ELSE state_reason END "
        "WHERE listed AND NOT encode(log_id, 'hex') = ANY ($1)",
        {ids});
    return {};
  });
}

Result<std::vector<LogRow>> load_logs(Database& db) {
  std::vector<LogRow> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    out.clear();
    const Rows rows = tx.exec(
        "SELECT l.log_id, l.description, l.operator, l.kind, l.key, "
        "l.submission_url, l.monitoring_url, l.mmd, l.list_state, " CT_MILLIS(
            "l.list_state_since") " AS list_state_since_ms, l.log_type, "
        CT_MILLIS("l.interval_start") " AS interval_start_ms, " CT_MILLIS(
            "l.interval_end") " AS interval_end_ms, l.final_size, "
        "l.final_root, l.previous_operators, l.listed, l.follow_state, "
        "l.state_reason, l.last_error, " CT_MILLIS(
            "l.last_error_at") " AS last_error_at_ms, "
        "p.start_index, p.next_index, p.compact_range, p.head_size, "
        "p.head_timestamp_ms, p.head_root, p.newest_entry_ms, "
        "(p.rate * 1000)::bigint AS rate_milli, " CT_MILLIS(
            "p.verified_at") " AS verified_at_ms, "
        "h.tree_size AS largest_size, h.timestamp_ms AS largest_timestamp_ms, "
        "h.root AS largest_root, " CT_MILLIS("h.seen_at") " AS largest_seen_ms "
        "FROM log l LEFT JOIN log_position p USING (log_id) "
        "LEFT JOIN LATERAL (SELECT * FROM log_head h WHERE h.log_id = l.log_id "
        "ORDER BY tree_size DESC, timestamp_ms DESC LIMIT 1) h ON true "
        "ORDER BY l.operator, l.description, l.log_id");
    for (const Row row : rows) {
      auto log = read_log(row);
      if (!log) return tl::unexpected(log.error());
      out.push_back(*std::move(log));
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> set_state(Database& db, const Hash& log_id, FollowState state,
                       std::string_view why) {
  return update_log(db, log_id,
                    "UPDATE log SET follow_state = $2, state_reason = $3, "
                    "updated_at = now() WHERE log_id = $1",
                    to_string(state), why);
}

Result<void> set_last_error(Database& db, const Hash& log_id,
                            std::string_view what) {
  return update_log(db, log_id,
                    "UPDATE log SET last_error = $2, last_error_at = CASE "
                    "WHEN $3 = '' THEN NULL ELSE clock_timestamp() END "
                    "WHERE log_id = $1",
                    what, what);
}

// The database's clock decides, so that the clocks of many machines need not
// agree.
Result<std::optional<Lease>> claim_log(Database& db, const Hash& log_id,
                                       std::string_view owner,
                                       std::chrono::milliseconds ttl) {
  std::optional<Lease> lease;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    lease.reset();
    const Rows rows = tx.exec(
        "INSERT INTO log_lease AS l (log_id, owner, fence, expires_at) "
        "VALUES ($1, $2, 1, clock_timestamp() + $3::bigint * interval '1 ms') "
        "ON CONFLICT (log_id) DO UPDATE SET owner = excluded.owner, "
        "fence = l.fence + CASE WHEN l.owner = excluded.owner THEN 0 ELSE 1 "
        "END, expires_at = excluded.expires_at "
        "WHERE l.owner = excluded.owner OR l.expires_at <= clock_timestamp() "
        "RETURNING fence",
        {log_id, owner, ttl.count()});
    if (!rows.empty()) lease = Lease{log_id, rows[0].integer("fence")};
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return lease;
}

Result<void> heartbeat(Database& db, std::string_view owner,
                       std::chrono::milliseconds ttl) {
  return db.transact([&](Tx& tx) -> Result<void> {
    // Locked in one order, as others lock several leases too.
    tx.exec(
        "UPDATE log_lease SET expires_at = clock_timestamp() + $2::bigint "
        "* interval '1 ms' WHERE log_id IN (SELECT log_id FROM log_lease "
        "WHERE owner = $1 ORDER BY log_id FOR UPDATE)",
        {owner, ttl.count()});
    return {};
  });
}

// The fence stays: the next owner's must be greater.
Result<void> release_all(Database& db, std::string_view owner) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec(
        "UPDATE log_lease SET owner = '', expires_at = '-infinity' WHERE "
        "log_id IN (SELECT log_id FROM log_lease WHERE owner = $1 "
        "ORDER BY log_id FOR UPDATE)",
        {owner});
    return {};
  });
}

Result<std::vector<std::string>> lease_owners(Database& db) {
  std::vector<std::string> owners;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    owners.clear();
    for (const Row row : tx.exec("SELECT DISTINCT owner FROM log_lease WHERE "
                                 "owner <> '' ORDER BY owner")) {
      owners.push_back(row.text("owner"));
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return owners;
}

}  // namespace ct::sql
