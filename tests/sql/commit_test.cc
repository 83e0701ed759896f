#include <limits>
#include <optional>
#include <thread>

#include "sql/alerts.h"
#include "sql/findings.h"
#include "sql/history_store.h"
#include "sql/logs.h"
#include "sql/tx.h"
#include "sql/watches.h"
#include "tests/sql/history_samples.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/pg_proxy.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::sql {
namespace {

using namespace std::chrono_literals;
using alerts::AlertState;
using test::hash_of;
using test::position_at;

// A log that is followed by "me", one webhook channel.
struct Fixture {
  Fixture() {
    REQUIRE(sync_logs(db, test::list_of({1, 2})));
    lease = **claim_log(db, hash_of(1), "me", 60s);
    channel = *add_channel(db, test::channel_of("hook"));
  }

  BatchCommit batch(std::uint64_t begin, std::uint64_t end,
                    std::vector<alerts::Finding> findings = {}) const {
    return {lease, begin, position_at(end), generation, std::move(findings)};
  }
  // "begin-end@generation …"
  std::string ranges() {
    const auto all = verified_ranges(db, hash_of(1));
    REQUIRE(all);
    std::string out;
    for (const Range& r : *all) {
      out += (out.empty() ? "" : " ") + std::to_string(r.begin) + "-" +
             std::to_string(r.end) + "@" + std::to_string(r.generation);
    }
    return out;
  }
  // Log 1 as it is stored.
  LogRow log() {
    auto rows = load_logs(db);
    REQUIRE(rows);
    for (auto& row : *rows) {
      if (row.info.log_id == hash_of(1)) return row;
    }
    throw std::runtime_error("log 1 is gone");
  }
  std::vector<alerts::Alert> all_alerts() {
    auto list = list_alerts(db, {{AlertState::kOpen, AlertState::kAcknowledged,
                                  AlertState::kResolved, AlertState::kExpected},
                                 {},
                                 {},
                                 {},
                                 0});
    REQUIRE(list);
    return *list;
  }

  test::TestDatabase database;
  Database& db = database.db();
  Lease lease;
  std::int64_t generation = 1;
  std::string channel;
};

std::string proxy_url(test::PgProxy& proxy, const test::TestDatabase& d) {
  return proxy.through(d.url());
}

TEST_CASE("a batch moves the position and stores what it found",
          "[.db][sql][commit]") {
  Fixture f;
  CHECK(f.log().state == FollowState::kNew);
  CHECK_FALSE(f.log().position);

  CHECK(commit_batch(f.db, f.batch(0, 5)) == CommitOutcome::kCommitted);
  auto batch = f.batch(5, 9, {test::finding_of(1)});
  batch.after.rate = 12.5;
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kCommitted);

  const auto log = f.log();
  CHECK(log.state == FollowState::kFollowing);
  REQUIRE(log.position);
  CHECK(log.position->range == batch.after.range);
  CHECK(log.position->start == 0);
  CHECK(log.position->head_size == batch.after.head_size);
  CHECK(log.position->head_timestamp == batch.after.head_timestamp);
  CHECK(log.position->head_root == batch.after.head_root);
  CHECK(log.position->newest_entry == batch.after.newest_entry);
  CHECK(log.position->verified_at == batch.after.verified_at);
  CHECK(log.position->rate == 12.5);
  CHECK(f.ranges() == "0-9@1");
  CHECK(f.all_alerts().size() == 1);
  CHECK(f.database.run("SELECT count(*) FROM delivery") == "1");
}

TEST_CASE("history that came ahead of a position that did not is stored once",
          "[.db][sql][commit]") {
  Fixture f;
  auto batch = f.batch(0, 5);
  std::vector<HistoryEntry> entries;
  for (unsigned n = 0; n < 5'000; ++n) {
    entries.push_back(test::final_entry(n, 1, n));
  }
  batch.history = prepare_history(entries);
  REQUIRE(is_large(*batch.history));
  const Lease lost = batch.lease;
  ++batch.lease.fence;
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kLeaseLost);
  const auto held = [&] {
    return f.database.run("SELECT count(*) FROM history") + " of " +
           f.database.run(
               "SELECT coalesce(max(end_index), 0) FROM "
               "history_range");
  };
  CHECK(held() == "5000 of 0");
  batch.lease = lost;
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kCommitted);
  CHECK(held() == "5000 of 5");
}

