#include "sql/history_bulk.h"

#include <algorithm>
#include <functional>
#include <mutex>

#include "sql/history_der.h"
#include "sql/history_row.h"
#include "sql/history_spool.h"
#include "sql/side_connections.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

using RowSourceMaker = std::function<std::unique_ptr<RowSource>()>;

// The rows of a partition, in the order of the primary key.
class StoredRows : public RowSource {
 public:
  StoredRows(Tx& tx, const std::string& table) : tx_(tx) {
    tx_.exec(
        "DECLARE stored NO SCROLL CURSOR FOR SELECT id, "
        "extract(epoch FROM not_after)::bigint AS not_after, "
        "extract(epoch FROM not_before)::bigint AS not_before, issuer, "
        "final, domain, names, organization, serial, spki, sha256, "
        "sightings FROM " +
        table + " ORDER BY domain, not_after, id");
  }

  std::optional<LooseRow> next() override {
    if (next_ == rows_.size()) {
      rows_ = tx_.exec("FETCH 5000 FROM stored");
      next_ = 0;
      if (rows_.empty()) return std::nullopt;
    }
    const Row row = rows_[next_++];
    LooseRow out;
    out.stored = true;
    out.draft.not_after = row.integer("not_after");
    out.draft.not_before = row.integer("not_before");
    out.draft.quarter = history_quarter(out.draft.not_after);
    if (auto domain = row.text("domain"); !domain.empty()) {
      out.draft.names.roots.push_back(std::move(domain));
    }
    out.draft.names.names = row.text("names");
    out.draft.organization = row.text("organization");
    out.draft.serial = row.bytes("serial");
    out.draft.spki = row.bytes("spki");
    out.row.id = row.integer("id");
    out.row.issuer = static_cast<std::int32_t>(row.integer("issuer"));
    out.row.final = row.boolean("final");
    out.row.sha256 = row.hash("sha256");
    out.row.sightings = row.bytes("sightings");
    return out;
  }

 private:
  Tx& tx_;
  Rows rows_ = tx_.exec("SELECT WHERE false");
  std::size_t next_ = 0;
};

// Builds one partition anew.
class PartitionBuilder {
 public:
  PartitionBuilder(Tx& tx, int quarter)
      : tx_(tx), quarter_(quarter), name_(history_partition_name(quarter)) {}

  // From here on writers wait, so that none of theirs is lost, and so do others
  // that would build it anew.
  void lock() {
    // Takes as long as it takes.
    tx_.run_script(
        "SET LOCAL statement_timeout = 0;"
        "SET LOCAL idle_in_transaction_session_timeout = 0;"
        "SET LOCAL maintenance_work_mem = '256MB'");
    keep_history_partitions(tx_);
    tx_.exec(
        "SELECT history_add_partition(to_timestamp($1::bigint)) "
        "WHERE to_regclass($2) IS NULL",
        {history_quarter_begin(quarter_), old_roots()});
    tx_.run_script("LOCK TABLE " + old_table() + ", " + old_roots() +
                   " IN SHARE ROW EXCLUSIVE MODE");
  }

