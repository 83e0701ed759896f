#include "base/hex.h"
#include "base/sha256.h"
#include "sql/database.h"
#include "sql/migrations.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

Hash checksum(const Migration& m) { return sha256(as_bytes(m.sql)); }

// Versions applied so far, the newest last; checks that they are ours.
Result<int> applied_version(Tx& tx) {
  int version = 0;
  for (const Row row : tx.exec("SELECT version, checksum FROM "
                               "schema_migration ORDER BY version")) {
    version = static_cast<int>(row.integer("version"));
    if (version < 1 || version > schema_version()) continue;
    const Migration& ours = migrations()[static_cast<std::size_t>(version) - 1];
    if (row.hash("checksum") != checksum(ours)) {
      return fail(Errc::kUsage,
                  "the database holds another migration " +
                      std::to_string(version) +
                      " than this program: it belongs to another build; use "
                      "that build, or another database");
    }
  }
  return version;
}

Error newer(int version) {
  return {Errc::kUsage, "the database has schema " + std::to_string(version) +
                            ", newer than this program's " +
                            std::to_string(schema_version()) +
                            ": install the newer ctvigil"};
}

Result<void> prepare_database(Tx& tx) {
  const std::string encoding =
      tx.exec("SELECT current_setting('server_encoding') AS e")[0].text("e");
  if (encoding != "UTF8") {
    return fail(Errc::kUsage, "the database's encoding is " + encoding +
                                  ": create one with ENCODING 'UTF8'");
  }
  // CREATE TABLE IF NOT EXISTS can fail when two do it at once; from there on
  // the table itself is the lock.
  tx.exec("SELECT pg_advisory_xact_lock(6962, 1)");
  tx.run_script(
      "CREATE TABLE IF NOT EXISTS schema_migration ("
      " version integer PRIMARY KEY,"
      " name text NOT NULL,"
      " checksum bytea NOT NULL,"
      " applied_at timestamptz NOT NULL DEFAULT now());"
      "COMMENT ON TABLE schema_migration IS"
      " 'Migrations applied to this database, each once and for ever';"
      "COMMENT ON COLUMN schema_migration.version IS 'Number, from 1';"
      "COMMENT ON COLUMN schema_migration.name IS 'What it is about';"
      "COMMENT ON COLUMN schema_migration.checksum IS"
      " 'SHA-256 of its SQL text';"
      "COMMENT ON COLUMN schema_migration.applied_at IS"
      " 'When it was applied'");
  return {};
}

}  // namespace

int schema_version() { return static_cast<int>(migrations().size()); }

Result<int> migrate(Database& db) {
  int found = 0;
  bool have_table = false;
  // Those who may not create tables can still work on a finished database.
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    have_table = tx.exec(
                       "SELECT to_regclass('schema_migration') IS NOT NULL "
                       "AS there")[0]
                     .boolean("there");
    return have_table ? Result<void>{} : prepare_database(tx);
  });
  if (!done) return tl::unexpected(done.error());

  bool first = true;
  for (bool more = true; more;) {
    done = db.transact([&](Tx& tx) -> Result<void> {
      tx.run_script("SET LOCAL statement_timeout = 0");
      auto before = applied_version(tx);
      if (!before) return tl::unexpected(before.error());
      if (*before < schema_version()) {
        tx.exec("LOCK TABLE schema_migration IN EXCLUSIVE MODE");
        before = applied_version(tx);
        if (!before) return tl::unexpected(before.error());
      }
      if (std::exchange(first, false)) found = *before;
      more = *before < schema_version();
      if (*before > schema_version()) return tl::unexpected(newer(*before));
      if (!more) return {};
      const Migration& next = migrations()[static_cast<std::size_t>(*before)];
      tx.run_script(std::string(next.sql));
      tx.exec(
          "INSERT INTO schema_migration (version, name, checksum) "
          "VALUES ($1, $2, $3)",
          {next.version, next.name, checksum(next)});
      return {};
    });
    if (!done) return fail_in("migrating the database", done.error());
  }
  return found;
}

Result<void> check_schema(Database& db) {
  return db.transact([](Tx& tx) -> Result<void> {
    const bool there = tx.exec(
                             "SELECT to_regclass('schema_migration') IS NOT "
                             "NULL AS there")[0]
                           .boolean("there");
    const auto version = there ? applied_version(tx) : Result<int>(0);
    if (!version) return tl::unexpected(version.error());
    if (*version > schema_version()) return tl::unexpected(newer(*version));
    if (*version == schema_version()) return {};
    return fail(Errc::kUsage, *version == 0
                                  ? "the database has no ctvigil schema: run "
                                    "`ctvigil db migrate`"
                                  : "the database has schema " +
                                        std::to_string(*version) +
                                        ", this program needs " +
                                        std::to_string(schema_version()) +
                                        ": run `ctvigil db migrate`");
  });
}

}  // namespace ct::sql
