#include "sql/database.h"

#include <thread>

#include "sql/history_key.h"
#include "sql/migrations.h"
#include "sql/tx.h"
#include "tests/support/catch.h"
#include "tests/support/pg_proxy.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

Result<void> insert(Database& db, int n) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES ($1)", {n});
    return {};
  });
}

// As a server does that is restarted.
void end_connections(const test::TestDatabase& database) {
  database.run(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
      "datname = current_database() AND pid <> pg_backend_pid()");
}

TEST_CASE("a transaction commits only if its body succeeds",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  auto& db = database.db();
  CHECK(insert(db, 1));

  const auto failed = db.transact([](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES (2)");
    return fail(Errc::kGone, "changed my mind");
  });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == Errc::kGone);

  const auto thrown = db.transact([](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES (3)");
    throw std::runtime_error("out of cheese");
  });
  REQUIRE_FALSE(thrown);
  CHECK(thrown.error().code == Errc::kInternal);

  const auto wrong = db.transact([](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES (4)");
    tx.exec("INSERT INTO t VALUES ('x')");
    return {};
  });
  REQUIRE_FALSE(wrong);
  CHECK(database.run("SELECT string_agg(n::text, ',') FROM t") == "1");
}

TEST_CASE("a transaction that swallows an error does not claim to commit",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  const auto done = database.db().transact([](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES (1)");
    CHECK_THROWS_AS(tx.exec("SELECT 1/0"), SqlError);
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kInternal);
  CHECK_FALSE(database.db().commit_in_doubt());
  CHECK(database.run("SELECT count(*) FROM t") == "0");
}

TEST_CASE("a connection lost while idle is opened again",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  REQUIRE(insert(database.db(), 1));
  end_connections(database);
  CHECK(insert(database.db(), 2));
  CHECK(database.run("SELECT count(*) FROM t") == "2");
}

TEST_CASE("a connection lost in a transaction is transient, and rolled back",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    tx.exec("INSERT INTO t VALUES (1)");
    end_connections(database);
    tx.exec("INSERT INTO t VALUES (2)");
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kTransient);
  CHECK_FALSE(database.db().commit_in_doubt());
  CHECK(insert(database.db(), 3));
  CHECK(database.run("SELECT string_agg(n::text, ',') FROM t") == "3");
}

TEST_CASE("a transaction does not go on after its connection was lost",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  const auto done = database.db().transact([&](Tx& tx) -> Result<void> {
    end_connections(database);
    CHECK_THROWS_AS(tx.exec("INSERT INTO t VALUES (1)"), SqlError);
    CHECK_THROWS_AS(tx.exec("INSERT INTO t VALUES (2)"), SqlError);
    CHECK_THROWS(tx.run_script("INSERT INTO t VALUES (3)"));
    return {};
  });
  CHECK_FALSE(done);
  CHECK_FALSE(database.db().commit_in_doubt());
  CHECK(database.run("SELECT count(*) FROM t") == "0");
}

TEST_CASE("an error says what is wrong, but shows no values",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (s text UNIQUE)");
  const auto insert_twice = [&](Tx& tx) -> Result<void> {
    for (int i = 0; i < 2; ++i) tx.exec("INSERT INTO t VALUES ($1)", {"hush"});
    return {};
  };
  const auto twice = database.db().transact(insert_twice);
  REQUIRE_FALSE(twice);
  CHECK(twice.error().what ==
        "database: duplicate key value violates unique constraint "
        "\"t_s_key\"");

  const auto nested = database.db().transact([](Tx& tx) -> Result<void> {
    tx.run_script(
        "DO $$ BEGIN RAISE NOTICE 'hush'; "
        "PERFORM 'hush', 1 / 0; END $$");
    return {};
  });
  REQUIRE_FALSE(nested);
  CHECK(nested.error().what == "database: division by zero");
}

