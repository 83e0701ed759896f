#include "sql/alerts.h"

#include <set>
#include <thread>

#include "sql/maintenance.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/pg_proxy.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using namespace std::chrono_literals;
using alerts::AlertState;
using alerts::Severity;
using test::hash_of;

alerts::Alert log_alert(std::string_view kind, std::uint8_t log,
                        const std::string& episode) {
  alerts::Alert a;
  a.id = alerts::log_alert_id(kind, hash_of(log), episode);
  a.kind = kind;
  a.severity = Severity::kMedium;
  a.title = "log trouble";
  a.log_id = hash_of(log);
  a.log = "Log " + std::to_string(log);
  a.evidence = R"({"head":"\u0000"})";
  return a;
}

std::vector<std::string> ids_of(const Result<std::vector<alerts::Alert>>& r) {
  REQUIRE(r);
  std::vector<std::string> ids;
  for (const auto& a : *r) ids.push_back(a.id);
  return ids;
}

TEST_CASE("alerts are listed newest first, by what is asked",
          "[.db][sql][alerts]") {
  test::TestDatabase database;
  auto& db = database.db();
  auto first = test::finding_of(1).alert;
  auto second = test::finding_of(2, "other").alert;
  second.watch = "example.org";
  second.severity = Severity::kLow;
  const auto third = log_alert(alerts::kind::kLogLag, 1, "1");
  for (const auto& a : {first, second, third}) REQUIRE(*raise_alert(db, a));
  REQUIRE(set_alert_state(db, first.id, AlertState::kAcknowledged, "mine"));

  using Ids = std::vector<std::string>;
  CHECK(ids_of(list_alerts(db, {})) == Ids{third.id, second.id, first.id});
  AlertFilter filter;
  filter.limit = 2;
  CHECK(ids_of(list_alerts(db, filter)) == Ids{third.id, second.id});
  filter = {};
  filter.states = {AlertState::kAcknowledged};
  CHECK(ids_of(list_alerts(db, filter)) == Ids{first.id});
  filter = {};
  filter.watch = "example.org";
  CHECK(ids_of(list_alerts(db, filter)) == Ids{second.id});
  filter = {};
  filter.kind = alerts::kind::kLogLag;
  CHECK(ids_of(list_alerts(db, filter)) == Ids{third.id});
  filter = {};
  filter.min_severity = Severity::kMedium;
  CHECK(ids_of(list_alerts(db, filter)) == Ids{third.id, first.id});

  REQUIRE(set_alert_state(db, first.id, AlertState::kResolved, "done"));
  CHECK(ids_of(list_alerts(db, {})) == Ids{third.id, second.id});
}

TEST_CASE("an alert is found by its id or enough of it", "[.db][sql][alerts]") {
  test::TestDatabase database;
  auto& db = database.db();
  auto a = test::finding_of(1).alert;
  a.id = "aaaaaa11000000000000000000000000";
  auto b = a;
  b.id = "aaaaaa12000000000000000000000000";
  REQUIRE(*raise_alert(db, a));
  REQUIRE(*raise_alert(db, b));
  CHECK((*find_alert(db, a.id))->id == a.id);
  CHECK((*find_alert(db, "aaaaaa11"))->id == a.id);
  CHECK((*find_alert(db, "aaaaaa12"))->id == b.id);
  CHECK_FALSE(*find_alert(db, "aaaaaa13"));
  CHECK_FALSE(*find_alert(db, "aaaaa"));  // too short to be sure
  CHECK_FALSE(*find_alert(db, ""));
  CHECK_FALSE(*find_alert(db, "aaaaaa%"));
  CHECK_FALSE(*find_alert(db, "\xff\xff\xff\xff\xff\xff"));
  const auto ambiguous = find_alert(db, "aaaaaa1");
  REQUIRE_FALSE(ambiguous);
  CHECK(ambiguous.error().code == Errc::kUsage);

  REQUIRE(set_alert_state(db, "aaaaaa11", AlertState::kResolved, "x"));
  CHECK((*find_alert(db, a.id))->state == AlertState::kResolved);
  CHECK((*find_alert(db, b.id))->state == AlertState::kOpen);
  CHECK(
      set_alert_state(db, "bbbbbbbb", AlertState::kResolved, "").error().code ==
      Errc::kUsage);
}

