#include "sql/history_substring.h"

#include <chrono>
#include <future>
#include <optional>
#include <vector>

#include "sql/connect.h"
#include "sql/lock_turns.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

constexpr const char* kExtension =
    "SELECT quote_ident(n.nspname) AS schema FROM pg_extension e "
    "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE extname = 'pg_trgm'";

// Partitions, and whether they have their part of the index.
constexpr std::string_view kPartitions =
    "SELECT c.relname AS name, c.oid::bigint AS oid, pg_relation_size(c.oid) "
    "AS bytes, "
    "coalesce(x.indisvalid, false) AS indexed, "
    "coalesce(pg_relation_size(x.indexrelid), 0) AS index_bytes "
    "FROM pg_inherits p JOIN pg_class c ON c.oid = p.inhrelid "
    "LEFT JOIN (pg_index x JOIN pg_inherits q ON q.inhrelid = x.indexrelid "
    "AND q.inhparent = to_regclass('history_substring')) "
    "ON x.indrelid = c.oid "
    "WHERE p.inhparent = 'history'::regclass ORDER BY c.relname DESC";

// Held by whoever creates the index, for its session.
constexpr std::int64_t kSubstringLock = 0x6374'7375'6273'7472;

struct Partition {
  std::string name;
  std::int64_t oid = 0;
  std::uint64_t bytes = 0;
  bool indexed = false;
};

Error no_extension() {
  return {Errc::kUsage,
          "this Postgres does not have the extension pg_trgm: install its "
          "contrib modules where the server runs (Debian: in postgresql-15 and "
          "its like; elsewhere mostly postgresql-contrib)"};
}

Error may_not_create() {
  return {Errc::kUsage,
          "this database user may not create the extension pg_trgm: have "
          "somebody who may run CREATE EXTENSION pg_trgm in this database, "
          "then try again"};
}

// The schema that holds pg_trgm, which is created if it is not there.
std::string provide_extension(Tx& tx) {
  const Rows there = tx.exec(kExtension);
  if (!there.empty()) return there[0].text("schema");
  if (tx.exec("SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'")
          .empty()) {
    throw SqlError{no_extension(), ""};
  }
  try {
    tx.run_script("CREATE EXTENSION pg_trgm");
  } catch (const SqlError& e) {
    if (e.sqlstate == "42501") throw SqlError{may_not_create(), ""};
    throw;
  }
  return tx.exec(kExtension)[0].text("schema");
}

std::vector<Partition> partitions(Tx& tx) {
  std::vector<Partition> out;
  for (const Row row : tx.exec(kPartitions)) {
    out.push_back({row.text("name"), row.integer("oid"), row.count("bytes"),
                   row.boolean("indexed")});
  }
  return out;
}

class Builder {
 public:
  Builder(Database& db, const std::string& url, const IndexProgress& progress)
      : db_(db), url_(url), progress_(progress) {}

  Result<void> run() {
    auto begun = begin();
    if (!begun) return begun;
    Result<void> built;
    for (std::int64_t last = 0;;) {
      const auto next = find_next();
      if (!next) return tl::unexpected(next.error());
      if (!*next) return {};
      // Partitions may be dropped and replaced meanwhile.
      if (!built && (*next)->oid == last) return built;
      last = (*next)->oid;
      built = build(**next);
    }
  }

 private:
  // Creates the index of history itself, which has no rows: from then on new
  // partitions have it.
  Result<void> begin() {
    auto done = db_.transact([&](Tx& tx) -> Result<void> {
      columns_ =
          kHistoryNameText + ' ' + provide_extension(tx) + ".gin_trgm_ops";
      return {};
    });
    if (!done) return done;
    return transact_in_turns(
        db_, "others hold history: try again later", [&](Tx& tx) {
          tx.run_script(
              "CREATE INDEX IF NOT EXISTS history_substring ON ONLY "
              "history USING gin (" +
              columns_ + ")");
        });
  }