TEST_CASE("a look is no transaction, and starts anew where it must",
          "[.db][sql][database]") {
  test::TestDatabase database;
  auto opened = Database::connect(database.url(), "SET enable_seqscan = off");
  REQUIRE(opened);
  Database& db = **opened;
  int runs = 0;
  std::string first, second, setting;
  const auto look = [&] {
    runs = 0;
    return db.look([&](Tx& tx) -> Result<void> {
      ++runs;
      // Within a transaction it stands still.
      const char* now = "SELECT now()::text AS now, pg_sleep(0.001)";
      first = tx.exec(now)[0].text("now");
      second = tx.exec(now)[0].text("now");
      setting = tx.exec("SHOW enable_seqscan")[0].text("enable_seqscan");
      return {};
    });
  };
  REQUIRE(look());
  CHECK(runs == 1);
  CHECK(first < second);
  CHECK(setting == "off");

  end_connections(database);
  CHECK(look());
  CHECK(runs == 2);
  CHECK(setting == "off");

  // As a pooler would, that gives us another connection to the server.
  REQUIRE(db.transact([](Tx& tx) -> Result<void> {
    tx.run_script("DEALLOCATE ALL");
    return {};
  }));
  CHECK(look());
  CHECK(runs == 2);

  runs = 0;
  const auto failed = db.look([&](Tx& tx) -> Result<void> {
    ++runs;
    tx.exec("SELECT 1 / 0");
    return {};
  });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().what == "database: division by zero");
  CHECK(runs == 1);
  CHECK(look());
}

TEST_CASE("a look gives up on a server that is away", "[.db][sql][database]") {
  test::TestDatabase database;
  int runs = 0;
  const auto done = database.db().look([&](Tx& tx) -> Result<void> {
    ++runs;
    end_connections(database);
    tx.exec("SELECT 1");
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kTransient);
  CHECK(runs == 2);
}

TEST_CASE("a commit whose fate is unknown says so", "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer)");
  test::PgProxy proxy(test::socket_folder());
  auto db = Database::connect(proxy.through(database.url()));
  REQUIRE(db);
  REQUIRE(insert(**db, 1));

  const auto fault = GENERATE(test::PgProxy::Fault::kBeforeCommit,
                              test::PgProxy::Fault::kAfterCommit);
  proxy.fail_next(fault);
  const auto done = insert(**db, 2);
  CHECK(proxy.has_struck());
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kTransient);
  CHECK((*db)->commit_in_doubt());
  CHECK(database.run("SELECT count(*) FROM t") ==
        (fault == test::PgProxy::Fault::kAfterCommit ? "2" : "1"));

  CHECK(insert(**db, 3));
  CHECK_FALSE((*db)->commit_in_doubt());
}

TEST_CASE("a refused commit is not in doubt", "[.db][sql][database]") {
  test::TestDatabase database;
  database.run(
      "CREATE TABLE t (n integer UNIQUE DEFERRABLE INITIALLY "
      "DEFERRED)");
  REQUIRE(insert(database.db(), 1));
  const auto done = insert(database.db(), 1);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kInternal);
  CHECK_FALSE(database.db().commit_in_doubt());
}

TEST_CASE("a deadlock is transient", "[.db][sql][database]") {
  test::TestDatabase database;
  database.run(
      "CREATE TABLE t (n integer PRIMARY KEY, v integer);"
      "INSERT INTO t VALUES (1, 0), (2, 0)");
  auto other = database.connect();
  std::optional<Result<void>> theirs;
  std::thread thread;
  const auto ours = database.db().transact([&](Tx& tx) -> Result<void> {
    tx.exec("UPDATE t SET v = 1 WHERE n = 1");
    thread = std::thread([&] {
      theirs = other->transact([](Tx& t) -> Result<void> {
        t.exec("UPDATE t SET v = 2 WHERE n = 2");
        t.exec("UPDATE t SET v = 2 WHERE n = 1");
        return {};
      });
    });
    // They hold row 2 as soon as they wait for us.
    while (database.run("SELECT count(*) FROM pg_locks WHERE NOT granted") ==
           "0") {
    }
    tx.exec("UPDATE t SET v = 1 WHERE n = 2");
    return {};
  });
  thread.join();
  REQUIRE(theirs);
  REQUIRE(ours.has_value() != theirs->has_value());
  CHECK((ours ? theirs->error() : ours.error()).code == Errc::kTransient);
}

