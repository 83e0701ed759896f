// What the operator's tools see of a running monitor.
#include <fmt/format.h>
#include <httplib.h>
#include <signal.h>

#include <cmath>
#include <sstream>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

// The operator's port of a running monitor.
class Port {
 public:
  [[nodiscard]] std::string argument() const {
    return fmt::format("127.0.0.1:{}", port_);
  }
  // The body of a 200; else empty.
  std::string get(const char* path) {
    const auto answer = client_.Get(path);
    return answer && answer->status == 200 ? answer->body : "";
  }
  // Of the sample of that name for that log, and of that kind if one is
  // given; NaN: there is none.
  double sample(const std::string& name, const std::string& log,
                const std::string& kind = "") {
    const std::string of_log = fmt::format("log=\"{}\"", log);
    std::istringstream lines(get("/metrics"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + "{") &&
          line.find(of_log) != std::string::npos &&
          line.find(kind) != std::string::npos) {
        return std::stod(line.substr(line.rfind(' ')));
      }
    }
    return std::nan("");
  }

 private:
  const int port_ = free_port();
  httplib::Client client_{"127.0.0.1", port_};
};

}  // namespace

TEST_CASE("health, readiness and metrics answer until it is told to stop",
          "[e2e][running]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.fill(0, 30);
  Monitor monitor;
  Port port;
  const auto arguments =
      run_arguments(logs, {"--http-listen", port.argument()});
  const auto at_the_head = [&](double head) {
    return port.sample("ctvigil_log_position", "log") == head &&
           port.sample("ctvigil_log_lag_entries", "log") == 0;
  };
  {
    const auto running = monitor.start(arguments);
    INFO(running->err());
    CHECK(
        eventually([&] { return port.get("/healthz") == "ok\n"; }, kPatience));
    CHECK(eventually([&] { return port.get("/readyz") == "ready\n"; },
                     kPatience));
    CHECK(eventually([&] { return at_the_head(30); }, kPatience));
    running->signal(SIGTERM);
    CHECK(running->wait(std::chrono::seconds(20)) == 0);
  }
  // Started again, it goes on where it was.
  const auto running = monitor.start(arguments);
  INFO(running->err());
  CHECK(eventually([&] { return at_the_head(30); }, kPatience));
  logs.fill(0, 12);
  CHECK(eventually([&] { return at_the_head(42); }, kPatience));
  CHECK(port.sample("ctvigil_log_entries_total", "log") == 12);
  running->signal(SIGTERM);
  CHECK(running->wait(std::chrono::seconds(20)) == 0);
}

TEST_CASE("metrics tell a lying log and a silent one from a good one",
          "[e2e][running]") {
  FakeLogs logs({rfc6962_log("good", "A"), rfc6962_log("liar", "B"),
                 rfc6962_log("silent", "C")});
  for (const std::size_t i : {0u, 1u, 2u}) logs.fill(i, 20);
  logs.add_fault(1, fault::wrong_root());
  logs.add_fault(2, fault::status(500));
  Monitor monitor;
  Port port;
  const auto running =
      monitor.start(run_arguments(logs, {"--http-listen", port.argument()}));
  INFO(running->err());
  CHECK(eventually(
      [&] { return port.sample("ctvigil_log_position", "good") == 20; },
      kPatience));
  CHECK(eventually(
      [&] {
        return port.sample("ctvigil_log_verification_failures_total", "liar") >=
               1;
      },
      kPatience));
  CHECK(eventually(
      [&] {
        return port.sample("ctvigil_log_fetch_errors_total", "silent",
                           "kind=\"transient\"") >= 1;
      },
      kPatience));
  CHECK(port.sample("ctvigil_log_verification_failures_total", "good") == 0);
  running->signal(SIGTERM);
  CHECK(running->wait(std::chrono::seconds(20)) == 0);
}

}  // namespace ct::test
