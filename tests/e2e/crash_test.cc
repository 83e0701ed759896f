// Whatever dies, nothing is lost and nothing doubled.
#include <fmt/format.h>
#include <signal.h>

#include <fstream>
#include <random>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"
#include "tests/support/tls_identity.h"

namespace ct::test {
namespace {

// Every hundredth certificate is for a name of ours.
std::vector<std::string> fill_with_ours(FakeLogs& logs, std::size_t i,
                                        int hundreds) {
  std::vector<std::string> names;
  for (int n = 0; n < hundreds; ++n) {
    logs.fill(i, 99);
    names.push_back(fmt::format("n{:03}.ours.example", n));
    logs.add_precert(i, names.back());
  }
  return names;
}

// First line of the private server's lock file.
pid_t postmaster(const Monitor& monitor) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(monitor.file("state"))) {
    if (entry.path().filename() != "postmaster.pid") continue;
    std::ifstream in(entry.path());
    pid_t pid = -1;
    in >> pid;
    return pid;
  }
  return -1;
}

}  // namespace

TEST_CASE("killed again and again, it finds everything exactly once",
          "[e2e][crash]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  const auto names = fill_with_ours(logs, 0, 40);
  logs.fill(1, 3000);
  // Slow enough for the kills to hit the middle of the backlog.
  for (const std::size_t i : {0u, 1u}) {
    logs.add_fault(i, fault::delayed(std::chrono::milliseconds(50)));
  }
  Monitor monitor;
  monitor.environment["CTVIGIL_DOWNLOADS_PER_LOG"] = "1";
  const TlsIdentity tls;
  const Receiver receiver(&tls);
  monitor.ok({"watch", "add", "ours.example"});
  monitor.add_webhook("soc", receiver.url("/ct"), tls.ca_file());

  std::mt19937 random(std::random_device{}());
  for (int round = 0; round < 4; ++round) {
    const std::size_t before = logs.requests(0);
    const auto program = monitor.start(run_arguments(logs));
    const std::size_t after = before + 1 + random() % 12;
    CAPTURE(round, after - before);
    CHECK(eventually([&] { return logs.requests(0) >= after; }, kPatience));
    program->kill();
  }
  logs.clear_faults(0);
  logs.clear_faults(1);
  monitor.ok(run_arguments(logs, {"--once"}));

  CHECK(names_of(monitor.alerts()) == names);
  CHECK(monitor.log("old")["position"] == logs.log(0).head().size);
  CHECK(monitor.log("new")["position"] == logs.log(1).head().size);
  CHECK(monitor.json({"coverage", "ours.example"})["covered"] == true);
  // At least once each, a repeat under the same id.
  std::map<std::string, std::string> by_id;
  for (const auto& request : receiver.received()) {
    const Json message = checked_message(request);
    by_id[message["id"]] = message["data"]["names"][0];
  }
  CHECK(by_id.size() == names.size());
}

TEST_CASE("its Postgres is killed in a backlog, and nothing is lost",
          "[e2e][crash]") {
  FakeLogs logs({rfc6962_log("log")});
  const auto names = fill_with_ours(logs, 0, 40);
  // Slow enough for the server to die in the middle of it.
  logs.add_fault(0, fault::delayed(std::chrono::milliseconds(20)),
                 "ct/v1/get-entries");
  Monitor monitor;
  monitor.environment["CTVIGIL_DOWNLOADS_PER_LOG"] = "1";
  monitor.ok({"watch", "add", "ours.example"});
  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(eventually([&] { return logs.requests(0, "ct/v1/get-entries") >= 4; },
                     kPatience));
  const pid_t server = postmaster(monitor);
  REQUIRE(server > 1);
  REQUIRE(::kill(server, SIGKILL) == 0);
  CHECK(logs.requests(0, "ct/v1/get-entries") < 16);
  INFO(running->err());
  // The command may itself come before the server is back.
  REQUIRE(eventually(
      [&] {
        const Outcome o = monitor.run({"alerts", "list", "--all", "--json"});
        return o.code == 0 && Json::parse(o.out).size() == names.size();
      },
      kPatience));
  CHECK(names_of(monitor.alerts()) == names);
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
  CHECK(monitor.log("log")["position"] == 4000);
}

TEST_CASE("its Postgres is killed under it, and it goes on", "[e2e][crash]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.fill(0, 50);
  logs.add_precert(0, "before.ours.example");
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(eventually([&] { return monitor.alerts().size() == 1; }, kPatience));

  const pid_t server = postmaster(monitor);
  REQUIRE(server > 1);
  REQUIRE(::kill(server, SIGKILL) == 0);
  logs.fill(0, 50);
  logs.add_precert(0, "after.ours.example");
  INFO(running->err());
  // The command may itself come before the server is back.
  REQUIRE(eventually(
      [&] {
        const Outcome o = monitor.run({"alerts", "list", "--all", "--json"});
        return o.code == 0 && Json::parse(o.out).size() == 2;
      },
      kPatience));
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"after.ours.example", "before.ours.example"});
  CHECK_FALSE(running->ended());
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
  CHECK(monitor.log("log")["position"] == 102);
}

TEST_CASE("from the head on, the position outlives a restart", "[e2e][crash]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.fill(0, 100);
  logs.add_precert(0, "old.ours.example");
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  const auto from_head =
      run_arguments(logs.list_path(), logs.ca_path(), {"--once"});
  monitor.ok(from_head);
  CHECK(monitor.alerts().empty());
  CHECK(monitor.log("log")["start"] == 101);
  CHECK(monitor.log("log")["position"] == 101);

  logs.add_precert(0, "new.ours.example");
  monitor.ok(from_head);
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"new.ours.example"});
  CHECK(monitor.log("log")["start"] == 101);
  CHECK(monitor.log("log")["position"] == 102);
}

TEST_CASE("from a date on, what may be younger is read", "[e2e][crash]") {
  // Entries may come up to an MMD late, so that much earlier it starts.
  auto options = rfc6962_log("log");
  options.mmd = 3600;
  FakeLogs logs({options});
  const auto spec = [](std::string_view name) {
    monitor::demo::CertificateSpec s;
    s.common_name = name;
    s.names = monitor::demo::dns_names({name});
    return s;
  };
  const Millis old = 1'760'000'000'000;    // 2025-10-09
  const Millis young = 1'762'000'000'000;  // 2025-11-01
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("n{:02}.ours.example", i);
    logs.log(0).add(
        monitor::demo::precert_submission(logs.ca().precertify(spec(name))),
        (i < 10 ? old : young) + i * 1000);
  }
  logs.log(0).publish();
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  monitor.ok(run_arguments(logs.list_path(), logs.ca_path(),
                           {"--once", "--start", "2025-10-20"}));
  CHECK(monitor.log("log")["start"] == 10);
  CHECK(monitor.alerts().size() == 10);
}

}  // namespace ct::test