TEST_CASE("a log begun at its head has no range before its first batch",
          "[.db][sql][commit]") {
  Fixture f;
  BatchCommit start{f.lease, 7, position_at(7, 7), 0, {}};
  CHECK(commit_batch(f.db, start) == CommitOutcome::kCommitted);
  CHECK(verified_ranges(f.db, hash_of(1))->empty());
  CHECK(f.log().position->start == 7);

  BatchCommit next{f.lease, 7, position_at(9, 7), 1, {}};
  CHECK(commit_batch(f.db, next) == CommitOutcome::kCommitted);
  CHECK(f.ranges() == "7-9@1");
}

TEST_CASE("an alert comes back from the database as it went in",
          "[.db][sql][commit]") {
  Fixture f;
  auto finding = test::final_of(1);
  finding.alert.title = std::string("a\0b \xff", 5);
  finding.alert.certificate->scts[0].log = "\xff";
  REQUIRE(commit_batch(f.db, f.batch(0, 5, {finding})));
  const auto alerts = f.all_alerts();
  REQUIRE(alerts.size() == 1);
  const auto& got = alerts[0];
  const auto& put = finding.alert;
  CHECK(got.title ==
        "a\xef\xbf\xbd"
        "b \xef\xbf\xbd");
  CHECK(got.id == put.id);
  CHECK(got.state == AlertState::kOpen);
  CHECK(got.severity == put.severity);
  CHECK(got.kind == put.kind);
  CHECK(got.reason == put.reason);
  CHECK(got.watch_id == put.watch_id);
  CHECK(got.watch == put.watch);
  CHECK(got.tags == put.tags);
  CHECK(got.names == put.names);
  CHECK(got.created > 0);
  REQUIRE(got.certificate);
  const auto& c = *got.certificate;
  const auto& p = *put.certificate;
  CHECK(c.der == p.der);
  CHECK(c.sha256 == p.sha256);
  CHECK(c.tbs_sha256 == p.tbs_sha256);
  CHECK(c.issuer == p.issuer);
  CHECK(c.issuer_name == p.issuer_name);
  CHECK(c.issuer_spki_sha256 == p.issuer_spki_sha256);
  CHECK(c.subject == p.subject);
  CHECK(c.serial == p.serial);
  CHECK(c.not_before == p.not_before);
  CHECK(c.not_after == p.not_after);
  CHECK(c.spki_sha256 == p.spki_sha256);
  CHECK(c.key == p.key);
  CHECK(c.all_names == p.all_names);
  CHECK(c.notes == p.notes);
  REQUIRE(c.scts.size() == 1);
  CHECK(c.scts[0].log_id == p.scts[0].log_id);
  CHECK(c.scts[0].log == "\xef\xbf\xbd");
  CHECK(c.scts[0].timestamp == p.scts[0].timestamp);
  CHECK(c.scts[0].result == p.scts[0].result);
  REQUIRE(got.sightings.size() == 1);
  const auto& s = got.sightings[0];
  const auto& q = put.sightings[0];
  CHECK(s.log_id == q.log_id);
  CHECK(s.log == q.log);
  CHECK(s.leaf_index == q.leaf_index);
  CHECK(s.timestamp == q.timestamp);
  CHECK(s.entry_type == q.entry_type);
  CHECK(s.leaf_hash == q.leaf_hash);
  CHECK(s.tree_size == q.tree_size);
  CHECK(s.root == q.root);
  CHECK(s.inclusion_proof == q.inclusion_proof);
}

TEST_CASE("certificates of any year can be stored", "[.db][sql][commit]") {
  Fixture f;
  const Seconds t = GENERATE(-62'167'219'200, 253'402'300'799, 0);
  auto finding = test::finding_of(1);
  finding.alert.certificate->not_before = t;
  finding.alert.certificate->not_after = t;
  finding.alert.sightings[0].timestamp = std::numeric_limits<Millis>::max();
  REQUIRE(commit_batch(f.db, f.batch(0, 5, {finding})));
  const auto alerts = f.all_alerts();
  CHECK(alerts.at(0).certificate->not_before == t);
  CHECK(alerts.at(0).certificate->not_after == t);
  CHECK(alerts.at(0).sightings[0].timestamp ==
        std::numeric_limits<Millis>::max());
}

