#include "monitor/deliverer.h"

#include <set>

#include "alerts/channel.h"
#include "sql/alerts.h"
#include "tests/support/catch.h"
#include "tests/support/receiver.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::monitor {
namespace {

using std::chrono::milliseconds;

TEST_CASE("pauses grow to the last, and differ by a fifth at most",
          "[monitor][deliverer]") {
  const DeliveryTiming t{
      .poll = milliseconds(1),
      .claim = milliseconds(1),
      .pauses = {milliseconds(100), milliseconds(1000), milliseconds(5000)}};
  CHECK(retry_pause(t, 1, 0.5) == milliseconds(100));
  CHECK(retry_pause(t, 2, 0.5) == milliseconds(1000));
  CHECK(retry_pause(t, 3, 0.5) == milliseconds(5000));
  CHECK(retry_pause(t, 4'000'000'000u, 0.5) == milliseconds(5000));
  CHECK(retry_pause(t, 0, 0.5) == milliseconds(100));
  CHECK(retry_pause(t, 2, 0.0) == milliseconds(800));
  CHECK(retry_pause(t, 2, 1.0) == milliseconds(1200));
}

struct Fixture {
  test::TlsIdentity tls;
  test::TestDatabase database;
  Config config;
  DeliveryTiming hurry{.poll = milliseconds(20),
                       .claim = milliseconds(60'000),
                       .pauses = {milliseconds(30), milliseconds(60)}};
  // No second attempt within a test's time.
  DeliveryTiming patient{.poll = milliseconds(20),
                         .claim = milliseconds(60'000),
                         .pauses = {std::chrono::hours(1)}};

  void add(const std::string& name, const std::string& url) {
    alerts::Channel c;
    c.name = name;
    c.type = alerts::ChannelType::kWebhook;
    c.target = url;
    c.secret = alerts::new_webhook_secret();
    c.ca_file = tls.ca_file();
    c.allowed_private_hosts = {"localhost"};
    const auto id = sql::add_channel(database.db(), c);
    REQUIRE(id);
  }
  // Queues a message for every channel.
  void raise(const std::string& id) {
    alerts::Alert alert;
    alert.id = id;
    alert.kind = alerts::kind::kLogLag;
    alert.severity = alerts::Severity::kHigh;
    alert.title = "a log lags";
    alert.log_id = Hash{};
    const auto raised = sql::raise_alert(database.db(), alert);
    REQUIRE(raised);
    REQUIRE(*raised);
  }
  sql::OutboxStatus outbox(const std::string& channel) {
    const auto all = sql::outbox_status(database.db());
    REQUIRE(all);
    for (const auto& s : *all) {
      if (s.channel == channel) return s;
    }
    FAIL("no channel " << channel);
    return {};
  }
};

TEST_CASE_METHOD(Fixture, "a message waits for a dead receiver to come back",
                 "[.db][monitor][deliverer]") {
  int port = 0;
  {
    const test::Receiver reserved(&tls);
    port = reserved.port();
  }
  add("soc", "https://localhost:" + std::to_string(port) + "/hook");
  raise("aaaa01");
  Deliverer deliverer(config, database.url(), hurry);
  REQUIRE(test::eventually([&] { return !outbox("soc").last_error.empty(); }));
  CHECK(outbox("soc").pending == 1);

  const test::Receiver back(&tls, port);
  REQUIRE(test::eventually([&] { return outbox("soc").delivered == 1; }));
  CHECK(back.received().size() == 1);
}

TEST_CASE_METHOD(Fixture, "every attempt has the same id",
                 "[.db][monitor][deliverer]") {
  test::Receiver receiver(&tls);
  receiver.answer({.status = 503, .body = ""});
  add("soc", receiver.url("/hook"));
  raise("aaaa02");
  Deliverer deliverer(config, database.url(), hurry);
  REQUIRE(receiver.wait_for(3));
  receiver.answer({});
  REQUIRE(test::eventually([&] { return outbox("soc").delivered == 1; }));
  std::set<std::string> ids;
  for (auto& request : receiver.received()) {
    ids.insert(request.headers["webhook-id"]);
  }
  CHECK(ids.size() == 1);
  CHECK(outbox("soc").last_error.empty());
}

TEST_CASE_METHOD(Fixture, "a channel that hangs delays no other",
                 "[.db][monitor][deliverer]") {
  test::Receiver hangs(&tls), works(&tls);
  hangs.answer({.hang = true});
  add("hangs", hangs.url("/hook"));
  add("works", works.url("/hook"));
  raise("aaaa03");
  Deliverer deliverer(config, database.url(), patient);
  REQUIRE(hangs.wait_for(1));
  REQUIRE(test::eventually([&] { return outbox("works").delivered == 1; }));
  raise("aaaa04");
  REQUIRE(test::eventually([&] { return outbox("works").delivered == 2; }));
  // Still at its first message, which nobody has answered.
  CHECK(hangs.received().size() == 1);
  CHECK(outbox("hangs").last_error.empty());

  // Ended by the stop, not by the attempt's own limit of 30 seconds.
  deliverer.stop();
  CHECK_THAT(outbox("hangs").last_error, ContainsSubstring("stopped"));
  CHECK(outbox("hangs").due == 2);
}

TEST_CASE_METHOD(Fixture,
                 "what a channel may never get is a dead letter, and "
                 "the others hear of it",
                 "[.db][monitor][deliverer]") {
  test::Receiver gone(&tls), works(&tls);
  gone.answer({.status = 410, .body = ""});
  add("gone", gone.url("/hook"));
  add("works", works.url("/hook"));
  raise("aaaa05");
  Deliverer deliverer(config, database.url(), patient);
  REQUIRE(test::eventually([&] { return outbox("gone").dead == 1; }));
  REQUIRE(test::eventually([&] { return outbox("works").delivered == 2; }));
  bool told = false;
  for (const auto& request : works.received()) {
    told = told || request.body.find("delivery_failed") != std::string::npos;
  }
  CHECK(told);
  const auto channels = sql::load_channels(database.db());
  REQUIRE(channels);
  for (const auto& c : *channels) CHECK(c.enabled == (c.name == "works"));
  CHECK(gone.received().size() == 1);
}

TEST_CASE_METHOD(Fixture, "a message too old is given up, and can be revived",
                 "[.db][monitor][deliverer]") {
  test::Receiver receiver(&tls);
  receiver.answer({.status = 500, .body = ""});
  add("soc", receiver.url("/hook"));
  raise("aaaa06");
  config.dead_letter_after = milliseconds(0);
  Deliverer deliverer(config, database.url(), hurry);
  // The message, and the alert that it was given up, which breeds no other.
  REQUIRE(test::eventually([&] { return outbox("soc").dead == 2; }));
  CHECK(outbox("soc").pending == 0);
  receiver.answer({});
  const auto revived = sql::redeliver(database.db(), "");
  REQUIRE(revived);
  CHECK(*revived == 2);
  REQUIRE(test::eventually([&] { return outbox("soc").delivered == 2; }));
}

TEST_CASE_METHOD(Fixture, "Retry-After puts the next attempt off",
                 "[.db][monitor][deliverer]") {
  test::Receiver receiver(&tls);
  receiver.answer(
      {.status = 429, .body = "", .headers = {{"Retry-After", "7200"}}});
  add("soc", receiver.url("/hook"));
  raise("aaaa07");
  raise("aaaa08");
  Deliverer deliverer(config, database.url(), hurry);
  REQUIRE(test::eventually([&] { return !outbox("soc").last_error.empty(); }));
  // The whole channel rests: others are not tried either, while
  // another channel gets its own.
  test::Receiver other(&tls);
  add("other", other.url("/hook"));
  raise("aaaa15");
  REQUIRE(test::eventually([&] { return outbox("other").delivered == 1; }));
  CHECK(receiver.received().size() == 1);
  CHECK(outbox("soc").due == 2);
  CHECK(database.run("SELECT count(*) FROM delivery WHERE next_attempt_at > "
                     "now() + interval '1 hour'") == "1");
}

TEST_CASE_METHOD(Fixture, "channels come and go while it runs",
                 "[.db][monitor][deliverer]") {
  test::Receiver first(&tls), second(&tls);
  Deliverer deliverer(config, database.url(), hurry);
  add("first", first.url("/hook"));
  raise("aaaa09");
  REQUIRE(test::eventually([&] { return outbox("first").delivered == 1; }));
  REQUIRE(sql::remove_channel(database.db(), "first"));
  add("second", second.url("/hook"));
  raise("aaaa10");
  REQUIRE(test::eventually([&] { return outbox("second").delivered == 1; }));
  CHECK(first.received().size() == 1);
}

TEST_CASE_METHOD(Fixture, "draining delivers what is due and leaves the rest",
                 "[.db][monitor][deliverer]") {
  test::Receiver works(&tls), fails(&tls);
  fails.answer({.status = 500, .body = ""});
  add("works", works.url("/hook"));
  add("fails", fails.url("/hook"));
  for (const char* id : {"aaaa11", "aaaa12", "aaaa13"}) raise(id);
  // It would look by itself in an hour only.
  patient.poll = std::chrono::hours(1);
  Deliverer deliverer(config, database.url(), patient);
  deliverer.drain(std::chrono::minutes(1));
  CHECK(works.received().size() == 3);
  CHECK(outbox("works").delivered == 3);
  CHECK(fails.received().size() == 3);
  CHECK(outbox("fails").pending == 3);
  CHECK(outbox("fails").due == 0);

  raise("aaaa14");
  deliverer.drain(std::chrono::minutes(1));
  CHECK(works.received().size() == 4);
  deliverer.stop();
  deliverer.drain(std::chrono::minutes(1));  // returns
}

TEST_CASE("a deliverer without a database waits, and stops",
          "[monitor][deliverer]") {
  const test::TempDir empty;
  Deliverer deliverer({}, "host=" + empty.path() + " user=nobody",
                      {.poll = milliseconds(20)});
  deliverer.drain(milliseconds(100));
  deliverer.stop();
  SUCCEED();
}

}  // namespace
}  // namespace ct::monitor
