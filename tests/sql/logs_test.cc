#include "sql/logs.h"

#include "sql/maintenance.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using namespace std::chrono_literals;
using test::hash_of;

LogRow load_log(Database& db, std::uint8_t n) {
  auto rows = load_logs(db);
  if (!rows) throw std::runtime_error(rows.error().what);
  for (auto& row : *rows) {
    if (row.info.log_id == hash_of(n)) return row;
  }
  throw std::runtime_error("no such log");
}

ctlog::SignedTreeHead head_of(std::uint64_t size, std::uint8_t root,
                              Millis timestamp = 1'800'000'000'000) {
  return {size,
          timestamp,
          hash_of(root),
          {4, 3, 0, 1, root},
          std::string("{\"wire\0\xff", 9) + std::to_string(root)};
}

TEST_CASE("a log's facts come back from the database as they went in",
          "[.db][sql][logs]") {
  test::TestDatabase database;
  auto info = test::log_info_of(1);
  info.kind = ctlog::LogKind::kStatic;
  info.submission_url = "https://submit.example/";
  info.mmd = 60;
  info.state = ctlog::LogState::kReadonly;
  info.log_type = "prod";
  info.interval_start = 1'767'225'600;
  info.interval_end = 1'782'864'000;
  info.final_tree_head = {12345, hash_of(5)};
  info.previous_operators = {{"Old \"Op\"", 1'600'000'000'000}};
  ctlog::LogList list;
  list.logs = {info, test::log_info_of(2)};
  REQUIRE(sync_logs(database.db(), list));

  const auto row = load_log(database.db(), 1);
  CHECK(row.info.description == info.description);
  CHECK(row.info.operator_name == info.operator_name);
  CHECK(row.info.kind == info.kind);
  CHECK(row.info.key == info.key);
  CHECK(row.info.submission_url == info.submission_url);
  CHECK(row.info.monitoring_url == info.monitoring_url);
  CHECK(row.info.mmd == 60);
  CHECK(row.info.state == info.state);
  CHECK(row.info.state_since == info.state_since);
  CHECK(row.info.log_type == "prod");
  CHECK(row.info.interval_start == info.interval_start);
  CHECK(row.info.interval_end == info.interval_end);
  REQUIRE(row.info.final_tree_head);
  CHECK(row.info.final_tree_head->size == 12345);
  CHECK(row.info.final_tree_head->root == hash_of(5));
  REQUIRE(row.info.previous_operators.size() == 1);
  CHECK(row.info.previous_operators[0].name == "Old \"Op\"");
  CHECK(row.info.previous_operators[0].end_time == 1'600'000'000'000);
  CHECK(row.listed);
  CHECK(row.state == FollowState::kNew);
  CHECK_FALSE(row.position);
  CHECK_FALSE(row.largest_head);

  const auto plain = load_log(database.db(), 2);
  CHECK_FALSE(plain.info.interval_start);
  CHECK_FALSE(plain.info.final_tree_head);
}

TEST_CASE("one absurd log does not cost the list", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto list = test::list_of({1, 2});
  list.logs[0].state_since = std::numeric_limits<Millis>::max();
  list.logs[0].interval_end = std::numeric_limits<Seconds>::max();
  list.logs[0].final_tree_head = {~std::uint64_t{0}, hash_of(1)};
  list.logs[0].description = std::string("a\0\xff", 3);
  CHECK(sync_logs(database.db(), list));
  CHECK(load_logs(database.db())->size() == 2);
}