TEST_CASE("a batch that is there already changes nothing",
          "[.db][sql][commit]") {
  Fixture f;
  const auto batch = f.batch(0, 5, {test::finding_of(1)});
  REQUIRE(commit_batch(f.db, batch) == CommitOutcome::kCommitted);
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kAlreadyThere);
  CHECK(f.database.run("SELECT count(*) FROM alert_sighting") == "1");
}

TEST_CASE("a batch from elsewhere than the position is refused",
          "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)) == CommitOutcome::kCommitted);
  CHECK(commit_batch(f.db, f.batch(6, 9)) == CommitOutcome::kLeaseLost);
  CHECK(commit_batch(f.db, f.batch(0, 3)) == CommitOutcome::kLeaseLost);
  // The same size, but other leaves.
  auto other = f.batch(0, 5);
  other.after.range = ctlog::CompactRange();
  for (int i = 0; i < 5; ++i) other.after.range.append(hash_of(0xee));
  CHECK(commit_batch(f.db, other) == CommitOutcome::kLeaseLost);
  CHECK(f.log().position->range == position_at(5).range);
  CHECK_FALSE(commit_batch(f.db, f.batch(5, 4)));
}

TEST_CASE("a commit that fails leaves nothing, and its repetition all",
          "[.db][sql][commit]") {
  Fixture f;
  test::PgProxy proxy(test::socket_folder());
  auto db = Database::connect(proxy_url(proxy, f.database));
  REQUIRE(db);
  REQUIRE(commit_batch(**db, f.batch(0, 5)) == CommitOutcome::kCommitted);
  const auto batch = f.batch(5, 8, {test::finding_of(1)});

  SECTION("not done") {
    proxy.fail_next(test::PgProxy::Fault::kBeforeCommit);
    const auto failed = commit_batch(**db, batch);
    CHECK(proxy.has_struck());
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == Errc::kTransient);
    CHECK(f.log().position->range.size() == 5);
    CHECK(f.all_alerts().empty());
    CHECK(commit_batch(**db, batch) == CommitOutcome::kCommitted);
  }
  SECTION("done, but reported lost") {
    proxy.fail_next(test::PgProxy::Fault::kAfterCommit);
    CHECK(commit_batch(**db, batch) == CommitOutcome::kAlreadyThere);
    CHECK(proxy.has_struck());
    CHECK(commit_batch(**db, batch) == CommitOutcome::kAlreadyThere);
  }
  SECTION("done, reported lost, and somebody took over") {
    proxy.fail_next(test::PgProxy::Fault::kAfterCommit);
    REQUIRE(commit_batch(**db, batch) == CommitOutcome::kAlreadyThere);
    REQUIRE(release_all(f.db, "me"));
    REQUIRE(*claim_log(f.db, hash_of(1), "you", 60s));
    CHECK(commit_batch(**db, batch) == CommitOutcome::kLeaseLost);
  }
  CHECK(f.log().position->range.size() == 8);
  CHECK(f.all_alerts().size() == 1);
  CHECK(f.database.run("SELECT count(*) FROM delivery") == "1");
  CHECK(f.ranges() == "0-8@1");
}

TEST_CASE("the first commit of a log survives a lost reply too",
          "[.db][sql][commit]") {
  Fixture f;
  test::PgProxy proxy(test::socket_folder());
  auto db = Database::connect(proxy_url(proxy, f.database));
  REQUIRE(db);
  const auto batch = f.batch(0, 5, {test::finding_of(1)});
  SECTION("not done") {
    proxy.fail_next(test::PgProxy::Fault::kBeforeCommit);
    CHECK_FALSE(commit_batch(**db, batch));
    CHECK_FALSE(f.log().position);
    CHECK(commit_batch(**db, batch) == CommitOutcome::kCommitted);
  }
  SECTION("done, but reported lost") {
    proxy.fail_next(test::PgProxy::Fault::kAfterCommit);
    CHECK(commit_batch(**db, batch) == CommitOutcome::kAlreadyThere);
  }
  CHECK(f.log().position->range.size() == 5);
  CHECK(f.all_alerts().size() == 1);
}

