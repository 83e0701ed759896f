// What the operator's tools see of a running monitor.
#include <fmt/format.h>
#include <httplib.h>
#include <signal.h>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {

TEST_CASE("health, readiness and metrics answer until it is told to stop",
          "[e2e][running]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.fill(0, 30);
  Monitor monitor;
  const int port = free_port();
  const auto running = monitor.start(run_arguments(
      logs, {"--http-listen", fmt::format("127.0.0.1:{}", port)}));
  httplib::Client client("127.0.0.1", port);
  const auto get = [&](const char* path) -> std::string {
    const auto answer = client.Get(path);
    return answer && answer->status == 200 ? answer->body : "";
  };
  INFO(running->err());
  CHECK(eventually([&] { return get("/healthz") == "ok\n"; }, kPatience));
  CHECK(eventually([&] { return get("/readyz") == "ready\n"; }, kPatience));
  std::string metrics;
  const auto has = [&](const std::string& name, const std::string& value) {
    const auto at = metrics.find("\n" + name + "{");
    return at != std::string::npos &&
           metrics.substr(at + 1, metrics.find('\n', at + 1) - at - 1)
               .ends_with("} " + value);
  };
  CHECK(eventually(
      [&] {
        metrics = get("/metrics");
        return has("ctvigil_log_position", "30") &&
               has("ctvigil_log_lag_entries", "0");
      },
      kPatience));
  INFO(metrics);
  CHECK(has("ctvigil_log_position", "30"));
  CHECK(has("ctvigil_log_lag_entries", "0"));

  running->signal(SIGTERM);
  CHECK(running->wait(std::chrono::seconds(20)) == 0);
}

}  // namespace ct::test