TEST_CASE("a log alert is raised once an episode, and cleared by kind",
          "[.db][sql][alerts]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  const auto stale = log_alert(alerts::kind::kLogStale, 1, "1");
  const auto lag = log_alert(alerts::kind::kLogLag, 1, "1");
  const auto elsewhere = log_alert(alerts::kind::kLogStale, 2, "1");
  CHECK(*raise_alert(db, stale));
  CHECK_FALSE(*raise_alert(db, stale));
  CHECK(*raise_alert(db, lag));
  CHECK(*raise_alert(db, elsewhere));
  const auto told = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(told->size() == 3);
  for (const auto& d : *told) REQUIRE(mark_delivered(db, d.id));
  CHECK((*find_alert(db, stale.id))->evidence == stale.evidence);
  CHECK((*find_alert(db, stale.id))->log_id == hash_of(1));

  REQUIRE(clear_log_alerts(db, alerts::kind::kLogStale, hash_of(1), "back"));
  CHECK((*find_alert(db, stale.id))->state == AlertState::kResolved);
  CHECK((*find_alert(db, stale.id))->note == "back");
  CHECK((*find_alert(db, lag.id))->state == AlertState::kOpen);
  CHECK((*find_alert(db, elsewhere.id))->state == AlertState::kOpen);
  const auto resolved = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(resolved->size() == 1);
  CHECK(resolved->front().message.type == alerts::event::kResolved);
  CHECK(resolved->front().message.alert.id == stale.id);
  REQUIRE(clear_log_alerts(db, alerts::kind::kLogStale, hash_of(1), "again"));
  CHECK((*find_alert(db, stale.id))->note == "back");

  CHECK_FALSE(*raise_alert(db, stale));
  CHECK(*raise_alert(db, log_alert(alerts::kind::kLogStale, 1, "2")));
}

TEST_CASE("a trouble that was over before it was told is still told",
          "[.db][sql][alerts]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  REQUIRE(*raise_alert(db, log_alert(alerts::kind::kLogStale, 1, "1")));
  REQUIRE(clear_log_alerts(db, alerts::kind::kLogStale, hash_of(1), "back"));
  const auto told = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(told->size() == 1);
  CHECK(told->front().message.type == alerts::event::kOpened);
  CHECK(told->front().message.alert.state == AlertState::kResolved);
}

TEST_CASE("a channel comes back from the database as it went in",
          "[.db][sql][channels]") {
  test::TestDatabase database;
  auto& db = database.db();
  alerts::Channel c = test::channel_of("mail");
  c.type = alerts::ChannelType::kEmail;
  c.target = "smtps://user:p%40ss@mail.example";
  c.secret = "";
  c.arguments = {"a@example.com", "b@example.com"};
  c.from = "ct@example.com";
  c.ca_file = "/etc/ca.pem";
  c.allow_plain = true;
  c.allowed_private_hosts = {"mail.internal"};
  c.tags = {"web", "vpn"};
  c.min_severity = Severity::kHigh;
  const auto id = add_channel(db, c);
  REQUIRE(id);
  const auto all = load_channels(db);
  REQUIRE(all->size() == 1);
  const auto& got = all->front();
  CHECK(got.id == *id);
  CHECK(got.name == c.name);
  CHECK(got.type == c.type);
  CHECK(got.target == c.target);
  CHECK(got.secret == c.secret);
  CHECK(got.arguments == c.arguments);
  CHECK(got.from == c.from);
  CHECK(got.ca_file == c.ca_file);
  CHECK(got.allow_plain);
  CHECK(got.allowed_private_hosts == c.allowed_private_hosts);
  CHECK(got.tags == c.tags);
  CHECK(got.min_severity == c.min_severity);
  CHECK(got.enabled);

  REQUIRE(set_channel_enabled(db, "mail", false, "too loud"));
  CHECK_FALSE(load_channels(db)->front().enabled);
  CHECK(set_channel_enabled(db, "nope", false, "").error().code ==
        Errc::kUsage);
}

