// From a log's entry to the security team's desk.
#include <fmt/format.h>

#include <set>

#include "tests/e2e/harness.h"
#include "tests/support/catch.h"
#include "tests/support/tls_identity.h"
#include "x509/certificate.h"

namespace ct::test {
namespace {

using monitor::demo::CertificateSpec;
using monitor::demo::dns_names;
using monitor::demo::final_submission;

CertificateSpec spec_for(std::string_view name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.names = dns_names({name});
  return spec;
}

// The final certificate of an issuance, into log `i`.
Bytes add_final(FakeLogs& logs, std::size_t i,
                const monitor::demo::Issuance& issuance) {
  Bytes der = logs.ca().finish(issuance, {});
  logs.log(i).add(final_submission(der, logs.ca().chain()));
  logs.log(i).publish();
  return der;
}

std::string sorted_keys(const Json& object) {
  std::string out;
  for (const auto& [key, value] : object.items()) out += key + " ";
  return out;
}

}  // namespace

TEST_CASE("one alert for an issuance, in logs of both kinds, told once",
          "[e2e][findings]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  logs.fill(0, 300);
  logs.fill(1, 300);
  const auto issuance = logs.add_precert(0, "www.ours.example");
  logs.fill(0, 20);
  add_final(logs, 0, issuance);
  add_final(logs, 1, issuance);
  logs.add_precert(1, "expected.theirs.example");
  logs.fill(1, 20);

  Monitor monitor;
  const TlsIdentity tls;
  const Receiver receiver(&tls);
  monitor.ok({"watch", "add", "ours.example"});
  monitor.ok(
      {"watch", "add", "theirs.example", "--allow-issuer", "Fake Trust"});
  monitor.add_webhook("soc", receiver.url("/ct"), tls.ca_file());
  const auto once = run_arguments(logs, {"--once"});
  monitor.ok(once);

  const Json alerts = monitor.alerts();
  INFO(alerts.dump(1));
  REQUIRE(
      names_of(alerts) ==
      std::vector<std::string>{"expected.theirs.example", "www.ours.example"});
  for (const Json& alert : alerts) {
    CHECK(sorted_keys(alert) ==
          "all_names certificate_sha256 created id issuer issuer_name "
          "issuer_spki_sha256 key kind log log_id names not_after not_before "
          "note notes omitted reason scts serial severity sightings "
          "spki_sha256 state subject tags tbs_sha256 title updated watch "
          "watch_id ");
    CHECK(alert["kind"] == "unexpected_certificate");
    const bool ours = alert["names"][0] == "www.ours.example";
    CHECK(alert["state"] == (ours ? "open" : "expected"));
    CHECK(alert["sightings"].size() == (ours ? 3 : 1));
  }
  REQUIRE(receiver.wait_for(1));
  REQUIRE(receiver.received().size() == 1);
  const Json message = checked_message(receiver.received().front());
  CHECK(message["type"] == "alert.opened");
  CHECK(names_of(Json::array({message["data"]})) ==
        std::vector<std::string>{"www.ours.example"});
  const Json coverage = monitor.json({"coverage", "ours.example"});
  CHECK(coverage["covered"] == true);

  // Nothing is new.
  monitor.ok(once);
  CHECK(monitor.alerts().size() == 2);
  CHECK(receiver.received().size() == 1);
}

TEST_CASE("watches and expectations apply to a running monitor",
          "[e2e][findings]") {
  const bool tiled = GENERATE(false, true);
  FakeLogs logs({tiled ? static_log("log") : rfc6962_log("log")});
  logs.add_precert(0, "early.ours.example");
  Monitor monitor;
  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(eventually([&] { return monitor.log("log")["position"] == 1; },
                     kPatience));

  monitor.ok({"watch", "add", "ours.example"});
  const CertificateSpec announced = spec_for("csr.ours.example");
  const auto csr = logs.ca().csr(announced);
  monitor.ok(
      {"expect", "add",
       monitor.write("request.pem", x509::to_pem("CERTIFICATE REQUEST", csr))});
  // Loaded, says the log.
  REQUIRE(eventually(
      [&] {
        return running->err().find("expectations=1") != std::string::npos;
      },
      kPatience));

  logs.add_precert(0, "csr.ours.example");
  const auto late = logs.add_precert(0, "late.ours.example");
  REQUIRE(eventually([&] { return monitor.log("log")["position"] == 3; },
                     kPatience));
  const auto state_of = [&](const std::string& name) -> std::string {
    for (const Json& alert : monitor.alerts()) {
      if (alert["names"][0] == name) return alert["state"];
    }
    return "none";
  };
  CHECK(state_of("early.ours.example") == "none");
  CHECK(state_of("csr.ours.example") == "expected");
  CHECK(state_of("late.ours.example") == "open");

  const Bytes der = logs.ca().finish(late, {});
  monitor.ok({"expect", "add",
              monitor.write("cert.pem", x509::to_pem("CERTIFICATE", der))});
  CHECK(state_of("late.ours.example") == "expected");
  running->signal(15);
  CHECK(running->wait() == 0);
}

TEST_CASE("a receiver that comes back gets its message, and holds up nobody",
          "[e2e][findings]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.add_precert(0, "www.ours.example");
  Monitor monitor;
  const TlsIdentity tls;
  const Receiver good(&tls);
  Receiver broken(&tls);
  broken.answer({.status = 503});
  monitor.ok({"watch", "add", "ours.example"});
  monitor.add_webhook("broken", broken.url("/ct"), tls.ca_file());
  monitor.add_webhook("good", good.url("/ct"), tls.ca_file());

  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(good.wait_for(1, kPatience));
  REQUIRE(broken.wait_for(1, kPatience));
  broken.answer({.status = 200});
  REQUIRE(broken.wait_for(2, kPatience));
  REQUIRE(eventually(
      [&] {
        for (const Json& c : monitor.json({"channel", "list"})) {
          if (c["name"] == "broken") return c["delivered"] == 1;
        }
        return false;
      },
      kPatience));

  std::set<std::string> ids;
  for (const auto& request : broken.received()) {
    ids.insert(checked_message(request)["id"]);
  }
  CHECK(ids.size() == 1);
  CHECK(good.received().size() == 1);
}

TEST_CASE("what nobody listened for is told when somebody does",
          "[e2e][findings]") {
  FakeLogs logs({rfc6962_log("log")});
  logs.add_precert(0, "www.ours.example");
  Monitor monitor;
  const TlsIdentity tls;
  const int port = free_port();
  monitor.ok({"watch", "add", "ours.example"});
  monitor.add_webhook("soc", fmt::format("https://localhost:{}/ct", port),
                      tls.ca_file());
  const auto tried = [&](const char* key, int n) {
    const Json channels = monitor.json({"channel", "list"});
    return channels.size() == 1 && channels[0][key] == n;
  };
  {
    // The port is closed: the run does its work, and the message waits.
    const Outcome once = monitor.run(run_arguments(logs, {"--once"}));
    INFO(once.err);
    CHECK(once.code == 0);
    CHECK(monitor.alerts().size() == 1);
    CHECK(tried("pending", 1));
  }
  const Receiver receiver(&tls, port);
  const auto running = monitor.start(run_arguments(logs));
  REQUIRE(receiver.wait_for(1, kPatience));
  REQUIRE(eventually([&] { return tried("delivered", 1); }, kPatience));
  CHECK(tried("pending", 0));
  const Json message = checked_message(receiver.received().front());
  CHECK(message["data"]["names"] == Json::array({"www.ours.example"}));
  CHECK(message["attempt"] >= 2);
  CHECK(receiver.received().size() == 1);
}

TEST_CASE("a certificate that does not parse but names a watch is an alert",
          "[e2e][findings]") {
  FakeLogs logs({rfc6962_log("old"), static_log("new")});
  for (const std::size_t i : {0u, 1u}) {
    logs.fill(i, 10);
    CertificateSpec spec = spec_for("broken.ours.example");
    // A length that runs past the end of the certificate.
    spec.mangle = [](Bytes tbs) {
      tbs.at(tbs.size() / 2) ^= 0x7f;
      tbs.resize(tbs.size() - 3);
      return tbs;
    };
    logs.log(i).add(final_submission(logs.ca().issue(spec), logs.ca().chain()));
    logs.fill(i, 10);
  }
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});
  monitor.ok(run_arguments(logs, {"--once"}));

  const Json alerts = monitor.alerts();
  INFO(alerts.dump(1));
  REQUIRE_FALSE(alerts.empty());
  for (const Json& alert : alerts) {
    CHECK(alert["kind"] == "malformed_certificate");
  }
  CHECK(monitor.log("old")["position"] == 21);
  CHECK(monitor.log("new")["position"] == 21);
}

}  // namespace ct::test