TEST_CASE("who lost the lease cannot commit", "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)) == CommitOutcome::kCommitted);
  CHECK_FALSE(*claim_log(f.db, hash_of(1), "you", 60s));
  f.database.run("UPDATE log_lease SET expires_at = now()");
  const auto theirs = claim_log(f.db, hash_of(1), "you", 60s);
  REQUIRE(theirs);
  REQUIRE(*theirs);
  CHECK((*theirs)->fence > f.lease.fence);
  CHECK_FALSE(*claim_log(f.db, hash_of(1), "me", 60s));

  CHECK(commit_batch(f.db, f.batch(5, 9)) == CommitOutcome::kLeaseLost);
  CHECK(f.log().position->range.size() == 5);
  auto batch = f.batch(5, 9);
  batch.lease = **theirs;
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kCommitted);
}

TEST_CASE("a lease that was never claimed commits nothing",
          "[.db][sql][commit]") {
  Fixture f;
  BatchCommit batch{{hash_of(2), 1}, 0, position_at(5), 0, {}};
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kLeaseLost);
}

TEST_CASE("the same issuance in other logs is one alert",
          "[.db][sql][commit]") {
  Fixture f;
  auto again = test::finding_of(1);
  again.alert.sightings = {
      test::sighting_of(2, 77, ctlog::EntryType::kPrecert)};
  REQUIRE(commit_batch(f.db, f.batch(0, 5, {test::finding_of(1), again})));
  const auto alerts = f.all_alerts();
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0].sightings.size() == 2);
  CHECK(f.database.run("SELECT count(*) FROM delivery") == "1");
}

TEST_CASE("a precertificate's alert is completed by its final certificate",
          "[.db][sql][commit]") {
  Fixture f;
  const bool final_first = GENERATE(false, true);
  REQUIRE(commit_batch(
      f.db,
      f.batch(0, 5, {final_first ? test::final_of(1) : test::finding_of(1)})));
  REQUIRE(commit_batch(
      f.db,
      f.batch(5, 9, {final_first ? test::finding_of(1) : test::final_of(1)})));
  const auto alerts = f.all_alerts();
  REQUIRE(alerts.size() == 1);
  const auto& c = *alerts[0].certificate;
  const auto final = *test::final_of(1).alert.certificate;
  CHECK(c.der == final.der);
  CHECK(c.sha256 == final.sha256);
  CHECK(c.scts.size() == 1);
  CHECK(c.notes == final.notes);
  CHECK(alerts[0].sightings.size() == 2);
  CHECK(f.database.run("SELECT count(*) FROM delivery") == "1");
}

TEST_CASE("what was settled stays settled when seen again",
          "[.db][sql][commit]") {
  Fixture f;
  auto first = test::finding_of(1);
  SECTION("expected, then unexpected") {
    first.alert.state = AlertState::kExpected;
    REQUIRE(commit_batch(f.db, f.batch(0, 5, {first})));
    REQUIRE(commit_batch(f.db, f.batch(5, 9, {test::final_of(1)})));
    CHECK(f.all_alerts().at(0).state == AlertState::kExpected);
    CHECK(f.database.run("SELECT count(*) FROM delivery") == "0");
  }
  SECTION("resolved by a person") {
    REQUIRE(commit_batch(f.db, f.batch(0, 5, {first})));
    REQUIRE(set_alert_state(f.db, first.alert.id, AlertState::kResolved, "ok"));
    REQUIRE(commit_batch(f.db, f.batch(5, 9, {test::final_of(1)})));
    CHECK(f.all_alerts().at(0).state == AlertState::kResolved);
    CHECK(f.all_alerts().at(0).note == "ok");
  }
  CHECK(f.all_alerts().at(0).sightings.size() == 2);
}