  HistoryStored build(std::unique_ptr<RowSource> rows) {
    for (const char* parent : {"history", "history_root"}) {
      tx_.exec("SELECT history_new_partition($1, to_timestamp($2::bigint))",
               {parent, history_quarter_begin(quarter_)});
    }
    fill(std::move(rows));
    for (const char* parent : {"history", "history_root"}) {
      tx_.exec("SELECT history_index_partition($1, $2, $3)",
               {parent, name_,
                history_quarter_begin(quarter_ + 1) * 1'000 < now_millis()});
    }
    swap();
    return stored_;
  }

 private:
  [[nodiscard]] std::string old_table() const { return "history_" + name_; }
  [[nodiscard]] std::string old_roots() const {
    return "history_root_" + name_;
  }

  void fill(std::unique_ptr<RowSource> added) {
    constexpr std::size_t kAtOnce = 10'000;
    std::vector<std::unique_ptr<RowSource>> sources;
    sources.push_back(std::make_unique<StoredRows>(tx_, old_table()));
    sources.push_back(std::move(added));
    MergedRows merged(std::move(sources));
    tx_.run_script("INSERT INTO history_root_new_" + name_ + " SELECT * FROM " +
                   old_roots());
    while (true) {
      CopyRows rows(kHistoryColumnCount), roots(kHistoryRootColumnCount),
          ders(kHistoryDerColumnCount);
      std::vector<LooseRow> changed;  // with other DER than before, or none
      while (rows.size() < kAtOnce) {
        auto row = merged.next();
        if (!row) break;
        put_history_row(rows, row->whole());
        if (row->stored) {
          if (!row->row.der.empty()) changed.push_back(*std::move(row));
          continue;
        }
        put_history_roots(roots, row->whole());
        if (!row->row.der.empty()) put_history_der(ders, row->whole());
        ++stored_.certificates;
      }
      if (rows.size() == 0) break;
      tx_.copy("history_new_" + name_, kHistoryColumns, rows);
      tx_.copy("history_root_new_" + name_, kHistoryRootColumns, roots);
      put_ders(ders, changed);
    }
    tx_.exec("CLOSE stored");
  }

  // That partition is not built anew: what is there stays.
  void put_ders(const CopyRows& added, std::vector<LooseRow>& changed) {
    if (added.size() > 0) {
      tx_.copy("history_der_" + name_, kHistoryDerColumns, added);
    }
    std::vector<const HistoryRow*> rows;
    for (auto& row : changed) rows.push_back(&row.whole());
    replace_history_der(tx_, name_, rows);
  }

  // Waits for readers in short turns, as new ones queue up behind us.
  void swap() {
    constexpr int kTurns = 3'000;
    for (int turn = 0; turn < kTurns; ++turn) {
      if (tx_.attempt([&] {
            tx_.run_script("SET LOCAL lock_timeout = '100ms'");
            tx_.exec("SELECT history_swap_partition($1)", {name_});
          })) {
        return;
      }
      tx_.exec("SELECT pg_sleep(0.1)");
    }
    throw SqlError{{Errc::kTransient,
                    "database: queries hold the partition history_" + name_},
                   ""};
  }

  Tx& tx_;
  int quarter_;
  std::string name_;
  HistoryStored stored_;
};

// Whether it holds something and was never built anew after it had ended: then
// its indexes would be full, and say so.
bool is_loose(Tx& tx, int quarter) {
  const std::string table = "history_" + history_partition_name(quarter);
  const auto rows = tx.exec(
      "SELECT coalesce(c.reloptions @> '{fillfactor=100}', false) "
      "OR NOT EXISTS (SELECT FROM " +
          table +
          ") AS packed "
          "FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
          "WHERE i.indrelid = to_regclass($1) AND i.indisprimary",
      {table});
  return !rows.empty() && !rows[0].boolean("packed");
}

// With `added` besides what it holds.
Result<HistoryStored> build_partition(Database& db, int quarter,
                                      const RowSourceMaker& added,
                                      bool if_loose = false) {
  HistoryStored built;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    PartitionBuilder builder(tx, quarter);
    builder.lock();
    // Somebody else may have been at it.
    if (if_loose && !is_loose(tx, quarter)) return {};
    built = builder.build(added());
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  const std::string name = history_partition_name(quarter);
  auto analyzed = db.transact([&](Tx& tx) -> Result<void> {
    tx.run_script("SET LOCAL statement_timeout = 0; ANALYZE history_" + name +
                  ", history_root_" + name);
    return {};
  });
  if (!analyzed) return tl::unexpected(analyzed.error());
  return built;
}

// Those there are, the earliest first.
std::vector<int> stored_quarters(Tx& tx) {
  std::vector<int> out;
  for (const Row row :
       tx.exec("SELECT substr(c.relname, length('history_') + 1) AS name FROM "
               "pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
               "WHERE i.inhparent = 'history'::regclass")) {
    const auto quarter = history_quarter_called(row.text("name"));
    if (quarter) out.push_back(*quarter);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

struct HistoryBulk::Impl {
  Impl(std::string u, const HistoryBulkOptions& o)
      : url(std::move(u)), options(o), spool(o.folder, o.memory) {}

  [[nodiscard]] Result<HistoryStored> build(Database& connection, int quarter);

  std::string url;
  HistoryBulkOptions options;
  std::unique_ptr<Database> db;
  HistorySpool spool;
  bool keeps_der = false;  // some of what was added
};

HistoryBulk::HistoryBulk(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HistoryBulk::~HistoryBulk() = default;

Result<std::unique_ptr<HistoryBulk>> HistoryBulk::open(
    const std::string& url, const HistoryBulkOptions& options) {
  auto impl = std::make_unique<Impl>(url, options);
  auto db = Database::connect(url);
  if (!db) return tl::unexpected(db.error());
  impl->db = *std::move(db);
  return std::unique_ptr<HistoryBulk>(new HistoryBulk(std::move(impl)));
}

Result<void> HistoryBulk::add(const HistoryBatch& batch) {
  return impl_->db->transact([&](Tx& tx) -> Result<void> {
    const auto numbers = number_history(tx, batch.issuers, batch.logs);
    auto rows = history_rows(batch, *numbers);
    pack_history_der(tx, rows, *numbers);
    impl_->keeps_der |= std::ranges::any_of(
        rows, [](const HistoryRow& row) { return !row.der.empty(); });
    return impl_->spool.add(rows);
  });
}

Result<HistoryStored> HistoryBulk::Impl::build(Database& connection,
                                               int quarter) {
  auto added = connection.transact([&](Tx& tx) -> Result<void> {
    tx.exec("SELECT history_add_partition(to_timestamp($1::bigint))",
            {history_quarter_begin(quarter)});
    if (keeps_der) {
      tx.exec("SELECT history_add_der_partition(to_timestamp($1::bigint))",
              {history_quarter_begin(quarter)});
    }
    return {};
  });
  if (!added) return tl::unexpected(added.error());
  return build_partition(connection, quarter,
                         [&] { return spool.rows(quarter); });
}

Result<HistoryStored> HistoryBulk::finish() {
  std::vector<int> quarters;
  for (const auto& [quarter, count] : impl_->spool.counts()) {
    quarters.push_back(quarter);
  }
  HistoryStored stored;
  std::mutex mutex;  // of `stored`
  const auto build = [&](Database& with, std::size_t i) -> Result<void> {
    const auto built = impl_->build(with, quarters[i]);
    if (!built) return tl::unexpected(built.error());
    const std::lock_guard lock(mutex);
    stored += *built;
    return {};
  };
  auto done =
      SideConnections(impl_->url).share(*impl_->db, quarters.size(), build);
  if (!done) return tl::unexpected(done.error());
  return stored;
}

Result<void> pack_history(Database& db, HistoryPack which,
                          const PackProgress& progress) {
  // Then logs have hardly anything to add any more.
  constexpr Seconds kWeek = 7 * 86'400;
  const bool loose = which == HistoryPack::kLoose;
  const Seconds before = now_millis() / 1000 - (loose ? kWeek : 0);
  std::vector<int> quarters;
  auto listed = db.transact([&](Tx& tx) -> Result<void> {
    quarters = stored_quarters(tx);
    std::erase_if(quarters, [&](int quarter) {
      return (which != HistoryPack::kAll &&
              history_quarter_begin(quarter + 1) > before) ||
             (loose && !is_loose(tx, quarter));
    });
    return {};
  });
  if (!listed) return listed;
  for (std::size_t i = 0; i < quarters.size(); ++i) {
    progress(static_cast<double>(i) / static_cast<double>(quarters.size()),
             history_partition_name(quarters[i]));
    const auto nothing = [] {
      return std::make_unique<MergedRows>(
          std::vector<std::unique_ptr<RowSource>>());
    };
    const auto built = build_partition(db, quarters[i], nothing, loose);
    if (!built) return tl::unexpected(built.error());
  }
  return {};
}

}  // namespace ct::sql
