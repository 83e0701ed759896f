// Database: one connection to Postgres, its transactions, its migrations.
//
// A Database belongs to one thread at a time, with all that hangs off it.
// Nothing throws out of this room: what goes wrong inside becomes an Error.
// kTransient: the server is away or the transaction must be repeated.
// kUsage: wrong password, missing rights, no schema …: says what to do.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace ct::sql {

class Tx;  // a running transaction; defined in sql/tx.h, for this room only

class Database {
 public:
  // `url` is a libpq connection string or URI; "" means libpq's PG* variables.
  // It may hold a password, and never shows up in errors. Waits 10 seconds
  // for an answer, unless the URL or PGCONNECT_TIMEOUT says otherwise; a
  // statement later on may take 30 seconds. `settings`: SQL, "SET a = b;…",
  // for all of its time.
  [[nodiscard]] static Result<std::unique_ptr<Database>> connect(
      const std::string& url, const std::string& settings = {});
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs `body` in one transaction, which commits if `body` succeeds. A broken
  // connection is opened again, once, before the transaction starts.
  //
  // kInDoubt does not exist as a code: when the reply to COMMIT is lost the
  // error is kTransient with `commit_in_doubt()` true until the next call.
  [[nodiscard]] Result<void> transact(
      const std::function<Result<void>(Tx&)>& body);
  [[nodiscard]] bool commit_in_doubt() const;

  // Runs `body` without a transaction: each of its statements sees what was
  // committed when it began. For a look at little, as there are no BEGIN and
  // COMMIT to wait for. It is run once more if the
  // connection was broken, or what was prepared on it had become stale.
  [[nodiscard]] Result<void> look(const std::function<Result<void>(Tx&)>& body);

  [[nodiscard]] const std::string& settings() const;  // as for connect()

  // Asks the server to break off the statement that runs, if one does; it then
  // fails with kTransient. From any thread.
  void cancel();

 private:
  class Impl;
  explicit Database(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The newest schema this program knows.
[[nodiscard]] int schema_version();

// Brings the schema up to schema_version(), under a lock, one transaction for
// each migration. Returns the version found. kUsage: the database is newer
// than this program.
[[nodiscard]] Result<int> migrate(Database& db);
// kUsage unless the schema is exactly ours: says which command helps.
[[nodiscard]] Result<void> check_schema(Database& db);

}  // namespace ct::sql