TEST_CASE("statements survive a table that changes under them",
          "[.db][sql][database]") {
  test::TestDatabase database;
  database.run("CREATE TABLE t (n integer); INSERT INTO t VALUES (1)");
  const auto read = [&] {
    return database.db().transact([](Tx& tx) -> Result<void> {
      tx.exec("SELECT * FROM t");
      return {};
    });
  };
  REQUIRE(read());
  database.run("ALTER TABLE t ADD COLUMN m integer");
  if (const auto stale = read(); !stale) {
    CHECK(stale.error().code == Errc::kTransient);
  }
  CHECK(read());
}

TEST_CASE("a database URL never shows up in errors", "[sql][database]") {
  const auto* url =
      GENERATE("postgresql://me:hunter2/x@localhost/db",
               "postgresql://me:hun@ter2@/", "password=hunter2 nonsense",
               "hunter2", "postgresql://me:hunter2@127.0.0.1:1/db",
               "host=/nonexistent password=hunter2", "postgresql://me:hunter2");
  CAPTURE(url);
  const auto db = Database::connect(url);
  REQUIRE_FALSE(db);
  CHECK_THAT(db.error().what, !ContainsSubstring("hunter2"));
  CHECK_THAT(db.error().what, !ContainsSubstring("ter2"));
  CHECK_THAT(db.error().what, !ContainsSubstring("\n"));
  CHECK_FALSE(db.error().what.empty());
}

TEST_CASE("a connection string means what it says", "[.db][sql][database]") {
  const std::string url = test::TestServer::shared().admin_url() +
                          " application_name='it\\'s \\\\ one'"
                          " options='-c default_transaction_isolation="
                          "serializable'";
  auto db = Database::connect(url);
  REQUIRE(db);
  CHECK((*db)->transact([](Tx& tx) -> Result<void> {
    const Rows rows = tx.exec(
        "SELECT current_setting('application_name') AS name, "
        "current_setting('transaction_isolation') AS isolation");
    CHECK(rows[0].text("name") == "it's \\ one");
    CHECK(rows[0].text("isolation") == "read committed");
    return {};
  }));
}

TEST_CASE("what is wrong with a connection is told by its code",
          "[.db][sql][database]") {
  const auto& server = test::TestServer::shared();
  const auto missing = Database::connect(server.url("no_such_database"));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kUsage);
  CHECK_THAT(missing.error().what, ContainsSubstring("no_such_database"));

  const auto away = Database::connect("host=/nonexistent");
  REQUIRE_FALSE(away);
  CHECK(away.error().code == Errc::kTransient);
}

TEST_CASE("missing rights are the user's to grant", "[.db][sql][database]") {
  test::TestDatabase database;
  const auto done = database.db().transact([](Tx& tx) -> Result<void> {
    tx.exec("SET LOCAL ROLE pg_monitor");
    tx.exec("SELECT * FROM channel");
    return {};
  });
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kUsage);
  CHECK_THAT(done.error().what, ContainsSubstring("grant"));
}

TEST_CASE("migrating makes the schema, once", "[.db][sql][migrate]") {
  test::TestDatabase database("template0");
  auto& db = database.db();
  const auto before = check_schema(db);
  REQUIRE_FALSE(before);
  CHECK(before.error().code == Errc::kUsage);
  CHECK_THAT(before.error().what, ContainsSubstring("ctvigil db migrate"));

  CHECK(migrate(db) == 0);
  CHECK(check_schema(db));
  CHECK(migrate(db) == schema_version());
  CHECK(database.run("SELECT count(*) FROM schema_migration") ==
        std::to_string(schema_version()));
}

TEST_CASE("two that migrate at once do it once", "[.db][sql][migrate]") {
  for (int round = 0; round < 5; ++round) {
    test::TestDatabase database("template0");
    auto other = database.connect();
    std::optional<Result<int>> theirs;
    std::thread thread([&] { theirs = migrate(*other); });
    const auto ours = migrate(database.db());
    thread.join();
    CHECK(ours);
    CHECK(*theirs);
    CHECK(database.run("SELECT count(*) FROM schema_migration") ==
          std::to_string(schema_version()));
  }
}

