#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/demo/local_ca.h"
#include "monitor/files.h"
#include "monitor/judge.h"
#include "sql/alerts.h"
#include "sql/watches.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using alerts::AlertState;
using demo::CertificateSpec;
using nlohmann::json;

const demo::LocalCa& ca() {
  static const demo::LocalCa ca({.organization = "Demo Trust"});
  return ca;
}

constexpr std::array<std::uint8_t, 4> kAddress = {192, 0, 2, 7};

// Names of every kind that a request can ask for.
CertificateSpec every_kind(const demo::SigningKey& key) {
  CertificateSpec spec;
  spec.names = {demo::dns_name("WWW.example.com"), demo::ip_name(kAddress),
                demo::email_name("ops@example.com"),
                demo::uri_name("https://api.example.com/x")};
  spec.common_name = "www.example.com";
  spec.key = key;
  return spec;
}

CertificateSpec for_hosts(const demo::SigningKey& key,
                          std::initializer_list<std::string_view> names) {
  CertificateSpec spec;
  spec.names = demo::dns_names(names);
  spec.key = key;
  return spec;
}

struct Fixture {
  test::TestDatabase database;
  test::TempDir dir;
  const demo::SigningKey key = demo::SigningKey::generate();

  // A file of that name in the test's folder.
  std::string file(const std::string& name, std::string_view content) {
    REQUIRE(write_file(dir / name, content));
    return dir / name;
  }
  std::string csr_file(const std::string& name, const CertificateSpec& spec) {
    return file(name, x509::to_pem("CERTIFICATE REQUEST", ca().csr(spec)));
  }

  test::CommandOutput run(std::vector<std::string> args) {
    args.insert(args.begin(), "expect");
    args.push_back("--database");
    args.push_back(database.url());
    return test::run_command(add_expect_commands, args);
  }
  json run_json(std::vector<std::string> args) {
    args.push_back("--json");
    return test::json_of(run(args));
  }

  // What is said of the certificate when it is found in a log now.
  AlertState verdict(const Bytes& certificate) {
    auto watch = parse_watch("example.com", false);
    REQUIRE(watch);
    const Watchlist list({*watch});
    const auto expectations = sql::load_expectations(database.db());
    REQUIRE(expectations);
    MatchedEntry entry;
    entry.leaf.type = ctlog::EntryType::kX509;
    entry.leaf.certificate = certificate;
    entry.certificate = certificate;
    const auto parsed = x509::parse_certificate(certificate);
    REQUIRE(parsed);
    entry.matches = list.match(parsed->names);
    const auto findings =
        judge(entry, alerts::Sighting{}, {list, *expectations, {}});
    REQUIRE(findings.size() == 1);
    return findings[0].alert.state;
  }

  // An open alert of the certificate, as if it had been found earlier.
  void raise(const std::string& id, const Bytes& certificate) {
    const auto facts = certificate_facts(certificate, std::nullopt, {});
    REQUIRE(facts);
    alerts::Alert alert;
    alert.id = id;
    alert.kind = alerts::kind::kUnexpectedCertificate;
    alert.title = alert.reason = "found";
    alert.certificate = *facts;
    REQUIRE(sql::raise_alert(database.db(), alert));
  }
  AlertState state_of(const std::string& id) {
    const auto alert = sql::find_alert(database.db(), id);
    REQUIRE(alert);
    REQUIRE(*alert);
    return (*alert)->state;
  }
};

TEST_CASE_METHOD(Fixture, "a request explains a certificate of all its names",
                 "[.db][monitor][commands_expect]") {
  const auto spec = every_kind(key);
  const Bytes certificate = ca().issue(spec);
  raise("found-before", certificate);
  CHECK(verdict(certificate) == AlertState::kOpen);

  const json added = run_json({"add", csr_file("all.csr", spec)});
  REQUIRE(added.size() == 1);
  CHECK(added[0]["alerts_explained"] == json::array({"found-before"}));
  CHECK(state_of("found-before") == AlertState::kExpected);
  CHECK(verdict(certificate) == AlertState::kExpected);
  CHECK(run_json({"list"})[0]["names"] ==
        json::array({"www.example.com", "192.0.2.7", "ops@example.com",
                     "api.example.com"}));
}

