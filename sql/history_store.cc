#include "sql/history_store.h"

#include <span>

#include "base/hex.h"
#include "sql/history_row.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

std::string hex_bytea(ByteView bytes) { return "\\x" + to_hex(bytes); }

// The primary keys of rows, as arrays: $1 to $3.
struct Keys {
  explicit Keys(std::span<const HistoryRow> rows) {
    domains.reserve(rows.size());
    ends.reserve(rows.size());
    ids.reserve(rows.size());
    for (const auto& row : rows) add(row);
  }
  void add(const HistoryRow& row) {
    domains.emplace_back(row.domain());
    ends.push_back(std::to_string(row.not_after));
    ids.push_back(std::to_string(row.id));
  }

  std::vector<std::string> domains, ends, ids;
};
constexpr std::string_view kKeys =
    "unnest($1::text[], $2::bigint[], $3::bigint[])";

// Creates the partitions of `rows` that are not there.
void add_partitions(Tx& tx, const std::vector<HistoryRow>& rows) {
  std::vector<std::string> names, dates;
  for (const auto& row : rows) {
    std::string name = "history_root_" + history_partition_name(row.quarter);
    if (!names.empty() && names.back() == name) continue;
    names.push_back(std::move(name));
    dates.push_back(std::to_string(row.not_after));
  }
  tx.exec(
      "SELECT history_add_partition(to_timestamp(at)) "
      "FROM unnest($1::text[], $2::bigint[]) AS p (name, at) "
      "WHERE to_regclass(name) IS NULL",
      {names, dates});
}

// All for rows of one partition.
class PartitionWriter {
 public:
  PartitionWriter(Tx& tx, std::span<HistoryRow> rows)
      : tx_(tx),
        rows_(rows),
        name_(history_partition_name(rows[0].quarter)),
        known_(rows.size()) {}

  HistoryStored write() {
    constexpr int kAttempts = 5;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      find_known();
      if (tx_.attempt([&] { add_unknown(); })) {
        update_known();
        return {rows_.size() - count_, changed_.size()};
      }
      // Somebody else had added one of them meanwhile, and has committed: so
      // we see it now.
    }
    throw SqlError{{Errc::kTransient,
                    "database: other writers store the same certificates"},
                   ""};
  }

 private:
  // Locks the rows that are there, in the order of keys, and merges them into
  // ours. LATERAL makes it one look-up in the index for each key, whatever the
  // planner thinks of the table.
  void find_known() {
    const Keys keys(rows_);
    changed_.clear();
    count_ = 0;
    std::fill(known_.begin(), known_.end(), false);
    for (const Row found :
         tx_.exec("SELECT n, issuer, final, sha256, sightings FROM " +
                      std::string(kKeys) +
                      " WITH ORDINALITY AS k (d, e, i, n) "
                      "CROSS JOIN LATERAL (SELECT issuer, final, sha256, "
                      "sightings FROM history_" +
                      name_ +
                      " WHERE domain = d AND not_after = to_timestamp(e) "
                      "AND id = i LIMIT 1 FOR UPDATE) AS h",
                  {keys.domains, keys.ends, keys.ids})) {
      const auto i = found.count("n") - 1;
      merge(rows_[i], found, i);
    }
  }

  void merge(HistoryRow& row, const Row& found, std::size_t i) {
    known_[i] = true;
    ++count_;
    HistoryRow stored;
    stored.issuer = static_cast<std::int32_t>(found.integer("issuer"));
    stored.final = found.boolean("final");
    stored.sha256 = found.hash("sha256");
    stored.sightings = found.bytes("sightings");
    merge_history_row(row, stored);
    if (row.issuer != stored.issuer || row.final != stored.final ||
        row.sha256 != stored.sha256 || row.sightings != stored.sightings) {
      changed_.push_back(i);
    }
  }

  void add_unknown() {
    CopyRows rows(kHistoryColumnCount), roots(kHistoryRootColumnCount);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (known_[i]) continue;
      put_history_row(rows, rows_[i]);
      put_history_roots(roots, rows_[i]);
    }
    tx_.copy("history_" + name_, kHistoryColumns, rows);
    tx_.copy("history_root_" + name_, kHistoryRootColumns, roots);
  }

  void update_known() {
    if (changed_.empty()) return;
    Keys keys({});
    std::vector<std::string> issuers, finals, hashes, sightings;
    for (const std::size_t i : changed_) {
      const HistoryRow& row = rows_[i];
      keys.add(row);
      issuers.push_back(std::to_string(row.issuer));
      finals.emplace_back(row.final ? "t" : "f");
      hashes.push_back(hex_bytea(row.sha256));
      sightings.push_back(hex_bytea(row.sightings));
    }
    tx_.exec("UPDATE history_" + name_ +
                 " SET issuer = u.issuer, final = u.final, sha256 = u.sha256, "
                 "sightings = u.sightings FROM unnest($1::text[], "
                 "$2::bigint[], $3::bigint[], $4::integer[], $5::boolean[], "
                 "$6::bytea[], $7::bytea[]) AS u (d, e, i, issuer, final, "
                 "sha256, sightings) WHERE domain = d "
                 "AND not_after = to_timestamp(e) AND id = i",
             {keys.domains, keys.ends, keys.ids, issuers, finals, hashes,
              sightings});
  }

  Tx& tx_;
  std::span<HistoryRow> rows_;
  std::string name_;
  std::vector<bool> known_;  // by row: it was there
  std::vector<std::size_t> changed_;
  std::size_t count_ = 0;  // of known_
};

}  // namespace

HistoryStored store_history(Tx& tx, const std::vector<HistoryEntry>& entries) {
  HistoryStored stored;
  if (entries.empty()) return stored;
  const HistoryNumbers numbers = number_history(tx, entries);
  std::vector<HistoryRow> rows = history_rows(entries, numbers);
  add_partitions(tx, rows);
  for (std::size_t begin = 0; begin < rows.size();) {
    std::size_t end = begin;
    while (end < rows.size() && rows[end].quarter == rows[begin].quarter) ++end;
    const auto part =
        PartitionWriter(tx, std::span(rows).subspan(begin, end - begin))
            .write();
    stored.certificates += part.certificates;
    stored.updated += part.updated;
    begin = end;
  }
  return stored;
}

Result<HistoryStored> store_history(Database& db,
                                    const std::vector<HistoryEntry>& entries) {
  HistoryStored stored;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    stored = store_history(tx, entries);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return stored;
}

}  // namespace ct::sql
