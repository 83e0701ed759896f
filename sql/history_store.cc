#include "sql/history_store.h"

#include <algorithm>
#include <mutex>
#include <span>

#include "sql/history_der.h"
#include "sql/history_row.h"
#include "sql/side_connections.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

// Locks the partitions of `rows`, and creates those that are not there: in this
// order, and before anything else locks history itself, because whoever builds
// a partition anew needs history to finish.
void take_partitions(Tx& tx, const std::vector<HistoryRow>& rows) {
  std::vector<std::string> names;
  Array dates(Array::kTimestamptz);
  for (const auto& row : rows) {
    std::string name = history_partition_name(row.draft->quarter);
    if (!names.empty() && names.back() == name) continue;
    names.push_back(std::move(name));
    dates.time(row.draft->not_after);
  }
  std::string there, missing;
  for (const Row row : tx.exec("SELECT name, to_regclass('history_root_' || "
                               "name) IS NULL AS missing "
                               "FROM unnest($1::text[]) AS p (name)",
                               {names})) {
    std::string& list = row.boolean("missing") ? missing : there;
    const std::string name = row.text("name");
    if (!list.empty()) list += ", ";
    list += "history_" + name + ", history_root_" + name;
  }
  const auto lock = [&](const std::string& tables) {
    if (tables.empty()) return;
    tx.run_script("LOCK TABLE " + tables + " IN ROW EXCLUSIVE MODE");
  };
  lock(there);
  if (missing.empty()) return;
  tx.exec(
      "SELECT history_add_partition(at) "
      "FROM unnest($1::timestamptz[]) AS p (at)",
      {dates.param()});
  lock(missing);
}

// All for some rows of one partition.
class PartWriter {
 public:
  PartWriter(Tx& tx, HistoryNumbers& numbers, std::span<HistoryRow> rows)
      : tx_(tx),
        numbers_(numbers),
        rows_(rows),
        name_(history_partition_name(rows[0].draft->quarter)) {}

  HistoryStored write() {
    constexpr int kAttempts = 5;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      find_known();
      // Outside of the attempt, which may be undone while `numbers_` remembers.
      pack_history_der(tx_, rows_, numbers_);
      if (known_ == rows_.size() || tx_.attempt([&] { add_unknown(); })) {
        update_known();
        return {rows_.size() - known_, changed_.size()};
      }
      // Somebody else had added one of them meanwhile, and has committed: so
      // we see it now.
    }
    throw SqlError{{Errc::kTransient,
                    "database: other writers store the same certificates"},
                   ""};
  }

 private:
  // Locks the rows that are there, in the order of ours, and merges them into
  // those. LATERAL makes it one look-up in the index for each key, whatever the
  // planner thinks of the table.
  void find_known() {
    Array domains(Array::kText), ends(Array::kTimestamptz), ids(Array::kBigint);
    for (const auto& row : rows_) {
      domains.text(row.draft->domain());
      ends.time(row.draft->not_after);
      ids.integer(row.id);
    }
    changed_.clear();
    known_ = 0;
    is_known_.assign(rows_.size(), false);
    for (const Row found : tx_.exec(
             "SELECT n, place, issuer, final, sha256, sightings FROM "
             "unnest($1::text[], $2::timestamptz[], $3::bigint[]) "
             "WITH ORDINALITY AS k (d, e, i, n) "
             "CROSS JOIN LATERAL (SELECT ctid::text AS place, issuer, final, "
             "sha256, sightings FROM history_" +
                 name_ +
                 " WHERE domain = d AND not_after = e AND id = i "
                 "LIMIT 1 FOR UPDATE) AS h",
             {domains.param(), ends.param(), ids.param()})) {
      merge(found.count("n") - 1, found);
    }
  }

  void merge(std::size_t i, const Row& found) {
    const HistoryRow stored{rows_[i].draft,
                            rows_[i].id,
                            static_cast<std::int32_t>(found.integer("issuer")),
                            found.boolean("final"),
                            found.hash("sha256"),
                            found.bytes("sightings"),
                            {}};
    merge_history_row(rows_[i], stored);
    // There already, if it is kept at all.
    if (rows_[i].sha256 == stored.sha256) {
      rows_[i].der.clear();
      rows_[i].der_template = 0;
    }
    if (rows_[i] != stored)
      changed_.push_back({&rows_[i], found.text("place")});
    is_known_[i] = true;
    ++known_;
  }

  // Row by row, so that the server has begun before we are through.
  void add_unknown() {
    CopyRows roots(kHistoryRootColumnCount), ders(kHistoryDerColumnCount);
    std::size_t i = 0;
    tx_.copy("history_" + name_, kHistoryColumns, kHistoryColumnCount,
             [&](CopyRows& out) {
               while (i < rows_.size() && is_known_[i]) ++i;
               if (i == rows_.size()) return false;
               put_history_row(out, rows_[i]);
               put_history_roots(roots, rows_[i]);
               if (!rows_[i].der.empty()) put_history_der(ders, rows_[i]);
               return ++i, true;
             });
    tx_.copy("history_root_" + name_, kHistoryRootColumns, roots);
    if (ders.size() == 0) return;
    tx_.copy("history_der_" + name_, kHistoryDerColumns, ders);
  }

  // Where they are: a row that is locked stays there.
  void update_known() {
    if (changed_.empty()) return;
    std::vector<std::string> places;
    Array issuers(Array::kInteger), finals(Array::kBoolean);
    Array hashes(Array::kBytea), sightings(Array::kBytea);
    std::vector<const HistoryRow*> ders;
    for (const auto& [row, place] : changed_) {
      places.push_back(place);
      issuers.integer(row->issuer);
      finals.boolean(row->final);
      hashes.bytes(row->sha256);
      sightings.bytes(row->sightings);
      if (!row->der.empty()) ders.push_back(row);
    }
    tx_.exec("UPDATE history_" + name_ +
                 " AS h SET issuer = u.issuer, final = u.final, sha256 = "
                 "u.sha256, sightings = u.sightings FROM unnest($1::tid[], "
                 "$2::integer[], $3::boolean[], $4::bytea[], $5::bytea[]) "
                 "AS u (place, issuer, final, sha256, sightings) "
                 "WHERE h.ctid = u.place",
             {places, issuers.param(), finals.param(), hashes.param(),
              sightings.param()});
    replace_history_der(tx_, name_, ders);
  }

  struct Change {
    const HistoryRow* row = nullptr;
    std::string place;  // its ctid
  };

  Tx& tx_;
  HistoryNumbers& numbers_;
  std::span<HistoryRow> rows_;
  std::string name_;
  std::vector<bool> is_known_;   // by row: it was there
  std::size_t known_ = 0;        // how many
  std::vector<Change> changed_;  // of those, what knows more now
};

