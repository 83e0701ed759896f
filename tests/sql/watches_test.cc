#include "sql/watches.h"

#include <algorithm>
#include <map>
#include <utility>

#include "sql/alerts.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/pg_proxy.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using namespace std::chrono_literals;
using alerts::AlertState;
using alerts::Watch;
using alerts::WatchKind;
using test::hash_of;

Watch watch_of(const std::string& value, WatchKind kind = WatchKind::kSubtree) {
  Watch w;
  w.kind = kind;
  w.value = value;
  w.pattern = kind == WatchKind::kExact ? "=" + value : value;
  w.source = "cli";
  return w;
}

std::vector<std::string> patterns(Database& db) {
  const auto watches = load_watches(db);
  REQUIRE(watches);
  std::vector<std::string> out;
  for (const auto& w : *watches) out.push_back(w.pattern);
  std::sort(out.begin(), out.end());
  return out;
}

TEST_CASE("a watch comes back from the database as it went in",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto kind =
      GENERATE(WatchKind::kSubtree, WatchKind::kExact, WatchKind::kIp,
               WatchKind::kEmail, WatchKind::kOrganization);
  Watch w = watch_of("example.com", kind);
  w.tags = {"web", "a,b"};
  w.allowed_issuers = {"Let's Encrypt", "C=US, O=\"X\""};
  w.allowed_spkis = {hash_of(1), hash_of(2)};
  w.grace = 15min;
  w.note = "a note";
  const auto id = put_watch(db, w);
  REQUIRE(id);
  const auto all = load_watches(db);
  REQUIRE(all->size() == 1);
  const Watch& got = all->front();
  CHECK(got.id == *id);
  CHECK(got.kind == kind);
  CHECK(got.value == w.value);
  CHECK(got.pattern == w.pattern);
  CHECK(got.tags == w.tags);
  CHECK(got.allowed_issuers == w.allowed_issuers);
  CHECK(got.allowed_spkis == w.allowed_spkis);
  CHECK(got.grace == w.grace);
  CHECK(got.note == w.note);
  CHECK(got.source == "cli");
  CHECK(got.created > 0);
  // In force from the generation on that its adding made.
  CHECK(got.generation == *watch_generation(db));
}

TEST_CASE("a watch put again is changed and keeps its id",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto id = *put_watch(db, watch_of("example.com"));
  auto changed = watch_of("example.com");
  changed.id = "another";
  changed.tags = {"new"};
  const auto generation = load_watches(db)->front().generation;
  CHECK(*put_watch(db, changed) == id);
  CHECK(load_watches(db)->front().generation == generation);
  REQUIRE(load_watches(db)->size() == 1);
  CHECK(load_watches(db)->front().tags == std::vector<std::string>{"new"});
  // The same name watched in another way is another watch.
  CHECK(*put_watch(db, watch_of("example.com", WatchKind::kExact)) != id);
  // Removed and added again it is the same one.
  REQUIRE(*remove_watch(db, "example.com"));
  CHECK(*put_watch(db, watch_of("example.com")) == id);
}

TEST_CASE("watches are removed by pattern or id", "[.db][sql][watches]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto id = *put_watch(db, watch_of("example.com"));
  REQUIRE(put_watch(db, watch_of("example.com", WatchKind::kExact)));
  CHECK_FALSE(*remove_watch(db, "example.org"));
  CHECK(*remove_watch(db, "=example.com"));
  CHECK(patterns(db) == std::vector<std::string>{"example.com"});
  CHECK(*remove_watch(db, id));
  CHECK(patterns(db).empty());
}