TEST_CASE_METHOD(Fixture,
                 "a name of any kind that was not asked for is not explained",
                 "[.db][monitor][commands_expect]") {
  const auto asked = every_kind(key);
  REQUIRE(run({"add", csr_file("all.csr", asked)}).code == kExitOk);
  auto more = asked;
  const std::array<std::uint8_t, 4> other = {192, 0, 2, 8};
  more.names.push_back(GENERATE_COPY(demo::dns_name("b.example.com"),
                                     demo::ip_name(other),
                                     demo::email_name("root@example.com"),
                                     demo::uri_name("https://c.example.com/")));
  CHECK(verdict(ca().issue(more)) == AlertState::kOpen);
  // With another key nothing is.
  auto foreign = asked;
  foreign.key = demo::SigningKey::generate();
  CHECK(verdict(ca().issue(foreign)) == AlertState::kOpen);
  // Fewer names are what was asked for.
  auto fewer = asked;
  fewer.names.resize(1);
  CHECK(verdict(ca().issue(fewer)) == AlertState::kExpected);
}

TEST_CASE_METHOD(Fixture, "requests for one key are expected side by side",
                 "[.db][monitor][commands_expect]") {
  const auto web = for_hosts(key, {"www.example.com"});
  const auto mail = for_hosts(key, {"mail.example.com", "mx.example.com"});
  const json added =
      run_json({"add", csr_file("web.csr", web), csr_file("mail.csr", mail)});
  REQUIRE(added.size() == 2);
  CHECK(added[0]["id"] != added[1]["id"]);
  CHECK(run_json({"list"}).size() == 2);

  CHECK(verdict(ca().issue(web)) == AlertState::kExpected);
  CHECK(verdict(ca().issue(mail)) == AlertState::kExpected);
  // Neither of them asks for both.
  const auto both = for_hosts(key, {"www.example.com", "mx.example.com"});
  CHECK(verdict(ca().issue(both)) == AlertState::kOpen);

  // Without one of them the other still stands.
  REQUIRE(run({"remove", added[0]["id"]}).code == kExitOk);
  CHECK(verdict(ca().issue(web)) == AlertState::kOpen);
  CHECK(verdict(ca().issue(mail)) == AlertState::kExpected);
}

TEST_CASE_METHOD(Fixture, "registering the same thing again changes the note",
                 "[.db][monitor][commands_expect]") {
  const std::string csr =
      csr_file("a.csr", for_hosts(key, {"b.example.com", "a.example.com"}));
  const std::string reordered =
      csr_file("b.csr", for_hosts(key, {"a.example.com", "b.example.com"}));
  const json first = run_json({"add", csr, "--note", "order 1"});
  CHECK(run_json({"add", csr, "--note", "order 2"}) == first);
  CHECK(run_json({"add", reordered, csr, "--note", "order 3"}).at(1) ==
        first[0]);
  const json listed = run_json({"list"});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["id"] == first[0]["id"]);
  CHECK(listed[0]["note"] == "order 3");
}

TEST_CASE_METHOD(Fixture, "nothing registered is an empty array",
                 "[.db][monitor][commands_expect]") {
  CHECK(run_json({"list"}) == json::array());
  CHECK_THAT(run({"list"}).out, ContainsSubstring("ctvigil expect add"));
}