  // The first that lacks its part.
  Result<std::optional<Partition>> find_next() {
    std::optional<Partition> next;
    auto done = db_.transact([&](Tx& tx) -> Result<void> {
      done_ = total_ = 0;
      for (auto& p : partitions(tx)) {
        total_ += p.bytes;
        if (p.indexed) {
          done_ += p.bytes;
        } else if (!next) {
          next = std::move(p);
        }
      }
      return {};
    });
    if (!done) return tl::unexpected(done.error());
    return next;
  }

  // What an earlier attempt left is used if it is whole, dropped otherwise.
  Result<void> build(const Partition& partition) {
    const std::string index = partition.name + "_substring";
    bool there = false, whole = false;
    auto done = db_.transact([&](Tx& tx) -> Result<void> {
      const Rows rows = tx.exec(
          "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)",
          {index});
      there = !rows.empty();
      whole = there && rows[0].boolean("indisvalid");
      return {};
    });
    if (done && there && !whole) {
      done = run_alone(url_, "DROP INDEX CONCURRENTLY " + index);
    }
    if (done && !whole) {
      done = create("CREATE INDEX CONCURRENTLY " + index + " ON " +
                        partition.name + " USING gin (" + columns_ + ")",
                    partition);
    }
    if (!done) return done;
    return transact_in_turns(
        db_, "queries hold the partition " + partition.name + ": try again",
        [&](Tx& tx) {
          tx.run_script("ALTER INDEX history_substring ATTACH PARTITION " +
                        index);
        });
  }

  // On a connection of its own, so that this one can see how far it is.
  Result<void> create(const std::string& sql, const Partition& partition) {
    auto running =
        std::async(std::launch::async, [&] { return run_alone(url_, sql); });
    do {
      progress_(share_done(partition), partition.name);
    } while (running.wait_for(std::chrono::milliseconds(500)) !=
             std::future_status::ready);
    return running.get();
  }

  double share_done(const Partition& partition) {
    double part = 0;
    // Not knowing does no harm.
    (void)db_.transact([&](Tx& tx) -> Result<void> {
      const Rows rows = tx.exec(
          "SELECT 1000 * blocks_done / blocks_total AS done FROM "
          "pg_stat_progress_create_index WHERE relid = to_regclass($1) AND "
          "blocks_total > 0",
          {partition.name});
      if (!rows.empty()) part = static_cast<double>(rows[0].integer("done"));
      return {};
    });
    if (total_ == 0) return 0;
    return (static_cast<double>(done_) +
            part / 1000 * static_cast<double>(partition.bytes)) /
           static_cast<double>(total_);
  }

  Database& db_;
  const std::string& url_;
  const IndexProgress& progress_;
  std::string columns_;
  std::uint64_t done_ = 0, total_ = 0;  // bytes of partitions
};

}  // namespace

Result<SubstringIndex> substring_index(Database& db) {
  SubstringIndex index;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    index = {};
    index.wanted = tx.exec(
                         "SELECT to_regclass('history_substring') IS NOT "
                         "NULL AS wanted")[0]
                       .boolean("wanted");
    for (const Row row : tx.exec(kPartitions)) {
      ++index.partitions;
      index.indexed += row.boolean("indexed") ? 1 : 0;
      index.bytes += row.count("index_bytes");
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return index;
}

Result<void> create_substring_index(Database& db, const std::string& url,
                                    const IndexProgress& progress) {
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    if (tx.exec("SELECT pg_try_advisory_lock($1) AS mine", {kSubstringLock})[0]
            .boolean("mine")) {
      return {};
    }
    return fail(Errc::kTransient, "the index is being created already");
  });
  if (!done) return done;
  auto built = Builder(db, url, progress).run();
  done = db.transact([&](Tx& tx) -> Result<void> {
    tx.exec("SELECT pg_advisory_unlock($1)", {kSubstringLock});
    return {};
  });
  return built ? done : built;
}

Result<void> drop_substring_index(Database& db) {
  return transact_in_turns(
      db, "queries hold history: try again later",
      [](Tx& tx) { tx.run_script("DROP INDEX IF EXISTS history_substring"); });
}

}  // namespace ct::sql