TEST_CASE("a log that leaves the list is kept and drained; back, followed",
          "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(sync_logs(db, test::list_of({1, 2, 3})));
  REQUIRE(set_state(db, hash_of(1), FollowState::kFollowing, ""));
  REQUIRE(set_state(db, hash_of(3), FollowState::kStopped, "lied"));

  REQUIRE(sync_logs(db, test::list_of({})));
  CHECK_FALSE(load_log(db, 1).listed);
  CHECK(load_log(db, 1).state == FollowState::kDraining);
  CHECK(load_log(db, 2).state == FollowState::kNew);
  CHECK(load_log(db, 3).state == FollowState::kStopped);
  CHECK(load_log(db, 3).state_reason == "lied");

  auto changed = test::list_of({1, 2, 3});
  changed.logs[0].state = ctlog::LogState::kRetired;
  changed.logs[0].monitoring_url = "https://moved.example/";
  REQUIRE(sync_logs(db, changed));
  CHECK(load_log(db, 1).listed);
  CHECK(load_log(db, 1).state == FollowState::kFollowing);
  CHECK(load_log(db, 1).info.state == ctlog::LogState::kRetired);
  CHECK(load_log(db, 1).info.monitoring_url == "https://moved.example/");
  CHECK(load_log(db, 3).state == FollowState::kStopped);

  // Complete while listed: at its final head, and so it stays.
  REQUIRE(set_state(db, hash_of(1), FollowState::kComplete, "read"));
  REQUIRE(sync_logs(db, changed));
  CHECK(load_log(db, 1).state == FollowState::kComplete);
}

TEST_CASE("states and errors of a log are kept", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(sync_logs(db, test::list_of({1})));
  for (const auto state :
       {FollowState::kFollowing, FollowState::kDraining, FollowState::kComplete,
        FollowState::kStopped, FollowState::kDead, FollowState::kNew}) {
    REQUIRE(set_state(db, hash_of(1), state, to_string(state)));
    CHECK(load_log(db, 1).state == state);
    CHECK(load_log(db, 1).state_reason == to_string(state));
  }
  REQUIRE(set_last_error(db, hash_of(1), "HTTP 500"));
  CHECK(load_log(db, 1).last_error == "HTTP 500");
  CHECK(load_log(db, 1).last_error_at > 0);
  REQUIRE(set_last_error(db, hash_of(1), ""));
  CHECK(load_log(db, 1).last_error_at == 0);
  CHECK(set_state(db, hash_of(9), FollowState::kDead, "").error().code ==
        Errc::kUsage);
}

TEST_CASE("a lease is one owner's until it ends", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto mine = *claim_log(db, hash_of(1), "me", 60s);
  REQUIRE(mine);
  CHECK((*claim_log(db, hash_of(1), "me", 60s))->fence == mine->fence);
  CHECK_FALSE(*claim_log(db, hash_of(1), "you", 60s));
  CHECK(*lease_owners(db) == std::vector<std::string>{"me"});
  CHECK(*live_leases(db) == 1);

  REQUIRE(release_all(db, "me"));
  CHECK(lease_owners(db)->empty());
  CHECK(*live_leases(db) == 0);
  const auto yours = *claim_log(db, hash_of(1), "you", 60s);
  REQUIRE(yours);
  CHECK(yours->fence > mine->fence);
  // Back again: still a greater fence than ever before.
  REQUIRE(release_all(db, "you"));
  const auto again = *claim_log(db, hash_of(1), "me", 60s);
  REQUIRE(again);
  CHECK(again->fence > yours->fence);
}

TEST_CASE("a heartbeat prolongs the leases of its owner alone",
          "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(*claim_log(db, hash_of(1), "me", 60s));
  REQUIRE(*claim_log(db, hash_of(2), "me", 60s));
  REQUIRE(*claim_log(db, hash_of(3), "you", 60s));
  database.run("UPDATE log_lease SET expires_at = now() - interval '1 s'");
  CHECK(*live_leases(db) == 0);
  REQUIRE(heartbeat(db, "me", 60s));
  CHECK_FALSE(*claim_log(db, hash_of(1), "third", 60s));
  CHECK_FALSE(*claim_log(db, hash_of(2), "third", 60s));
  CHECK(*claim_log(db, hash_of(3), "third", 60s));
  CHECK(*live_leases(db) == 3);
}

TEST_CASE("a head is recorded once, with its bytes", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(sync_logs(db, test::list_of({1, 2})));
  const auto first = record_head(db, hash_of(1), head_of(10, 1));
  REQUIRE(first);
  CHECK(first->is_new);
  CHECK_FALSE(first->contradiction);
  CHECK_FALSE(record_head(db, hash_of(1), head_of(10, 1))->is_new);
  // The same tree at another time, a larger one, another log's: no fault.
  CHECK_FALSE(record_head(db, hash_of(1), head_of(10, 1, 5))->contradiction);
  CHECK_FALSE(record_head(db, hash_of(1), head_of(12, 2))->contradiction);
  CHECK_FALSE(record_head(db, hash_of(2), head_of(10, 3))->contradiction);

  const auto row = load_log(db, 1);
  REQUIRE(row.largest_head);
  CHECK(row.largest_head->size() == 12);
  CHECK(row.largest_head->root() == hash_of(2));
  CHECK(row.largest_head_seen > 0);
}

