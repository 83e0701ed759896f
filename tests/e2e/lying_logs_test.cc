// Logs that lie are stopped, alone; logs that stumble are read on.
#include <signal.h>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"
#include "tests/support/tls_identity.h"

namespace ct::test {
TEST_CASE("a log whose entry is another is stopped alone, and can be resumed",
          "[e2e][lying_logs]") {
  const bool tiled = GENERATE(false, true);
  FakeLogs logs({tiled ? static_log("liar") : rfc6962_log("liar"),
                 rfc6962_log("honest")});
  logs.fill(0, 40);
  logs.add_precert(0, "liar.ours.example");
  logs.fill(1, 40);
  logs.add_precert(1, "honest.ours.example");
  logs.add_fault(0, fault::flip_entry(7));
  Monitor monitor;
  const TlsIdentity tls;
  const Receiver receiver(&tls);
  monitor.ok({"watch", "add", "ours.example"});
  monitor.add_webhook("soc", receiver.url("/ct"), tls.ca_file());

  const auto once = run_arguments(logs, {"--once"});
  const Outcome run = monitor.run(once);
  INFO(run.err);
  CHECK(run.code == 2);
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"honest.ours.example"});
  const Json lies = monitor.alerts({"--kind", "log_root_mismatch"});
  REQUIRE(lies.size() == 1);
  CHECK(lies[0]["log"] == "liar");
  const Json full = monitor.json({"alerts", "show", lies[0]["id"]});
  CHECK(full["evidence"]["head"]["size"] == 41);
  CHECK(full["evidence"]["leaf_hashes"].size() == 41);
  CHECK(receiver.received().size() == 2);
  CHECK(monitor.log("honest")["position"] == 41);
  CHECK(monitor.log("liar")["state"] == "stopped");
  CHECK_FALSE(monitor.json({"status"})["ok"]);

  // Stopped it stays, until somebody has looked.
  logs.clear_faults(0);
  CHECK(monitor.run(once).code == 2);
  monitor.ok({"logs", "resume", "liar", "--why", "the log was repaired"});
  monitor.ok(once);
  CHECK(monitor.log("liar")["position"] == 41);
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"honest.ours.example", "liar.ours.example"});
}

TEST_CASE("two trees of one size are a fork", "[e2e][lying_logs]") {
  FakeLogs logs({rfc6962_log("forked")});
  logs.fill(0, 20);
  logs.add_fault(0, fault::fork());
  Monitor monitor;
  const auto running = monitor.start(run_arguments(logs));
  Json forks;
  CHECK(eventually(
      [&] {
        forks = monitor.alerts({"--kind", "log_fork"});
        return forks.size() == 1;
      },
      kPatience));
  REQUIRE(forks.size() == 1);
  const Json full = monitor.json({"alerts", "show", forks[0]["id"]});
  REQUIRE(full["evidence"]["heads"].size() == 2);
  CHECK(full["evidence"]["heads"][0]["root"] !=
        full["evidence"]["heads"][1]["root"]);
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
}

TEST_CASE("a head whose signature is not good stops its log",
          "[e2e][lying_logs]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  for (const std::size_t i : {0u, 1u}) {
    logs.fill(i, 20);
    logs.add_fault(i, fault::bad_signature());
  }
  Monitor monitor;
  const Outcome run = monitor.run(run_arguments(logs, {"--once"}));
  INFO(run.err);
  CHECK(run.code == 2);
  CHECK(monitor.alerts({"--kind", "log_bad_signature"}).size() == 2);
}

TEST_CASE("a head that stands still or goes back is no fault",
          "[e2e][stumbling_logs]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  logs.fill(0, 20);
  logs.fill(1, 20);
  Monitor monitor;
  const auto once = run_arguments(logs, {"--once"});
  monitor.ok(once);
  logs.add_fault(0, fault::frozen(logs.log(0)));
  logs.fill(0, 20);
  logs.add_fault(1, fault::backwards(5));
  monitor.ok(once);
  logs.clear_faults(0);
  logs.clear_faults(1);
  logs.fill(1, 5);
  monitor.ok(once);
  CHECK(monitor.log("old")["position"] == 40);
  CHECK(monitor.log("new")["position"] == 25);
  CHECK(monitor.alerts().empty());
}

TEST_CASE("answers that are none are survived", "[e2e][stumbling_logs]") {
  FakeLogs logs({rfc6962_log("old", "A"), static_log("new", "B")});
  for (const std::size_t i : {0u, 1u}) {
    logs.fill(i, 300);
    logs.add_precert(i, i == 0 ? "old.ours.example" : "new.ours.example");
  }
  struct Case {
    const char* what;
    Fault fault;
  };
  const Case one = GENERATE_REF(
      from_range(std::vector<Case>{{"429", fault::status(429, "1")},
                                   {"503", fault::status(503)},
                                   {"a web page", fault::html()},
                                   {"half an answer", fault::truncated()},
                                   {"half a connection", fault::cut_off()}}));
  CAPTURE(one.what);
  for (const std::size_t i : {0u, 1u}) {
    logs.add_fault(i, one.fault, "", 1);  // the head
    logs.add_fault(i, one.fault, i == 0 ? "ct/v1/get-entries" : "tile/data", 1);
  }
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  monitor.ok(run_arguments(logs, {"--once"}));
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"new.ours.example", "old.ours.example"});
}

TEST_CASE("a log that hangs slows only itself, and not the end",
          "[e2e][stumbling_logs]") {
  FakeLogs logs({rfc6962_log("dead", "A"), rfc6962_log("alive", "B")});
  logs.fill(0, 20);
  logs.fill(1, 20);
  logs.add_precert(1, "www.ours.example");
  logs.add_fault(0, fault::hang());
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(eventually([&] { return monitor.alerts().size() == 1; }, kPatience));
  REQUIRE(eventually([&] { return logs.requests(0) >= 1; }, kPatience));
  // Waiting for an answer takes far longer than the end may.
  running->signal(SIGTERM);
  CHECK(running->wait(std::chrono::seconds(20)) == 0);
}

}  // namespace ct::test
