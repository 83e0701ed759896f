#include "sql/history_admin.h"

#include "sql/history_row.h"
#include "sql/history_substring.h"
#include "sql/lock_turns.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

// Rows of a table, as the planner guesses: exact as of the last ANALYZE, and
// grown since as the file has. A certificate takes some 220 bytes.
constexpr std::string_view kPartitions =
    "SELECT substr(c.relname, length('history_') + 1) AS name, "
    "(CASE WHEN c.reltuples < 0 THEN pg_relation_size(c.oid) / 220 "
    "ELSE pg_relation_size(c.oid) / current_setting('block_size')::integer * "
    "(c.reltuples / greatest(c.relpages, 1)) END)::bigint AS certificates, "
    "pg_total_relation_size(c.oid) + pg_total_relation_size(("
    "'history_root' || substr(c.relname, length('history') + 1))::regclass) "
    "+ coalesce(pg_total_relation_size(to_regclass("
    "'history_der' || substr(c.relname, length('history') + 1))), 0) "
    "AS bytes FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent = 'history'::regclass ORDER BY c.relname";

constexpr std::string_view kOther =
    "SELECT sum(pg_total_relation_size(t::regclass))::bigint AS bytes FROM "
    "unnest('{history_issuer,history_log,history_range,history_salt,"
    "history_pruned,"
    "history_der_template}'::text[]) AS t";

HistoryPruned prune(Tx& tx, Seconds before) {
  HistoryPruned pruned;
  const int end = history_quarter(before);
  tx.exec("SELECT pg_advisory_xact_lock($1)", {kHistoryPruneLock});
  tx.run_script(
      "LOCK TABLE ONLY history, ONLY history_root, ONLY history_der "
      "IN ACCESS EXCLUSIVE MODE");
  for (const Row row : tx.exec(kPartitions)) {
    const std::string name = row.text("name");
    if (history_quarter_called(name).value_or(end) >= end) continue;
    tx.run_script("DROP TABLE history_" + name + ", history_root_" + name +
                  "; DROP TABLE IF EXISTS history_der_" + name);
    ++pruned.partitions;
  }
  // Before the first quarter there is nothing that could be dropped.
  if (history_partition_name(end) != "past") {
    tx.exec(
        "UPDATE history_pruned SET until = greatest(until, "
        "to_timestamp($1::bigint))",
        {history_quarter_begin(end)});
  }
  pruned.until = tx.exec(
                       "SELECT extract(epoch FROM until)::bigint AS until "
                       "FROM history_pruned")[0]
                     .maybe_integer("until");
  return pruned;
}

}  // namespace

Result<void> add_history_partitions(Database& db, Seconds from, Seconds until) {
  return db.transact([&](Tx& tx) -> Result<void> {
    for (int q = history_quarter(from); q <= history_quarter(until); ++q) {
      tx.exec("SELECT history_add_partition(to_timestamp($1::bigint))",
              {history_quarter_begin(q)});
    }
    return {};
  });
}

Result<HistoryPruned> prune_history(Database& db, Seconds before) {
  HistoryPruned pruned;
  auto done = transact_in_turns(
      db, "queries hold what is to be pruned: try again later",
      [&](Tx& tx) { pruned = prune(tx, before); });
  if (!done) return tl::unexpected(done.error());
  return pruned;
}

Result<HistorySize> history_size(Database& db) {
  HistorySize size;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    size = {};
    size.bytes = tx.exec(kOther)[0].count("bytes");
    for (const Row row : tx.exec(kPartitions)) {
      size.partitions.push_back(
          {row.text("name"), row.count("certificates"), row.count("bytes")});
      size.certificates += size.partitions.back().certificates;
      size.bytes += size.partitions.back().bytes;
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return size;
}

}  // namespace ct::sql
