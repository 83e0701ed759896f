#include "monitor/housekeeping.h"

#include "sql/history_store.h"
#include "tests/sql/history_samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::monitor {
namespace {

// With a delivery that is to go, and a quarter that is to be packed.
struct Neglected {
  Neglected() {
    add_delivery();
    auto entry = test::final_entry(1, 1, 1);
    entry.not_after = 1'700'000'000;
    entry.not_before = 1'690'000'000;
    REQUIRE(sql::store_history(database.db(), {entry}));
  }
  void add_delivery() const {
    database.run(
        "INSERT INTO delivery (id, channel_id, alert_id, event, state, "
        "next_attempt_at, finished_at) VALUES ('d', 'c', 'a', 'alert.opened', "
        "'delivered', now(), now() - interval '90 days')");
  }
  [[nodiscard]] bool has_delivery() const {
    return database.run("SELECT count(*) FROM delivery") == "1";
  }
  [[nodiscard]] bool is_packed() const {
    return database.run(
               "SELECT count(*) FROM pg_class WHERE relname LIKE "
               "'history%2023q4\\_pkey' AND reloptions @> "
               "'{fillfactor=100}'") == "2";
  }

  test::TestDatabase database;
};

}  // namespace

TEST_CASE_METHOD(Neglected,
                 "a database is kept in order while the program runs",
                 "[.db][monitor][housekeeping]") {
  Housekeeping housekeeping(database.url(), std::chrono::milliseconds(20));
  CHECK(test::eventually([&] { return !has_delivery() && is_packed(); }));
  // Not once only.
  add_delivery();
  CHECK(test::eventually([&] { return !has_delivery(); }));
}

TEST_CASE_METHOD(Neglected, "a stop does not wait for housekeeping to end",
                 "[.db][monitor][housekeeping]") {
  const auto blocker = database.connect();
  CHECK(blocker->transact([&](sql::Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE history_2023q4");
    {
      const Housekeeping housekeeping(database.url());
      CHECK(test::eventually([&] {
        return database.run(
                   "SELECT count(*) FROM pg_locks WHERE NOT "
                   "granted") != "0";
      }));
    }
    return {};
  }));
  CHECK_FALSE(is_packed());
  CHECK_FALSE(has_delivery());
}

TEST_CASE_METHOD(Neglected, "without a database housekeeping tries again",
                 "[.db][monitor][housekeeping]") {
  const std::string admin = test::TestServer::shared().admin_url();
  const auto name = database.run("SELECT current_database()");
  test::run_sql(admin, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
  const Housekeeping housekeeping(database.url(),
                                  std::chrono::milliseconds(10));
  test::run_sql(admin, "ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
  CHECK(test::eventually([&] { return !has_delivery() && is_packed(); }));
}

}  // namespace ct::monitor
