// What operators do to logs, and see of those who read them.
#include "sql/logs.h"
#include "sql/tx.h"

namespace ct::sql {

Result<std::size_t> live_leases(Database& db) {
  std::size_t count = 0;
  const auto r = db.transact([&](Tx& tx) -> Result<void> {
    count = tx.exec(
                  "SELECT count(*) AS n FROM log_lease WHERE owner <> '' "
                  "AND expires_at > clock_timestamp()")[0]
                .count("n");
    return {};
  });
  if (!r) return tl::unexpected(r.error());
  return count;
}

// The fence is raised so that a follower which has the old position in mind
// cannot commit any more.
Result<void> forget_position(Database& db, const Hash& log_id,
                             std::string_view why) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec("UPDATE log_lease SET fence = fence + 1 WHERE log_id = $1",
            {log_id});
    tx.exec(
        "INSERT INTO position_override (log_id, why, old_next_index, "
        "old_compact_range) SELECT log_id, $2, next_index, compact_range "
        "FROM log_position WHERE log_id = $1",
        {log_id, why});
    tx.exec("DELETE FROM log_position WHERE log_id = $1", {log_id});
    return {};
  });
}

}  // namespace ct::sql
