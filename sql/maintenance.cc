#include "sql/maintenance.h"

#include "sql/tx.h"

namespace ct::sql {

Result<Pruned> prune(Database& db) {
  Pruned pruned;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    pruned = {};
    pruned.deliveries =
        tx.exec(
              "DELETE FROM delivery WHERE state IN ('delivered', "
              "'cancelled') AND finished_at < now() - interval '30 days'")
            .affected();
    // Queued by a commit that met the removal of its channel.
    pruned.deliveries +=
        tx.exec(
              "DELETE FROM delivery d WHERE created_at < now() - interval "
              "'1 day' AND NOT EXISTS (SELECT FROM channel c WHERE c.id = "
              "d.channel_id)")
            .affected();
    pruned.heads =
        tx.exec(
              "WITH kept AS (SELECT DISTINCT ON (log_id, date_trunc('hour', "
              "seen_at)) log_id, tree_size, timestamp_ms, root FROM log_head "
              "WHERE seen_at < now() - interval '7 days' ORDER BY log_id, "
              "date_trunc('hour', seen_at), seen_at, tree_size) "
              "DELETE FROM log_head h WHERE seen_at < now() - interval "
              "'7 days' AND NOT contradicted "
              "AND NOT EXISTS (SELECT FROM kept k WHERE (k.log_id, "
              "k.tree_size, k.timestamp_ms, k.root) = (h.log_id, h.tree_size, "
              "h.timestamp_ms, h.root)) "
              "AND NOT EXISTS (SELECT FROM alert_sighting s WHERE s.log_id = "
              "h.log_id AND s.tree_size = h.tree_size AND s.root = h.root) "
              "AND NOT EXISTS (SELECT FROM log_position p WHERE p.log_id = "
              "h.log_id AND p.head_size = h.tree_size AND p.head_root = "
              "h.root) "
              "AND EXISTS (SELECT FROM log_head larger WHERE larger.log_id = "
              "h.log_id AND (larger.tree_size, larger.timestamp_ms) > "
              "(h.tree_size, h.timestamp_ms))")
            .affected();
    tx.exec(
        "DELETE FROM head_cosignature c WHERE seen_at < now() - interval "
        "'7 days' AND NOT EXISTS (SELECT FROM log_head h WHERE h.log_id = "
        "c.log_id AND h.tree_size = c.tree_size AND h.root = c.root)");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return pruned;
}

}  // namespace ct::sql