TEST_CASE("every change of watches or expectations is seen by polling",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  auto& db = database.db();
  std::int64_t last = *watch_generation(db);
  const auto grew = [&] {
    const auto now = *watch_generation(db);
    return now > std::exchange(last, now);
  };
  CHECK_FALSE(grew());
  REQUIRE(put_watch(db, watch_of("a.example")));
  CHECK(grew());
  REQUIRE(*remove_watch(db, "a.example"));
  CHECK(grew());
  REQUIRE_FALSE(*remove_watch(db, "a.example"));
  CHECK_FALSE(grew());
  REQUIRE(apply_watches(db, "f", {watch_of("a.example")}, false));
  CHECK(grew());
  REQUIRE(apply_watches(db, "f", {watch_of("a.example")}, false));
  CHECK_FALSE(grew());
  REQUIRE(apply_watches(db, "f", {}, true));
  CHECK_FALSE(grew());
  const alerts::Expectation e{
      "", alerts::Expectation::Kind::kTbs, hash_of(1), {}, "", 0};
  REQUIRE(put_expectation(db, e));
  CHECK(grew());
  REQUIRE(*remove_expectation(db, expectation_id(e)));
  CHECK(grew());
}

TEST_CASE("applying makes the watches of one source exactly those",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  auto& db = database.db();
  REQUIRE(put_watch(db, watch_of("by-hand.example")));
  REQUIRE(apply_watches(db, "file",
                        {watch_of("a.example"), watch_of("b.example")}, false));
  auto changed = watch_of("b.example");
  changed.tags = {"x"};
  const std::vector<Watch> next{changed, watch_of("c.example"),
                                watch_of("by-hand.example")};
  const bool dry_run = GENERATE(true, false);
  const auto result = apply_watches(db, "file", next, dry_run);
  REQUIRE(result);
  CHECK(result->added == 1);
  CHECK(result->changed == 2);  // one changes hands
  CHECK(result->removed == 1);
  CHECK(result->unchanged == 0);
  std::vector<std::string> changes;
  for (const auto& [before, after] : result->changes) {
    changes.push_back((before ? before->pattern + " of " + before->source
                              : std::string("none")) +
                      ", " +
                      (after ? after->pattern + " of " + after->source
                             : std::string("none")));
  }
  CHECK(changes == std::vector<std::string>{
                       "a.example of file, none",
                       "b.example of file, b.example of file",
                       "by-hand.example of cli, by-hand.example of file",
                       "none, c.example of file"});
  CHECK(patterns(db) ==
        (dry_run ? std::vector<std::string>{"a.example", "b.example",
                                            "by-hand.example"}
                 : std::vector<std::string>{"b.example", "by-hand.example",
                                            "c.example"}));
  if (dry_run) return;
  const auto again = apply_watches(db, "file", next, false);
  CHECK(again->unchanged == 3);
  CHECK(again->added + again->changed + again->removed == 0);
  CHECK(again->changes.empty());
  // Another source's are left alone.
  REQUIRE(put_watch(db, watch_of("other.example")));
  REQUIRE(apply_watches(db, "file", {}, false));
  CHECK(patterns(db) == std::vector<std::string>{"other.example"});
}

TEST_CASE("a file that gives a watch twice is refused whole",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  const auto r = apply_watches(
      database.db(), "file",
      {watch_of("a.example"), watch_of("b.example"), watch_of("a.example")},
      false);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kUsage);
  CHECK_THAT(r.error().what, ContainsSubstring("a.example"));
  CHECK(patterns(database.db()).empty());
}

TEST_CASE("thousands of watches are applied at once", "[.db][sql][watches]") {
  test::TestDatabase database;
  std::vector<Watch> watches;
  for (int i = 0; i < 2500; ++i) {
    watches.push_back(watch_of("n" + std::to_string(i) + ".example"));
  }
  CHECK(apply_watches(database.db(), "file", watches, false)->added == 2500);
  CHECK(load_watches(database.db())->size() == 2500);
  CHECK(apply_watches(database.db(), "file", watches, false)->unchanged ==
        2500);
}

TEST_CASE("a watch too long for an index is refused", "[.db][sql][watches]") {
  test::TestDatabase database;
  const auto r = put_watch(database.db(), watch_of(std::string(5000, 'a')));
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kUsage);
  CHECK_FALSE(put_watch(database.db(), watch_of("")));
}