TEST_CASE("a database newer than the program is refused",
          "[.db][sql][migrate]") {
  test::TestDatabase database;
  database.run(
      "INSERT INTO schema_migration (version, name, checksum) VALUES "
      "(9999, 'future', '\\x00')");
  for (const auto& error :
       {check_schema(database.db()).error(), migrate(database.db()).error()}) {
    CHECK(error.code == Errc::kUsage);
    CHECK_THAT(error.what, ContainsSubstring("newer"));
  }
}

TEST_CASE("a migration that was another one is refused",
          "[.db][sql][migrate]") {
  test::TestDatabase database;
  database.run(
      "UPDATE schema_migration SET checksum = sha256('other') WHERE "
      "version = 1");
  CHECK(check_schema(database.db()).error().code == Errc::kUsage);
  CHECK(migrate(database.db()).error().code == Errc::kUsage);
}

TEST_CASE("what was stored before 0006 is found below a top-level domain",
          "[.db][sql][migrate]") {
  test::TestDatabase database;
  const auto in_sql = [](const std::string& text) { return "'" + text + "'"; };
  const auto add_root = [&](const std::string& key, const std::string& main) {
    database.run("INSERT INTO history_root VALUES (1, '2026-09-21', " +
                 in_sql(key) + ", " + in_sql(main) + ")");
  };
  database.run("SELECT history_add_partition('2026-09-21')");
  const auto names = encode_history_names(
      {"com", "*.example.com", "a.b.www.com", "c.b.www.com", "b.www.com",
       "x.org", "192.0.2.1", "me@example.com", "com.com", "com.example"});
  REQUIRE(names.roots[0] == "com");
  database.run(
      "INSERT INTO history VALUES (1, '2026-09-21', '2026-09-21', 1, true, "
      "'com', " +
      in_sql(names.names) + ", '', '', '', '', '')");
  for (const auto& root : names.roots) {
    if (root != "com" && !root.starts_with("com ")) add_root(root, "com");
  }
  // Nothing above but what is one label long, so nothing to add.
  database.run(
      "INSERT INTO history VALUES (2, '2026-09-21', '2026-09-21', 1, true, "
      "'org', '. *.', '', '', '', '', '')");
  database.run("DELETE FROM schema_migration WHERE version >= 6");
  REQUIRE(migrate(database.db()) == 5);
  std::string all;
  for (auto root = names.roots.begin() + 1; root != names.roots.end(); ++root) {
    all += *root + '|';
  }
  CHECK(database.run("SELECT string_agg(domain || '|', '' ORDER BY domain LIKE "
                     "'#%' OR domain LIKE '@%', domain) FROM history_root "
                     "WHERE main = 'com' AND id = 1") == all);
  CHECK(database.run("SELECT count(*) FROM history_root") ==
        std::to_string(names.roots.size() - 1));
}

TEST_CASE("a database in another encoding is refused", "[.db][sql][migrate]") {
  const std::string admin = test::TestServer::shared().admin_url();
  test::run_sql(admin,
                "CREATE DATABASE latin1 TEMPLATE template0 ENCODING "
                "'LATIN1'");
  {
    auto db = Database::connect(test::TestServer::shared().url("latin1"));
    REQUIRE(db);
    const auto done = migrate(**db);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::kUsage);
    CHECK_THAT(done.error().what, ContainsSubstring("UTF8"));
  }
  test::run_sql(admin, "DROP DATABASE latin1 WITH (FORCE)");
}

TEST_CASE("every table and column says what it is", "[.db][sql][migrate]") {
  test::TestDatabase database;
  CHECK(database.run(
            "SELECT string_agg(c.relname || coalesce('.' || a.attname, ''), "
            "', ') FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = "
            "c.oid AND a.attnum >= 0 AND NOT a.attisdropped WHERE "
            "c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND "
            "(col_description(c.oid, a.attnum) IS NULL OR obj_description("
            "c.oid, 'pg_class') IS NULL)") == "");
}

}  // namespace
}  // namespace ct::sql
