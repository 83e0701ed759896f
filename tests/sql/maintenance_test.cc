#include "sql/maintenance.h"

#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

std::string deliveries(const test::TestDatabase& database) {
  return database.run(
      "SELECT coalesce(string_agg(id, ' ' ORDER BY id), '') FROM delivery");
}

TEST_CASE("finished deliveries go after a month, what nobody got stays",
          "[.db][sql][maintenance]") {
  test::TestDatabase database;
  database.run(
      "INSERT INTO channel (id, name, type, target, min_severity) VALUES "
      "('c', 'soc', 'webhook', 'https://example.com', 'low')");
  const auto add = [&](const std::string& id, const std::string& state,
                       const std::string& finished,
                       const std::string& channel = "c") {
    database.run(
        "INSERT INTO delivery (id, channel_id, alert_id, event, state, "
        "next_attempt_at, created_at, finished_at) VALUES ('" +
        id + "', '" + channel + "', 'a', 'alert.opened', '" + state +
        "', now(), now() - interval '90 days', " + finished + ")");
  };
  const std::string long_ago = "now() - interval '31 days'";
  const std::string lately = "now() - interval '29 days'";
  add("delivered-long-ago", "delivered", long_ago);
  add("cancelled-long-ago", "cancelled", long_ago);
  add("delivered-lately", "delivered", lately);
  add("dead-long-ago", "dead", long_ago);
  add("pending", "pending", "NULL");
  add("pending-of-nobody", "pending", "NULL", "gone");
  const auto pruned = prune(database.db());
  REQUIRE(pruned);
  CHECK(pruned->deliveries == 3);
  CHECK(deliveries(database) == "dead-long-ago delivered-lately pending");
  CHECK(prune(database.db())->deliveries == 0);
}

// Sizes of the heads that are there.
std::string heads(const test::TestDatabase& database) {
  return database.run(
      "SELECT string_agg(tree_size::text, ' ' ORDER BY tree_size) FROM "
      "log_head");
}

TEST_CASE("of old heads one an hour stays, and all that prove something",
          "[.db][sql][maintenance]") {
  test::TestDatabase database;
  // A head every ten minutes, from ten days ago to nine, and lately.
  database.run(
      "INSERT INTO log_head (log_id, tree_size, timestamp_ms, root, signature, "
      "wire, seen_at) SELECT '\\x01', n, n, '\\x02', '', '', "
      "date_trunc('hour', now()) - interval '10 days' + n * interval '10 min' "
      "FROM generate_series(0, 23) AS n");
  database.run(
      "INSERT INTO log_head (log_id, tree_size, timestamp_ms, root, signature, "
      "wire, seen_at) SELECT '\\x01', n, n, '\\x02', '', '', now() "
      "FROM generate_series(100, 102) AS n");
  database.run(
      "INSERT INTO head_cosignature SELECT log_id, tree_size, root, 'w', 1, "
      "seen_at FROM log_head");
  database.run("UPDATE log_head SET contradicted = true WHERE tree_size = 2");
  database.run(
      "INSERT INTO alert_sighting VALUES ('a', '\\x01', 1, 'l', 1, 'x509', "
      "'', 9, '\\x02', '')");
  database.run(
      "INSERT INTO log_position VALUES ('\\x01', 0, 15, '', 15, 15, '\\x02', "
      "0, 0, now())");
  // Of a log that is silent since: the largest, seen first.
  database.run(
      "INSERT INTO log_head (log_id, tree_size, timestamp_ms, root, signature, "
      "wire, seen_at) SELECT '\\x07', 1000 - n, 1, '\\x02', '', '', "
      "date_trunc('hour', now()) - interval '10 days' + n * interval '1 min' "
      "FROM generate_series(0, 2) AS n");
  const auto pruned = prune(database.db());
  REQUIRE(pruned);
  CHECK(heads(database) == "0 2 6 9 12 15 18 100 101 102 1000");
  CHECK(pruned->heads == 24 - 7 + 2);
  CHECK(database.run("SELECT count(*) FROM head_cosignature") == "10");
  CHECK(prune(database.db())->heads == 0);
}

}  // namespace
}  // namespace ct::sql