TEST_CASE("a change of watches that fails is not done, or harmless again",
          "[.db][sql][watches]") {
  test::TestDatabase database;
  test::PgProxy proxy(test::socket_folder());
  auto db = Database::connect(proxy.through(database.url()));
  REQUIRE(db);
  const auto fault = GENERATE(test::PgProxy::Fault::kBeforeCommit,
                              test::PgProxy::Fault::kAfterCommit);
  const auto twice = [&](const auto& change) {
    proxy.fail_next(fault);
    CHECK_FALSE(change());
    CHECK(proxy.has_struck());
    CHECK(change());
  };
  twice([&] { return put_watch(**db, watch_of("a.example")); });
  twice(
      [&] { return apply_watches(**db, "f", {watch_of("b.example")}, false); });
  twice([&] {
    return put_expectation(
        **db, {"", alerts::Expectation::Kind::kTbs, hash_of(1), {}, "", 0});
  });
  CHECK(patterns(**db) == std::vector<std::string>{"a.example", "b.example"});
  CHECK(load_expectations(**db)->size() == 1);
  twice([&] { return remove_watch(**db, "a.example"); });
  CHECK(patterns(**db) == std::vector<std::string>{"b.example"});
}

TEST_CASE("an expectation comes back as it went in, once",
          "[.db][sql][expectations]") {
  test::TestDatabase database;
  auto& db = database.db();
  alerts::Expectation e;
  e.kind = alerts::Expectation::Kind::kSpki;
  e.value = hash_of(1);
  e.names = {"a.example", "*.a.example"};
  e.note = "new server";
  REQUIRE(put_expectation(db, e));
  REQUIRE(put_expectation(db, e));
  const auto all = load_expectations(db);
  REQUIRE(all->size() == 1);
  const auto& got = all->front();
  CHECK_FALSE(got.id.empty());
  CHECK(got.kind == e.kind);
  CHECK(got.value == e.value);
  CHECK(got.names == e.names);
  CHECK(got.note == e.note);
  CHECK(got.created > 0);
  CHECK(*remove_expectation(db, got.id));
  CHECK_FALSE(*remove_expectation(db, got.id));
}

TEST_CASE("an expectation's id covers kind, value and the set of names",
          "[sql][expectations]") {
  using Kind = alerts::Expectation::Kind;
  const auto id = [](Kind kind, std::uint8_t value,
                     std::vector<std::string> names) {
    return expectation_id(
        {"any", kind, hash_of(value), std::move(names), "note", 5});
  };
  const auto base = id(Kind::kSpki, 1, {"a.example", "b.example"});
  CHECK(base.starts_with("spki-"));
  CHECK(base.size() == 29);
  INFO("a set has no order and no doubles");
  CHECK(id(Kind::kSpki, 1, {"b.example", "a.example"}) == base);
  CHECK(id(Kind::kSpki, 1, {"a.example", "b.example", "a.example"}) == base);
  INFO("anything else is another");
  CHECK(id(Kind::kTbs, 1, {}).starts_with("tbs-"));
  CHECK(id(Kind::kTbs, 1, {"a.example", "b.example"}).substr(4) !=
        base.substr(5));
  CHECK(id(Kind::kSpki, 2, {"a.example", "b.example"}) != base);
  CHECK(id(Kind::kSpki, 1, {"a.example"}) != base);
  CHECK(id(Kind::kSpki, 1, {}) != base);
  using namespace std::string_literals;
  CHECK(id(Kind::kSpki, 1, {"a.exampleb.example"}) != base);
  CHECK(id(Kind::kSpki, 1, {"a.example9:b.example"}) != base);
  CHECK(id(Kind::kSpki, 1, {"a.example\0b.example"s}) != base);
}

