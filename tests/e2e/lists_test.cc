// Logs come and go with their list.
#include <signal.h>

#include <fstream>

#include "base/base64.h"
#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

// The list of the fake logs; `edit` is given each log of it, and drops those
// for which it says false.
template <class Edit>
std::string edited_list(const FakeLogs& logs, const Edit& edit) {
  std::ifstream in(logs.list_path());
  Json list = Json::parse(in);
  for (Json& op : list["operators"]) {
    for (const char* kind : {"logs", "tiled_logs"}) {
      Json kept = Json::array();
      for (Json log : op[kind]) {
        if (edit(log)) kept.push_back(log);
      }
      op[kind] = kept;
    }
  }
  return list.dump();
}

void end_with(Json& log, const monitor::demo::PublishedHead& head,
              const Hash& root) {
  log["state"] = {
      {"readonly",
       {{"timestamp", "2026-01-01T00:00:00Z"},
        {"final_tree_head",
         {{"tree_size", head.size}, {"sha256_root_hash", to_base64(root)}}}}}};
}

}  // namespace

TEST_CASE("a log that joins is followed, one that leaves is read to its end",
          "[e2e][lists]") {
  FakeLogs logs({rfc6962_log("first"), rfc6962_log("second")});
  logs.fill(0, 30);
  logs.fill(1, 30);
  Monitor monitor;
  const auto only = [&](const std::string& name) {
    return edited_list(
        logs, [&](const Json& log) { return log["description"] == name; });
  };
  const std::string list = monitor.write("logs.json", only("first"));
  const auto running = monitor.start(
      run_arguments(list, logs.ca_path(), {"--start", "beginning"}));
  REQUIRE(eventually([&] { return monitor.log("first")["position"] == 30; },
                     kPatience));
  CHECK(monitor.log("second").is_null());

  (void)monitor.write("logs.json", only("second"));
  running->signal(SIGHUP);
  REQUIRE(eventually([&] { return monitor.log("second")["position"] == 30; },
                     kPatience));
  REQUIRE(eventually(
      [&] { return monitor.log("first")["state"] == "complete"; }, kPatience));
  CHECK(monitor.log("first")["listed"] == false);
  CHECK(monitor.alerts().empty());
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
}

TEST_CASE(
    "a log that leaves before it was read is read to its end all the same",
    "[e2e][lists]") {
  const bool tiled = GENERATE(false, true);
  FakeLogs logs({tiled ? static_log("leaver") : rfc6962_log("leaver"),
                 rfc6962_log("stayer")});
  logs.fill(0, 300);
  logs.add_precert(0, "last.ours.example");
  // Its heads are to be had, its entries are not.
  const std::string entries = tiled ? "tile/data" : "ct/v1/get-entries";
  logs.add_fault(0, fault::status(503, "1"), entries);
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  const auto listed = [&](const std::string& left_out) {
    return edited_list(
        logs, [&](const Json& log) { return log["description"] != left_out; });
  };
  const std::string list = monitor.write("logs.json", listed("nobody"));
  const auto arguments =
      run_arguments(list, logs.ca_path(), {"--start", "beginning"});
  {
    const auto running = monitor.start(arguments);
    REQUIRE(
        eventually([&] { return logs.requests(0, entries) > 0; }, kPatience));
    (void)monitor.write("logs.json", listed("leaver"));
    running->signal(SIGHUP);
    REQUIRE(
        eventually([&] { return monitor.log("leaver")["state"] == "draining"; },
                   kPatience));
    CHECK(monitor.log("leaver")["position"] == 0);
    running->signal(SIGTERM);
    CHECK(running->wait() == 0);
  }
  // A restart does not make it forget what it owes.
  logs.clear_faults(0);
  const auto running = monitor.start(arguments);
  REQUIRE(eventually(
      [&] { return monitor.log("leaver")["state"] == "complete"; }, kPatience));
  CHECK(monitor.log("leaver")["position"] == 301);
  CHECK(names_of(monitor.alerts()) ==
        std::vector<std::string>{"last.ours.example"});
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
}

TEST_CASE("a readonly log is read to its final head, whose root must hold",
          "[e2e][lists]") {
  FakeLogs logs({rfc6962_log("good"), rfc6962_log("bad")});
  logs.fill(0, 30);
  logs.fill(1, 30);
  Monitor monitor;
  const std::string list =
      monitor.write("logs.json", edited_list(logs, [&](Json& log) {
                      const bool good = log["description"] == "good";
                      const auto head = logs.log(good ? 0 : 1).head();
                      Hash root = head.root;
                      if (!good) root[0] ^= 1;
                      end_with(log, head, root);
                      return true;
                    }));
  const Outcome run = monitor.run(
      run_arguments(list, logs.ca_path(), {"--start", "beginning", "--once"}));
  INFO(run.err);
  CHECK(run.code == 2);
  CHECK(monitor.log("good")["state"] == "complete");
  CHECK(monitor.log("good")["position"] == 30);
  const Json lies = monitor.alerts({"--kind", "log_root_mismatch"});
  REQUIRE(lies.size() == 1);
  CHECK(lies[0]["log"] == "bad");
}

TEST_CASE("without a log list it says what to do", "[e2e][lists]") {
  Monitor monitor;
  // No way out, whatever the machine has.
  monitor.environment["https_proxy"] = "http://127.0.0.1:1";
  monitor.environment["HTTPS_PROXY"] = "http://127.0.0.1:1";
  const Outcome once = monitor.run({"run", "--once"});
  INFO(once.err);
  CHECK(once.code == 1);

  const auto running = monitor.start({"run"});
  REQUIRE(eventually(
      [&] { return running->err().find("ctvigil demo") != std::string::npos; },
      kPatience));
  CHECK_THAT(running->err(), ContainsSubstring("--log-list"));
  CHECK_FALSE(running->ended());
  running->signal(SIGTERM);
  CHECK(running->wait() == 0);
}

}  // namespace ct::test