TEST_CASE_METHOD(Fixture, "a certificate is registered as this issuance",
                 "[.db][monitor][commands_expect]") {
  const auto spec = for_hosts(key, {"www.example.com"});
  const Bytes certificate = ca().issue(spec);
  const std::string pem = x509::to_pem("CERTIFICATE", certificate);
  const std::string path =
      GENERATE(0, 1, 2) == 0
          ? file("pem", pem)
          : file("chain", pem + x509::to_pem("CERTIFICATE", ca().root()));
  const std::string der = file("der", as_text(certificate));
  const json added = run_json({"add", path, "--note", "renewal"});
  CHECK(run_json({"add", der, "--note", "renewal"}) == added);
  const json listed = run_json({"list"});
  REQUIRE(listed.size() == 1);
  CHECK(listed[0] == json{{"id", added[0]["id"]},
                          {"kind", "tbs"},
                          {"value", listed[0]["value"]},
                          {"names", {"www.example.com"}},
                          {"note", "renewal"},
                          {"created", listed[0]["created"]}});
  CHECK(verdict(certificate) == AlertState::kExpected);
  INFO("another one of the same key and names is not it");
  CHECK(verdict(ca().issue(spec)) == AlertState::kOpen);

  CHECK_THAT(run({"list"}).out,
             ContainsSubstring(added[0]["id"].get<std::string>()) &&
                 ContainsSubstring("www.example.com") &&
                 ContainsSubstring("renewal"));
  const auto removed = run({"remove", added[0]["id"], "spki-0"});
  CHECK(removed.code == kExitFailed);
  CHECK_THAT(removed.err, ContainsSubstring("nothing is registered as spki-0"));
  CHECK(verdict(certificate) == AlertState::kOpen);
}

TEST_CASE_METHOD(Fixture, "requests are taken as PEM and DER",
                 "[.db][monitor][commands_expect]") {
  const auto spec = for_hosts(key, {"www.example.com"});
  const Bytes csr = ca().csr(spec);
  const json pem = run_json({"add", csr_file("csr", spec)});
  CHECK(pem[0]["id"].get<std::string>().starts_with("spki-"));
  CHECK(run_json({"add", file("der", as_text(csr))}) == pem);
  CHECK(run_json({"add", file("new", x509::to_pem("NEW CERTIFICATE REQUEST",
                                                  csr))}) == pem);
  CHECK_THAT(run({"add", dir / "csr"}).out,
             ContainsSubstring("certificates for this key, www.example.com"));
}

TEST_CASE_METHOD(Fixture, "certbot's deploy hook needs no argument",
                 "[.db][monitor][commands_expect]") {
  unsetenv("RENEWED_LINEAGE");
  const auto without = run({"add"});
  CHECK(without.code == kExitUsage);
  CHECK_THAT(without.err, ContainsSubstring("RENEWED_LINEAGE"));

  const Bytes certificate = ca().issue(for_hosts(key, {"www.example.com"}));
  file("cert.pem", x509::to_pem("CERTIFICATE", certificate));
  raise("seen-already", certificate);
  setenv("RENEWED_LINEAGE", dir.path().c_str(), 1);
  const auto r = run({"add"});
  unsetenv("RENEWED_LINEAGE");
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("this certificate, www.example.com; 1"));
  CHECK(state_of("seen-already") == AlertState::kExpected);
}

TEST_CASE_METHOD(Fixture, "a file that is neither registers nothing",
                 "[.db][monitor][commands_expect]") {
  const std::string good =
      csr_file("good.csr", for_hosts(key, {"www.example.com"}));
  for (const std::string& bad :
       {file("empty", ""), file("text", "hello"),
        file("key",
             "-----BEGIN PRIVATE KEY-----\nAAAA\n"
             "-----END PRIVATE KEY-----\n"),
        file("cut", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
        file("no csr", x509::to_pem("CERTIFICATE REQUEST", as_bytes("x"))),
        dir / "missing"}) {
    CAPTURE(bad);
    const auto r = run({"add", good, bad});
    CHECK(r.code != kExitOk);
    CHECK(r.out.empty());
    CHECK_THAT(r.err, ContainsSubstring(bad));
  }
  CHECK(run_json({"list"}).empty());
}

}  // namespace
}  // namespace ct::monitor
