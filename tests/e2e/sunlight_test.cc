// What a log server of somebody else's serves is read, proven and found.
#include "tests/e2e/sunlight.h"

#include <fmt/format.h>

#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/merkle.h"
#include "tests/support/catch.h"

namespace ct::test {
namespace {

using monitor::demo::CertificateSpec;
using monitor::demo::dns_names;
using monitor::demo::final_submission;
using monitor::demo::Issuance;
using monitor::demo::LocalCa;
using monitor::demo::precert_submission;
using monitor::demo::PrecertSigner;
using monitor::demo::Submission;

CertificateSpec spec_for(const std::string& name) {
  CertificateSpec spec;
  spec.common_name = name;
  spec.names = dns_names({name});
  return spec;
}

// Certificates for names of nobody's: final ones, precertificates, and
// precertificates of a signing CA (RFC 6962, section 3.1).
std::vector<Submission> nobodys(const LocalCa& ca, std::size_t count) {
  std::vector<Submission> out;
  for (std::size_t i = 0; i < count; ++i) {
    const auto spec = spec_for(fmt::format("host{}.nobody.example", i));
    if (i % 3 == 0) {
      out.push_back(final_submission(ca.issue(spec), ca.chain()));
    } else {
      out.push_back(precert_submission(
          ca.precertify(spec, i % 3 == 1 ? PrecertSigner::kIssuer
                                         : PrecertSigner::kPrecertSigningCa)));
    }
  }
  return out;
}

// The leaf is proven to be in that very tree.
void check_proof(const Json& sighting, const Sunlight::Logged& logged,
                 const ctlog::Checkpoint& head) {
  CHECK(sighting["leaf_index"] == logged.index);
  CHECK(sighting["leaf_hash"] == to_hex(logged.leaf_hash));
  CHECK(sighting["tree_size"] == head.size);
  CHECK(sighting["root_hash"] == to_hex(head.root));
  std::vector<Hash> proof;
  for (const Json& node : sighting["inclusion_proof"]) {
    proof.push_back(hash_from_hex(node.get<std::string>()).value());
  }
  CHECK(ctlog::verify_inclusion(logged.leaf_hash, logged.index, head.size,
                                proof, head.root));
}

Json show(Monitor& monitor, const Json& alert) {
  return monitor.json({"alerts", "show", alert["id"].get<std::string>()});
}

}  // namespace

TEST_CASE("certificates in a log of another implementation are found",
          "[.sunlight]") {
  const LocalCa ca({"Fake Trust"});
  Sunlight log(ca);
  Monitor monitor;
  monitor.ok({"watch", "add", "ours.example"});

  // A full tile and a part of the next; the precertificate is in the former,
  // the certificate in the latter.
  log.submit(nobodys(ca, 150));
  const Issuance issuance = ca.precertify(spec_for("www.ours.example"));
  const auto precert = log.submit({precert_submission(issuance)}).at(0);
  log.submit(nobodys(ca, 150));
  const Bytes certificate = ca.finish(issuance, {&precert.sct, 1});
  const auto final_one =
      log.submit({final_submission(certificate, ca.chain())}).at(0);
  REQUIRE(precert.index == 150);
  REQUIRE(final_one.index == 301);
  const auto head = log.checkpoint();
  REQUIRE(head.size == 302);

  monitor.ok(run_arguments(log.list_path(), log.ca_path(),
                           {"--once", "--start", "beginning"}));
  CHECK(monitor.log(log.name())["position"] == 302);
  const Json alerts = monitor.alerts();
  INFO(alerts.dump(1));
  REQUIRE(alerts.size() == 1);
  const Json alert = show(monitor, alerts[0]);
  CHECK(alert["kind"] == "unexpected_certificate");
  CHECK(alert["state"] == "open");
  CHECK(alert["names"] == Json::array({"www.ours.example"}));
  CHECK(alert["certificate_sha256"] == to_hex(sha256(certificate)));
  CHECK(alert["tbs_sha256"] == to_hex(sha256(issuance.tbs)));
  REQUIRE(alert["scts"].size() == 1);
  CHECK(alert["scts"][0]["log"] == log.name());
  CHECK(alert["scts"][0]["result"] == "valid");
  REQUIRE(alert["sightings"].size() == 2);
  CHECK(alert["sightings"][0]["entry_type"] == "precert_entry");
  CHECK(alert["sightings"][1]["entry_type"] == "x509_entry");
  check_proof(alert["sightings"][0], precert, head);
  check_proof(alert["sightings"][1], final_one, head);

  // The partial tile fills up, and another begins. Without --start a log that
  // had lost its position would begin at its head, and miss this one.
  log.submit(nobodys(ca, 100));
  const auto late = log.submit({precert_submission(ca.precertify(
                                   spec_for("late.ours.example"),
                                   PrecertSigner::kPrecertSigningCa))})
                        .at(0);
  log.submit(nobodys(ca, 150));
  const auto grown = log.checkpoint();
  REQUIRE(grown.size == 553);

  monitor.ok(run_arguments(log.list_path(), log.ca_path(), {"--once"}));
  CHECK(monitor.log(log.name())["position"] == 553);
  const Json both = monitor.alerts();  // the newest first
  INFO(both.dump(1));
  REQUIRE(both.size() == 2);
  CHECK(both[1] == alerts[0]);
  const Json found = show(monitor, both[0]);
  CHECK(found["names"] == Json::array({"late.ours.example"}));
  REQUIRE(found["sightings"].size() == 1);
  check_proof(found["sightings"][0], late, grown);
}

TEST_CASE("the past of another implementation's log is searched",
          "[.sunlight]") {
  const LocalCa ca({"Fake Trust"});
  Sunlight log(ca);
  Monitor monitor;
  log.submit(nobodys(ca, 300));
  const Issuance issuance = ca.precertify(spec_for("www.ours.example"));
  const auto precert = log.submit({precert_submission(issuance)}).at(0);
  const Bytes certificate = ca.finish(issuance, {&precert.sct, 1});
  log.submit({final_submission(certificate, ca.chain())});

  auto backfill = run_arguments(log.list_path(), log.ca_path(), {});
  backfill.front() = "backfill";
  monitor.ok(backfill);
  const auto search = [&](const std::string& query) {
    return monitor.json({"search", query});
  };
  CHECK(search("nobody.example").size() == 300);
  const Json found = search("ours.example");
  INFO(found.dump(1));
  REQUIRE(found.size() == 1);
  CHECK(found[0]["final"] == true);
  CHECK(found[0]["certificate_sha256"] == to_hex(sha256(certificate)));
  REQUIRE(found[0]["sightings"].size() == 2);
  CHECK(found[0]["sightings"][0]["leaf_index"] == 300);
  CHECK(found[0]["sightings"][1]["leaf_index"] == 301);

  // What is new alone, from the partial tile on.
  log.submit(nobodys(ca, 250));
  CHECK_THAT(monitor.ok(backfill), ContainsSubstring("250 entries verified"));
  CHECK(search("nobody.example").size() == 550);
}

}  // namespace ct::test