// What is written at once: rows of one partition, so few that several
// connections have something to do, so many that what a transaction costs does
// not count.
constexpr std::size_t kPartSize = 4'096;
using Parts = std::vector<std::span<HistoryRow>>;

Parts parts_of(std::span<HistoryRow> rows) {
  Parts parts;
  while (!rows.empty()) {
    const auto end = std::ranges::find_if(rows, [&](const HistoryRow& row) {
      return row.draft->quarter != rows[0].draft->quarter;
    });
    const auto size = static_cast<std::size_t>(end - rows.begin());
    parts.push_back(rows.first(std::min(size, kPartSize)));
    rows = rows.subspan(parts.back().size());
  }
  return parts;
}

// A part in a transaction of its own, which whoever commits later makes
// durable.
HistoryStored store_part(Tx& tx, std::span<const HistoryRow> part) {
  tx.run_script("SET LOCAL synchronous_commit = off");
  const auto numbers = number_history(tx, {}, {});
  // Writing merges into them, and may have to be repeated.
  std::vector<HistoryRow> rows(part.begin(), part.end());
  std::erase_if(rows, [&](const HistoryRow& row) {
    return numbers->pruned(row.draft->not_after);
  });
  if (rows.empty()) return {};
  take_partitions(tx, rows);
  add_history_der_partitions(tx, rows);
  return PartWriter(tx, *numbers, rows).write();
}

Result<HistoryStored> store_on_several(Database& db,
                                       const HistoryBatch& batch) {
  std::vector<HistoryRow> rows;
  std::shared_ptr<SideConnections> side;
  auto numbered = db.transact([&](Tx& tx) -> Result<void> {
    tx.run_script("SET LOCAL synchronous_commit = off");
    const auto numbers = number_history(tx, batch.issuers, batch.logs);
    rows = history_rows(batch, *numbers);
    auto& kept = tx.session().side;
    if (!kept) kept = std::make_shared<SideConnections>(tx.session().options);
    side = kept;
    return {};
  });
  if (!numbered) return tl::unexpected(numbered.error());

  const Parts parts = parts_of(rows);
  HistoryStored stored;
  std::mutex mutex;  // of `stored`
  const auto store = [&](Database& with, std::size_t part) -> Result<void> {
    const unsigned tries = &with == &db ? kWriterTries : 1;
    HistoryStored done_now;
    Result<void> done;
    for (unsigned i = 0; i < tries; ++i) {
      done = with.transact([&](Tx& tx) -> Result<void> {
        done_now = store_part(tx, parts[part]);
        return {};
      });
      if (done || done.error().code != Errc::kTransient) break;
    }
    const std::lock_guard lock(mutex);
    if (done) stored += done_now;
    return done;
  };
  auto done = side->share(db, parts.size(), store);
  if (!done) return tl::unexpected(done.error());
  return stored;
}

}  // namespace

HistoryStored store_history(Tx& tx, const HistoryBatch& batch) {
  HistoryStored stored;
  const auto numbers = number_history(tx, batch.issuers, batch.logs);
  std::vector<HistoryRow> rows = history_rows(batch, *numbers);
  if (rows.empty()) return stored;
  take_partitions(tx, rows);
  add_history_der_partitions(tx, rows);
  for (const auto part : parts_of(rows)) {
    stored += PartWriter(tx, *numbers, part).write();
  }
  return stored;
}

bool is_large(const HistoryBatch& batch) {
  return batch.drafts.size() > kPartSize;
}

Result<HistoryStored> store_history(Database& db, const HistoryBatch& batch) {
  if (is_large(batch)) return store_on_several(db, batch);
  HistoryStored stored;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    stored = store_history(tx, batch);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return stored;
}

HistoryStored store_history(Tx& tx, const std::vector<HistoryEntry>& entries) {
  return store_history(tx, *prepare_history(entries));
}

Result<HistoryStored> store_history(Database& db,
                                    const std::vector<HistoryEntry>& entries) {
  return store_history(db, *prepare_history(entries));
}

}  // namespace ct::sql