TEST_CASE("two announcements of one key stand side by side",
          "[.db][sql][expectations]") {
  test::TestDatabase database;
  auto& db = database.db();
  alerts::Expectation e;
  e.kind = alerts::Expectation::Kind::kSpki;
  e.value = hash_of(1);
  for (const char* name : {"a.example", "b.example", "a.example"}) {
    e.names = {name};
    e.note = std::string("for ") + name;
    REQUIRE(put_expectation(db, e));
  }
  e.note = "changed";
  REQUIRE(put_expectation(db, e));
  const auto all = load_expectations(db);
  REQUIRE(all->size() == 2);
  std::map<std::string, std::string> notes;
  for (const auto& got : *all) {
    CHECK(got.id == expectation_id(got));
    notes[got.names.at(0)] = got.note;
  }
  CHECK(notes == std::map<std::string, std::string>{
                     {"a.example", "changed"}, {"b.example", "for b.example"}});
}

// What becomes of an alert, and its message, when its certificate is
// registered afterwards.
TEST_CASE("an expectation explains alerts that are there already",
          "[.db][sql][expectations]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  const auto alert = test::finding_of(1).alert;
  REQUIRE(*raise_alert(db, alert));
  REQUIRE(*raise_alert(db, test::finding_of(2).alert));
  database.run("DELETE FROM delivery WHERE alert_id <> '" + alert.id + "'");

  bool told = true;
  SECTION("nobody told yet") {
    REQUIRE(outbox_status(db)->front().pending == 1);
    told = false;
  }
  SECTION("told") {
    const auto claimed = claim_deliveries(db, channel, 10, 60s);
    REQUIRE(claimed->size() == 1);
    REQUIRE(mark_delivered(db, claimed->front().id));
  }
  SECTION("telling failed once, maybe after it arrived") {
    const auto claimed = claim_deliveries(db, channel, 10, 60s);
    REQUIRE(claimed->size() == 1);
    REQUIRE(mark_failed(db, claimed->front().id, "timeout", now_millis()));
  }
  SECTION("telling is under way") {
    REQUIRE(claim_deliveries(db, channel, 10, 60s)->size() == 1);
  }
  alerts::Expectation e;
  e.value = hash_of(1);
  e.note = "ours";
  const auto explained = put_expectation(db, e);
  REQUIRE(explained);
  CHECK(*explained == std::vector<std::string>{alert.id});
  CHECK((*find_alert(db, alert.id))->state == AlertState::kExpected);
  CHECK_THAT((*find_alert(db, alert.id))->note, ContainsSubstring("ours"));
  CHECK(put_expectation(db, e)->empty());

  // At once, so that nobody waits for what will never be sent.
  if (!told) CHECK(outbox_status(db)->front().pending == 0);
  const auto messages = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(messages);
  CHECK(messages->size() == (told ? 1 : 0));
  for (const auto& m : *messages) {
    CHECK(m.message.type == alerts::event::kResolved);
    CHECK(m.message.alert.state == AlertState::kExpected);
  }
}

TEST_CASE("a message under way when its alert is explained is not retried",
          "[.db][sql][expectations]") {
  test::TestDatabase database;
  auto& db = database.db();
  const auto channel = *add_channel(db, test::channel_of("hook"));
  REQUIRE(*raise_alert(db, test::finding_of(1).alert));
  const auto claimed = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(claimed->size() == 1);
  REQUIRE(put_expectation(
      db, {"", alerts::Expectation::Kind::kTbs, hash_of(1), {}, "", 0}));
  REQUIRE(mark_failed(db, claimed->front().id, "HTTP 500", now_millis() - 1));
  const auto next = claim_deliveries(db, channel, 10, 60s);
  REQUIRE(next->size() == 1);
  CHECK(next->front().message.type == alerts::event::kResolved);
  CHECK(database.run("SELECT state FROM delivery WHERE id = '" +
                     claimed->front().id + "'") == "cancelled");
}

}  // namespace
}  // namespace ct::sql
