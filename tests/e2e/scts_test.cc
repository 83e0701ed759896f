// SCTs of all final certificates: run --verify-scts all.
#include <fmt/format.h>
#include <httplib.h>

#include "base/base64.h"
#include "tests/e2e/harness.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

using monitor::demo::final_submission;
using monitor::demo::Issuance;
using monitor::demo::precert_submission;
using monitor::demo::PrecertSigner;

constexpr int kGood = 20;

// Final certificates in a log of either kind, or in the second alone, each
// with an SCT of both; in one of them that of "one" is damaged.
class SctLogs {
 public:
  explicit SctLogs(std::vector<std::size_t> finals_in = {0, 1})
      : finals_in_(std::move(finals_in)) {
    for (int n = 0; n < kGood; ++n) {
      const auto issuance = issue(fmt::format("host{}.example", n));
      add_final(issuance, {sct(0, issuance), sct(1, issuance)});
    }
    add_damaged();
  }
  void add_damaged() {
    const auto issuance = issue("damaged.example");
    bad_sct = sct(0, issuance);
    bad_sct[40] ^= 1;  // within the timestamp
    bad_certificate = add_final(issuance, {sct(1, issuance), bad_sct});
    for (const std::size_t i : {0u, 1u}) logs.log(i).publish();
  }

  FakeLogs logs{{rfc6962_log("one", "A"), static_log("two", "B")}};
  Bytes bad_sct, bad_certificate;

 private:
  Issuance issue(std::string_view name) {
    monitor::demo::CertificateSpec spec;
    spec.names = monitor::demo::dns_names({name});
    const auto signer = ++issued_ % 2 == 0 ? PrecertSigner::kPrecertSigningCa
                                           : PrecertSigner::kIssuer;
    return logs.ca().precertify(spec, signer);
  }
  Bytes sct(std::size_t i, const Issuance& issuance) {
    return logs.log(i).add(precert_submission(issuance)).sct;
  }
  Bytes add_final(const Issuance& issuance, const std::vector<Bytes>& scts) {
    const Bytes der = logs.ca().finish(issuance, scts);
    for (const std::size_t i : finals_in_) {
      logs.log(i).add(final_submission(der, logs.ca().chain()));
    }
    return der;
  }
  const std::vector<std::size_t> finals_in_;
  int issued_ = 0;
};

// What `run` says at its end.
std::string checked(const Outcome& once) {
  const auto at = once.err.find("SCTs checked");
  if (at == std::string::npos) return "";
  return once.err.substr(at, once.err.find('\n', at) - at);
}
std::string counts(int valid, int bad, int unchecked) {
  return fmt::format(
      "SCTs checked valid={} bad_signature={} unknown_log=0 unreadable=0 "
      "unchecked={}",
      valid, bad, unchecked);
}

}  // namespace

TEST_CASE("one alert for a log whose SCTs do not hold, however many",
          "[e2e][scts]") {
  SctLogs scene;
  Monitor monitor;
  const auto once =
      run_arguments(scene.logs, {"--once", "--verify-scts", "all"});
  const Outcome first = monitor.run(once);
  INFO(first.err);
  REQUIRE(first.code == 0);
  CHECK(checked(first) == counts(4 * kGood + 2, 2, 0));
  const Json alerts = monitor.alerts();
  INFO(alerts.dump(1));
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0]["kind"] == "log_bad_sct");
  CHECK(alerts[0]["severity"] == "medium");
  CHECK(alerts[0]["log"] == "one");
  CHECK(alerts[0]["log_id"] == to_base64(scene.logs.info(0).log_id));
  CHECK(alerts[0]["reason"].get<std::string>().find("Fake Trust") !=
        std::string::npos);
  REQUIRE(alerts[0]["sightings"].size() == 1);

  const Json full =
      monitor.json({"alerts", "show", alerts[0]["id"].get<std::string>()});
  const Json& evidence = full["evidence"];
  CHECK(evidence["certificate"] == to_base64(scene.bad_certificate));
  CHECK(evidence["sct"] == to_base64(scene.bad_sct));
  CHECK(evidence["issuer"] == to_base64(scene.logs.ca().intermediate()));
  CHECK(evidence["log_id"] == full["sightings"][0]["log_id"]);
  CHECK(evidence["leaf_index"] == full["sightings"][0]["leaf_index"]);
  CHECK_FALSE(full["sightings"][0]["inclusion_proof"].empty());

  INFO("more of them, met by another process");
  scene.add_damaged();
  const Outcome second = monitor.run(once);
  CHECK(checked(second) == counts(2, 2, 0));
  CHECK(monitor.alerts().size() == 1);

  INFO("those of matches only, unless asked for");
  Monitor other;
  const Outcome matches = other.run(run_arguments(scene.logs, {"--once"}));
  CHECK(matches.code == 0);
  CHECK(checked(matches).empty());
  CHECK(other.alerts().empty());
}

TEST_CASE("metrics count the SCTs of every log", "[e2e][scts]") {
  SctLogs scene;
  scene.logs.log(1).add(final_submission(scene.bad_certificate, {}));
  scene.logs.log(1).publish();
  Monitor monitor;
  monitor.environment["CTVIGIL_VERIFY_SCTS"] = "all";
  const int port = free_port();
  const auto running = monitor.start(run_arguments(
      scene.logs, {"--http-listen", fmt::format("127.0.0.1:{}", port)}));
  httplib::Client client("127.0.0.1", port);
  const auto has = [&](const std::string& log, const std::string& result,
                       int count) {
    const auto answer = client.Get("/metrics");
    if (!answer) return false;
    const auto& info = scene.logs.info(log == "one" ? 0 : 1);
    return answer->body.find(fmt::format(
               "ctvigil_scts_total{{log=\"{}\",log_id=\"{}\",operator=\"{}\","
               "result=\"{}\"}} {}\n",
               log, to_base64(info.log_id), info.operator_name, result,
               count)) != std::string::npos;
  };
  CHECK(eventually([&] { return has("one", "bad_signature", 2); }, kPatience));
  CHECK(eventually([&] { return has("two", "valid", 2 * kGood + 2); },
                   kPatience));
  CHECK(has("one", "valid", 2 * kGood));
  // In an entry without a chain.
  CHECK(has("one", "unchecked", 1));
  CHECK(has("two", "unchecked", 1));
  CHECK_FALSE(has("two", "bad_signature", 0));
  running->signal(SIGTERM);
  CHECK(running->wait(std::chrono::seconds(20)) == 0);
}

TEST_CASE("a log that has lost its issuers is read all the same",
          "[e2e][scts]") {
  SctLogs scene({1});
  scene.logs.add_fault(1, fault::status(404), "issuer/");
  const auto run =
      run_arguments(scene.logs, {"--once", "--verify-scts", "all"});
  {
    Monitor monitor;
    const Outcome once = monitor.run(run);
    INFO(once.err);
    CHECK(once.code == 0);
    CHECK(checked(once) == counts(0, 0, 2 * kGood + 2));
    CHECK(monitor.alerts().empty());
    CHECK(monitor.log("two")["position"] == scene.logs.log(1).size());
  }
  scene.logs.clear_faults(1);
  const auto asked = scene.logs.requests(1, "issuer/");
  Monitor monitor;
  const Outcome once = monitor.run(run);
  INFO(once.err);
  CHECK(checked(once) == counts(2 * kGood + 1, 1, 0));
  CHECK(monitor.alerts().size() == 1);
  // Once for all certificates, and once for the evidence.
  CHECK(scene.logs.requests(1, "issuer/") == asked + 2);
}

}  // namespace ct::test