TEST_CASE("an expectation registered since the judgement is honoured",
          "[.db][sql][commit]") {
  using Kind = alerts::Expectation::Kind;
  struct Case {
    Kind kind;
    std::uint8_t value;  // 1: the issuance; 0x81: its key
    std::vector<std::string> names;
    bool explains;
  };
  const auto c = GENERATE(values<Case>({
      {Kind::kTbs, 1, {}, true},
      {Kind::kSpki, 0x81, {}, true},
      {Kind::kSpki, 0x81, {"www.example.com", "example.com", "more"}, true},
      {Kind::kSpki, 0x81, {"www.example.com"}, false},
      {Kind::kTbs, 0x81, {}, false},
      {Kind::kSpki, 1, {}, false},
      {Kind::kTbs, 2, {}, false},
  }));
  CAPTURE(static_cast<int>(c.kind), c.value, c.names);
  Fixture f;
  REQUIRE(
      put_expectation(f.db, {"", c.kind, hash_of(c.value), c.names, "", 0}));
  REQUIRE(commit_batch(f.db, f.batch(0, 5, {test::finding_of(1)})));
  CHECK(f.all_alerts().at(0).state ==
        (c.explains ? AlertState::kExpected : AlertState::kOpen));
  CHECK(f.database.run("SELECT count(*) FROM delivery") ==
        (c.explains ? "0" : "1"));
}

TEST_CASE("an expectation and a finding that meet do not miss each other",
          "[.db][sql][commit]") {
  Fixture f;
  auto other = f.database.connect();
  for (std::uint8_t n = 1; n <= 30; ++n) {
    std::optional<Result<std::vector<std::string>>> put;
    std::thread thread([&] {
      put = put_expectation(
          *other, {"", alerts::Expectation::Kind::kTbs, hash_of(n), {}, "", 0});
    });
    CHECK(commit_batch(f.db, f.batch(n - 1u, n, {test::finding_of(n)})) ==
          CommitOutcome::kCommitted);
    thread.join();
    CHECK(*put);
  }
  for (const auto& a : f.all_alerts()) CHECK(a.state == AlertState::kExpected);
  CHECK(f.database.run("SELECT count(*) FROM delivery WHERE state = 'pending' "
                       "AND event = 'alert.opened'") == "0");
}

// The two in the one order that a lock alone can put right: the finding is
// checked, then the expectation is registered, then the finding is stored.
TEST_CASE("an expectation waits for findings that are being stored",
          "[.db][sql][commit]") {
  Fixture f;
  auto other = f.database.connect();
  std::optional<Result<std::vector<std::string>>> put;
  std::thread thread;
  const auto stored = f.db.transact([&](Tx& tx) -> Result<void> {
    store_findings(tx, {test::finding_of(1)});
    thread = std::thread([&] {
      put = put_expectation(
          *other, {"", alerts::Expectation::Kind::kTbs, hash_of(1), {}, "", 0});
    });
    if (!test::eventually([&] {
          return f.database.run(
                     "SELECT count(*) FROM pg_locks WHERE NOT granted") != "0";
        })) {
      return fail(Errc::kInternal, "it did not wait");
    }
    return {};
  });
  thread.join();
  CHECK(stored);
  REQUIRE(*put);
  CHECK((*put)->size() == 1);
  CHECK(f.all_alerts().at(0).state == AlertState::kExpected);
}

TEST_CASE("commits of two logs with the same findings do not collide",
          "[.db][sql][commit]") {
  Fixture f;
  auto other = f.database.connect();
  const auto second = claim_log(*other, hash_of(2), "me", 60s);
  REQUIRE(*second);
  std::vector<alerts::Finding> forward, backward;
  for (std::uint8_t n = 1; n <= 20; ++n) {
    forward.push_back(test::finding_of(n));
    backward.insert(backward.begin(), test::final_of(n));
  }
  Result<CommitOutcome> theirs = CommitOutcome::kLeaseLost;
  std::thread thread([&] {
    theirs = commit_batch(*other, {**second, 0, position_at(5), 0, backward});
  });
  CHECK(commit_batch(f.db, f.batch(0, 5, forward)) ==
        CommitOutcome::kCommitted);
  thread.join();
  CHECK(theirs == CommitOutcome::kCommitted);
  const auto alerts = f.all_alerts();
  CHECK(alerts.size() == 20);
  for (const auto& a : alerts) {
    CHECK(a.sightings.size() == 2);
    CHECK(a.certificate->scts.size() == 1);
  }
  CHECK(f.database.run("SELECT count(*) FROM delivery") == "20");
}