TEST_CASE("a channel's name can be taken once", "[.db][sql][channels]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto first = *add_channel(db, test::channel_of("hook"));
  const auto taken = add_channel(db, test::channel_of("hook"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == Errc::kUsage);
  CHECK_THAT(taken.error().what, !ContainsSubstring("hooks.example"));

  REQUIRE(*raise_alert(db, test::finding_of(1).alert));
  CHECK(*remove_channel(db, "hook"));
  CHECK_FALSE(*remove_channel(db, "hook"));
  CHECK(database.run("SELECT count(*) FROM delivery") == "0");
  CHECK(*add_channel(db, test::channel_of("hook")) != first);
}

TEST_CASE("an alert is queued for the channels that want it, from then on",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto all = *add_channel(db, test::channel_of("all"));
  auto c = test::channel_of("vpn only");
  c.tags = {"vpn"};
  const auto vpn = *add_channel(db, c);
  c = test::channel_of("critical only");
  c.min_severity = Severity::kCritical;
  const auto critical = *add_channel(db, c);
  c = test::channel_of("disabled");
  c.enabled = false;
  const auto disabled = *add_channel(db, c);

  const auto alert = test::finding_of(1).alert;
  REQUIRE(*raise_alert(db, alert));
  const auto late = *add_channel(db, test::channel_of("late"));
  for (const auto& other : {vpn, critical, disabled, late}) {
    CHECK(claim_deliveries(db, other, 10, 60s)->empty());
  }
  const auto got = claim_deliveries(db, all, 10, 60s);
  REQUIRE(got->size() == 1);
  const auto& d = got->front();
  CHECK(d.channel_id == all);
  CHECK(d.created > 0);
  CHECK(d.message.id == d.id);
  CHECK(d.message.type == alerts::event::kOpened);
  CHECK(d.message.attempt == 1);
  CHECK(d.message.alert.id == alert.id);
  CHECK(d.message.alert.sightings.size() == 1);

  // Asked for by name, the late one gets it as well.
  CHECK(*redeliver(db, alert.id) == 2);
  CHECK(claim_deliveries(db, late, 10, 60s)->size() == 1);
}

TEST_CASE("a message waits for its watch's grace", "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(sync_logs(db, test::list_of({1})));
  const auto channel = *add_channel(db, test::channel_of("hook"));
  auto finding = test::finding_of(1);
  finding.grace = 1h;
  REQUIRE(commit_batch(db, {**claim_log(db, hash_of(1), "me", 60s),
                            0,
                            test::position_at(1),
                            0,
                            {finding}}) == CommitOutcome::kCommitted);
  CHECK(claim_deliveries(db, channel, 10, 60s)->empty());
  const auto status = outbox_status(db);
  CHECK(status->front().pending == 1);
  CHECK(status->front().due == 0);
  CHECK(*status->front().next_attempt > now_millis() + 3'500'000);
  database.run(
      "UPDATE delivery SET next_attempt_at = next_attempt_at - "
      "interval '1 hour'");
  CHECK(claim_deliveries(db, channel, 10, 60s)->size() == 1);
}

TEST_CASE("a message shows the alert as it is when it is sent",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  const auto alert = test::finding_of(1).alert;
  REQUIRE(*raise_alert(db, alert));
  REQUIRE(set_alert_state(db, alert.id, AlertState::kAcknowledged, "seen"));
  const auto got = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(got->size() == 1);
  CHECK(got->front().message.alert.state == AlertState::kAcknowledged);
  CHECK(got->front().message.alert.note == "seen");
}

TEST_CASE("two that claim at once never get the same message",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  constexpr int kMessages = 60;
  for (std::uint8_t n = 1; n <= kMessages; ++n) {
    REQUIRE(*raise_alert(db, test::finding_of(n).alert));
  }
  auto other = database.connect();
  std::vector<std::string> got[2];
  const auto claim_all = [&](Database& on, std::vector<std::string>& into) {
    for (;;) {
      const auto claimed = claim_deliveries(on, channel, 3, 60s);
      if (!claimed || claimed->empty()) return;
      for (const auto& d : *claimed) into.push_back(d.id);
    }
  };
  std::thread thread([&] { claim_all(*other, got[0]); });
  claim_all(db, got[1]);
  thread.join();
  std::set<std::string> all(got[0].begin(), got[0].end());
  all.insert(got[1].begin(), got[1].end());
  CHECK(got[0].size() + got[1].size() == kMessages);
  CHECK(all.size() == kMessages);
}

TEST_CASE("a claim that was not kept falls due again", "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  REQUIRE(*raise_alert(db, test::finding_of(1).alert));
  const auto first = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(first->size() == 1);
  CHECK(claim_deliveries(db, channel, 10, 60s)->empty());
  database.run("UPDATE delivery SET claimed_until = now() - interval '1 s'");
  const auto again = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(again->size() == 1);
  CHECK(again->front().id == first->front().id);
}

TEST_CASE("a failed message is retried, and given up in the end",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  const auto alert = test::finding_of(1).alert;
  REQUIRE(*raise_alert(db, alert));
  const auto id = claim_deliveries(db, channel, 10, 60s)->front().id;

  REQUIRE(mark_failed(db, id, "HTTP 500", now_millis() + 3'600'000));
  CHECK(claim_deliveries(db, channel, 10, 60s)->empty());
  CHECK(outbox_status(db)->front().last_error == "HTTP 500");
  REQUIRE(mark_failed(db, id, "HTTP 501", now_millis() - 1));
  const auto third = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(third->size() == 1);
  CHECK(third->front().id == id);
  CHECK(third->front().message.attempt == 3);

  REQUIRE(mark_failed(db, id, "HTTP 410", std::nullopt));
  auto status = outbox_status(db)->front();
  CHECK(status.channel == "hook");
  CHECK(status.pending == 0);
  CHECK(status.dead == 1);
  CHECK(status.last_error == "HTTP 410");
  CHECK_FALSE(status.next_attempt);
  CHECK(claim_deliveries(db, channel, 10, 60s)->empty());

  const auto created = third->front().created;
  const bool all_dead_letters = GENERATE(true, false);
  CHECK(*redeliver(db, all_dead_letters ? "" : alert.id) == 1);
  const auto revived = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(revived->size() == 1);
  CHECK(revived->front().id == id);
  CHECK(revived->front().message.attempt == 1);
  // Its time to live begins anew.
  CHECK(revived->front().created > created);
  REQUIRE(mark_delivered(db, id));
  status = outbox_status(db)->front();
  CHECK(status.delivered == 1);
  CHECK(status.last_error.empty());
}

TEST_CASE("an unknown or expected alert is not delivered again",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(add_channel(db, test::channel_of("hook")));
  CHECK(redeliver(db, "nothing").error().code == Errc::kUsage);
  auto alert = test::finding_of(1).alert;
  alert.state = AlertState::kExpected;
  REQUIRE(*raise_alert(db, alert));
  CHECK(redeliver(db, alert.id).error().code == Errc::kUsage);
  CHECK(*redeliver(db, "") == 0);
}

TEST_CASE("a disabled channel keeps its messages for later",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  REQUIRE(*raise_alert(db, test::finding_of(1).alert));
  REQUIRE(set_channel_enabled(db, "hook", false, "pause"));
  CHECK(claim_deliveries(db, channel, 10, 60s)->empty());
  REQUIRE(set_channel_enabled(db, "hook", true, ""));
  CHECK(claim_deliveries(db, channel, 10, 60s)->size() == 1);
}

TEST_CASE("a message whose mark is lost is sent again, under the same id",
          "[.db][sql][outbox]") {
  test::TestDatabase database;
  test::PgProxy proxy(test::socket_folder());
  auto db = Database::connect(proxy.through(database.url()));
  REQUIRE(db);
  const auto channel = *add_channel(**db, test::channel_of("hook"));
  const auto alert = test::finding_of(1).alert;

  proxy.fail_next(test::PgProxy::Fault::kAfterCommit);
  CHECK_FALSE(raise_alert(**db, alert));
  CHECK_FALSE(*raise_alert(**db, alert));
  const auto claimed = claim_deliveries(**db, channel, 10, 60s);
  REQUIRE(claimed->size() == 1);

  SECTION("not done") {
    proxy.fail_next(test::PgProxy::Fault::kBeforeCommit);
    CHECK_FALSE(mark_delivered(**db, claimed->front().id));
    database.run("UPDATE delivery SET claimed_until = now()");
    const auto again = claim_deliveries(**db, channel, 10, 60s);
    REQUIRE(again->size() == 1);
    CHECK(again->front().id == claimed->front().id);
  }
  SECTION("done, but reported lost") {
    proxy.fail_next(test::PgProxy::Fault::kAfterCommit);
    CHECK_FALSE(mark_delivered(**db, claimed->front().id));
    CHECK(mark_delivered(**db, claimed->front().id));
    CHECK(outbox_status(**db)->front().delivered == 1);
  }
}

TEST_CASE("finished messages are kept a month, dead letters longer",
          "[.db][sql][maintenance]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  for (std::uint8_t n = 1; n <= 4; ++n) {
    REQUIRE(*raise_alert(db, test::finding_of(n).alert));
  }
  const auto claimed = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(claimed->size() == 4);
  REQUIRE(mark_delivered(db, claimed->at(0).id));
  REQUIRE(mark_failed(db, claimed->at(1).id, "no", std::nullopt));
  database.run(
      "UPDATE delivery SET finished_at = finished_at - interval "
      "'31 days', created_at = created_at - interval '31 days'");
  REQUIRE(mark_delivered(db, claimed->at(2).id));
  CHECK(prune(db)->deliveries == 1);
  CHECK(prune(db)->deliveries == 0);
  CHECK(database.run("SELECT string_agg(state, ',' ORDER BY state) FROM "
                     "delivery") == "dead,delivered,pending");
}

}  // namespace
}  // namespace ct::sql