TEST_CASE("two heads of one size and two roots contradict each other",
          "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto honest = head_of(10, 1);
  REQUIRE(record_head(db, hash_of(1), honest));
  const auto fork = record_head(db, hash_of(1), head_of(10, 2, 77));
  REQUIRE(fork);
  CHECK(fork->is_new);
  REQUIRE(fork->contradiction);
  CHECK(fork->contradiction->size == 10);
  CHECK(fork->contradiction->timestamp == honest.timestamp);
  CHECK(fork->contradiction->root == honest.root);
  CHECK(fork->contradiction->signature == honest.signature);
  CHECK(fork->contradiction->wire == honest.wire);
  // And it stays one.
  CHECK(record_head(db, hash_of(1), head_of(10, 2, 77))->contradiction);
  CHECK(record_head(db, hash_of(1), honest)->contradiction);
}

TEST_CASE("a head too large to be true is malformed", "[.db][sql][logs]") {
  test::TestDatabase database;
  const auto r =
      record_head(database.db(), hash_of(1), head_of(~std::uint64_t{0}, 1));
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
}

TEST_CASE("a witness's latest cosignature is kept", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  for (const Seconds t : {100, 300, 200}) {
    REQUIRE(record_cosignature(db, hash_of(1), head_of(10, 1), "w", t));
  }
  CHECK(database.run("SELECT string_agg(cosigned_s::text, ',') FROM "
                     "head_cosignature") == "300");
}

TEST_CASE("issuers are kept by their fingerprint", "[.db][sql][logs]") {
  test::TestDatabase database;
  auto& db = database.db();
  CHECK_FALSE(*load_issuer(db, hash_of(1)));
  const Bytes der{0x30, 0, 0xff};
  REQUIRE(store_issuer(db, hash_of(1), der));
  REQUIRE(store_issuer(db, hash_of(1), der));
  CHECK(*load_issuer(db, hash_of(1)) == der);
}

TEST_CASE("old heads are thinned out, evidence never",
          "[.db][sql][maintenance]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(sync_logs(db, test::list_of({1})));
  const auto lease = **claim_log(db, hash_of(1), "me", 60s);
  // Sizes 100 … 159: one a minute, nine days ago.
  for (std::uint64_t i = 0; i < 60; ++i) {
    REQUIRE(record_head(db, hash_of(1), head_of(100 + i, 7)));
  }
  database.run(
      "UPDATE log_head SET seen_at = date_trunc('hour', now()) - "
      "interval '9 days' + (tree_size - 100) * interval '1 min'");
  REQUIRE(record_head(db, hash_of(1), head_of(120, 8)));  // a fork
  auto finding = test::finding_of(1);
  finding.alert.sightings[0].tree_size = 130;
  finding.alert.sightings[0].root = hash_of(7);
  auto position = test::position_at(5);
  position.head_size = 140;
  position.head_root = hash_of(7);
  REQUIRE(commit_batch(db, {lease, 0, position, 0, {finding}}) ==
          CommitOutcome::kCommitted);
  REQUIRE(record_cosignature(db, hash_of(1), head_of(101, 7), "w", 1));
  REQUIRE(record_cosignature(db, hash_of(1), head_of(130, 7), "w", 1));
  database.run(
      "UPDATE head_cosignature SET seen_at = now() - interval "
      "'9 days'");

  const auto pruned = prune(db);
  REQUIRE(pruned);
  // The hour's first, the fork's two, the proof's, the position's, the largest.
  CHECK(database.run("SELECT string_agg(tree_size::text, ',' ORDER BY "
                     "tree_size, root) FROM log_head") ==
        "100,120,120,130,140,159");
  CHECK(pruned->heads == 55);
  CHECK(database.run("SELECT string_agg(tree_size::text, ',') FROM "
                     "head_cosignature") == "130");
  CHECK(prune(db)->heads == 0);
}

}  // namespace
}  // namespace ct::sql