TEST_CASE("an operator can go on behind entries that do not add up",
          "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)) == CommitOutcome::kCommitted);
  REQUIRE(set_state(f.db, hash_of(1), FollowState::kStopped, "lied"));
  REQUIRE(override_position(f.db, hash_of(1), position_at(20), "accepted"));
  const auto log = f.log();
  CHECK(log.state == FollowState::kFollowing);
  CHECK(log.state_reason == "accepted");
  CHECK(log.position->range == position_at(20).range);
  // Who had the old position in mind must claim anew.
  CHECK(commit_batch(f.db, f.batch(20, 25)) == CommitOutcome::kLeaseLost);
  f.lease = **claim_log(f.db, hash_of(1), "me", 60s);
  CHECK(commit_batch(f.db, f.batch(20, 25)) == CommitOutcome::kCommitted);
  CHECK(f.ranges() == "0-5@1 20-25@1");
  CHECK(f.database.run("SELECT why || old_next_index || new_next_index FROM "
                       "position_override") == "accepted520");
  CHECK(
      override_position(f.db, hash_of(99), position_at(1), "x").error().code ==
      Errc::kUsage);
}

TEST_CASE("ranges that meet become one", "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)));
  REQUIRE(override_position(f.db, hash_of(1), position_at(20), "skip"));
  f.lease = **claim_log(f.db, hash_of(1), "me", 60s);
  REQUIRE(commit_batch(f.db, f.batch(20, 25)));
  REQUIRE(override_position(f.db, hash_of(1), position_at(5), "go back"));
  f.lease = **claim_log(f.db, hash_of(1), "me", 60s);
  REQUIRE(commit_batch(f.db, f.batch(5, 12)));
  CHECK(f.ranges() == "0-12@1 20-25@1");
  REQUIRE(commit_batch(f.db, f.batch(12, 22)));
  CHECK(f.ranges() == "0-25@1");
}

TEST_CASE("ranges matched against other watches stay apart",
          "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)));
  f.generation = 2;
  REQUIRE(commit_batch(f.db, f.batch(5, 9)));
  REQUIRE(commit_batch(f.db, f.batch(9, 12)));
  CHECK(f.ranges() == "0-5@1 5-12@2");
}

TEST_CASE("what is read again counts as matched anew", "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 20)));
  f.generation = 2;
  const auto go_to = [&](std::uint64_t index) {
    REQUIRE(override_position(f.db, hash_of(1), position_at(index), "again"));
    f.lease = **claim_log(f.db, hash_of(1), "me", 60s);
  };
  SECTION("in the middle") {
    go_to(5);
    REQUIRE(commit_batch(f.db, f.batch(5, 9)));
    CHECK(f.ranges() == "0-5@1 5-9@2 9-20@1");
    REQUIRE(commit_batch(f.db, f.batch(9, 25)));
    CHECK(f.ranges() == "0-5@1 5-25@2");
  }
  SECTION("from its beginning") {
    go_to(0);
    REQUIRE(commit_batch(f.db, f.batch(0, 9)));
    CHECK(f.ranges() == "0-9@2 9-20@1");
  }
  SECTION("whole") {
    go_to(0);
    REQUIRE(commit_batch(f.db, f.batch(0, 20)));
    CHECK(f.ranges() == "0-20@2");
  }
}

TEST_CASE("a position that is forgotten is found anew, and the gap stays",
          "[.db][sql][commit]") {
  Fixture f;
  REQUIRE(commit_batch(f.db, f.batch(0, 5)));
  REQUIRE(forget_position(f.db, hash_of(1), "root mismatch accepted"));
  CHECK_FALSE(f.log().position);
  CHECK(commit_batch(f.db, f.batch(5, 9)) == CommitOutcome::kLeaseLost);
  f.lease = **claim_log(f.db, hash_of(1), "me", 60s);
  CHECK(commit_batch(f.db, f.batch(20, 25)) == CommitOutcome::kCommitted);
  CHECK(f.ranges() == "0-5@1 20-25@1");
  CHECK(f.database.run("SELECT why || old_next_index FROM position_override "
                       "WHERE new_next_index IS NULL") ==
        "root mismatch accepted5");
}

TEST_CASE("a rate that is no number does not cost the position",
          "[.db][sql][commit]") {
  Fixture f;
  auto batch = f.batch(0, 5);
  batch.after.rate = GENERATE(std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN());
  CHECK(commit_batch(f.db, batch) == CommitOutcome::kCommitted);
  CHECK(f.log().position->rate == 0);
}

}  // namespace
}  // namespace ct::sql
