#include "monitor/judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/certificate_facts.h"
#include "monitor/demo/local_ca.h"
#include "monitor/issuers.h"
#include "tests/support/catch.h"
#include "x509/der_writer.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

using alerts::AlertState;
using alerts::Expectation;
using alerts::Finding;
using alerts::Severity;
using alerts::Watch;
using demo::CertificateSpec;
using demo::dns_names;
using demo::Issuance;
using demo::LocalCa;

const LocalCa& demo_ca() {
  static const LocalCa ca({.organization = "Demo Trust"});
  return ca;
}

// Keeps what the entry's views point into.
struct TestEntry {
  MatchedEntry entry;
  Bytes certificate, leaf_bytes;
  alerts::Sighting where;

  TestEntry(ctlog::EntryType type, Bytes leaf_certificate,
            const Hash& issuer_key_hash = {})
      : certificate(std::move(leaf_certificate)) {
    entry.leaf.type = type;
    entry.leaf.timestamp = 1'767'225'600'000;
    entry.leaf.issuer_key_hash = issuer_key_hash;
    entry.leaf.certificate = certificate;
    leaf_bytes = ctlog::encode_leaf(entry.leaf);
    entry.leaf_bytes = leaf_bytes;
    where.log = "Test log";
    where.leaf_index = 812;
    where.entry_type = type;
    where.timestamp = entry.leaf.timestamp;
    where.leaf_hash = ctlog::leaf_hash(leaf_bytes);
  }
  TestEntry(const TestEntry&) = delete;
};

std::unique_ptr<TestEntry> precert_entry(const Issuance& i) {
  auto e = std::make_unique<TestEntry>(ctlog::EntryType::kPrecert, i.tbs,
                                       i.issuer_key_hash);
  e->entry.certificate = i.precertificate;
  e->entry.chain = i.chain;
  return e;
}
std::unique_ptr<TestEntry> final_entry(Bytes der) {
  auto e = std::make_unique<TestEntry>(ctlog::EntryType::kX509, std::move(der));
  e->entry.certificate = e->certificate;
  e->entry.chain = demo_ca().chain();
  return e;
}

Watch watch_of(const char* pattern) {
  auto w = parse_watch(pattern, true);
  REQUIRE(w);
  return *w;
}

// Matches the entry against the watches and judges it.
std::vector<Finding> judged(TestEntry& e, std::vector<Watch> watches,
                            const std::vector<Expectation>& expectations = {},
                            const KnownLogs& logs = {}) {
  const Watchlist list(std::move(watches));
  const auto certificate = e.entry.leaf.type == ctlog::EntryType::kPrecert
                               ? x509::parse_tbs(e.certificate)
                               : x509::parse_certificate(e.certificate);
  if (certificate && !e.entry.malformed) {
    e.entry.matches = list.match(certificate->names);
  } else {
    e.entry.matches = list.match_bytes(e.certificate);
  }
  return judge(e.entry, e.where, {list, expectations, logs});
}
Finding judged_one(TestEntry& e, const Watch& watch,
                   const std::vector<Expectation>& expectations = {}) {
  const auto findings = judged(e, {watch}, expectations);
  REQUIRE(findings.size() == 1);
  return findings[0];
}

CertificateSpec spec_for(std::initializer_list<std::string_view> names) {
  CertificateSpec spec;
  spec.names = dns_names(names);
  return spec;
}

bool has_note(const alerts::CertificateFacts& facts, std::string_view part) {
  return std::ranges::any_of(facts.notes, [&](const std::string& n) {
    return n.find(part) != std::string::npos;
  });
}

}  // namespace

TEST_CASE("a certificate of a watch without expectations is a finding",
          "[monitor][judge]") {
  const Issuance i = demo_ca().precertify(
      spec_for({"www.example.com", "other.test", "mail.example.com"}));
  const auto e = precert_entry(i);
  Watch watch = watch_of("example.com");
  watch.tags = {"team-a"};
  watch.grace = std::chrono::minutes(5);
  const Finding f = judged_one(*e, watch);
  const alerts::Alert& a = f.alert;
  CHECK(a.state == AlertState::kOpen);
  CHECK(a.severity == Severity::kMedium);
  CHECK(a.kind == alerts::kind::kUnexpectedCertificate);
  CHECK(a.id == alerts::certificate_alert_id(watch.id, sha256(i.tbs)));
  CHECK(a.watch == "example.com");
  CHECK(a.watch_id == watch.id);
  CHECK(a.tags == watch.tags);
  CHECK(f.grace == watch.grace);
  CHECK(a.names ==
        std::vector<std::string>{"www.example.com", "mail.example.com"});
  REQUIRE(a.sightings.size() == 1);
  CHECK(a.sightings[0].leaf_index == 812);
  CHECK(a.title ==
        "Unexpected certificate for www.example.com and 1 more by Demo Trust");
  for (const char* part :
       {"www.example.com lies below example.com", "1 more name concerns",
        "(watch example.com)", "precertificate was issued by Demo Trust",
        "logged by Test log as entry 812 at 2026-01-01T00:00:00Z",
        "No issuer and no key is declared"}) {
    CHECK_THAT(a.reason, ContainsSubstring(part));
  }
  REQUIRE(a.certificate);
  CHECK(a.certificate->tbs_sha256 == sha256(i.tbs));
  CHECK(a.certificate->der == i.precertificate);
  CHECK(a.certificate->sha256 == sha256(i.precertificate));
  CHECK(a.certificate->tbs == i.tbs);
  CHECK(a.certificate->issuer_spki_sha256 == i.issuer_key_hash);
  CHECK(a.certificate->all_names ==
        std::vector<std::string>{"www.example.com", "other.test",
                                 "mail.example.com"});
  CHECK(a.certificate->issuer_name == "Demo Trust");
}

TEST_CASE("a precertificate and its final certificate are one alert",
          "[monitor][judge]") {
  const Issuance i =
      demo_ca().precertify(spec_for({"example.com"}),
                           GENERATE(demo::PrecertSigner::kIssuer,
                                    demo::PrecertSigner::kPrecertSigningCa));
  const Bytes scts[] = {Bytes(60, 1)};
  const auto pre = precert_entry(i);
  const auto fin = final_entry(demo_ca().finish(i, scts));
  const Watch watch = watch_of("example.com");
  const Finding a = judged_one(*pre, watch), b = judged_one(*fin, watch);
  CHECK(a.alert.id == b.alert.id);
  CHECK(a.alert.certificate->spki_sha256 == b.alert.certificate->spki_sha256);
  CHECK(a.alert.certificate->issuer_spki_sha256 ==
        b.alert.certificate->issuer_spki_sha256);
  CHECK_FALSE(a.alert.certificate->der.empty());
  CHECK(judged_one(*pre, watch_of("=example.com")).alert.id != a.alert.id);
}

TEST_CASE("issuers on the watch's list are expected, others are grave",
          "[monitor][judge]") {
  const Issuance i = demo_ca().precertify(spec_for({"example.com"}));
  const auto pre = precert_entry(i);
  const auto fin = final_entry(demo_ca().finish(i, {}));
  for (TestEntry* e : {pre.get(), fin.get()}) {
    Watch watch = watch_of("example.com");
    for (const std::string& declared :
         {std::string("Demo Trust"), std::string("DEMO  trust"),
          "spki:" + to_hex(demo_ca().intermediate_key().spki_sha256()),
          judged_one(*e, watch).alert.certificate->issuer}) {
      CAPTURE(declared);
      watch.allowed_issuers = {"Nobody", declared};
      const auto a = judged_one(*e, watch).alert;
      CHECK(a.state == AlertState::kExpected);
      CHECK(a.severity == Severity::kInfo);
      CHECK_THAT(a.title, ContainsSubstring("Expected certificate"));
      CHECK_THAT(a.reason, ContainsSubstring(declared));
    }
    watch.allowed_issuers = {"Let's Encrypt", "Demo", "Trust",
                             "spki:" + std::string(64, '0')};
    const auto a = judged_one(*e, watch).alert;
    CHECK(a.state == AlertState::kOpen);
    CHECK(a.severity == Severity::kHigh);
    CHECK_THAT(a.reason, ContainsSubstring("Expected issuers are: Let's "
                                           "Encrypt, Demo, Trust"));
    CHECK_THAT(a.reason, ContainsSubstring("Demo Trust is none of them"));
  }
}

TEST_CASE("an issuer's key counts only if it made the signature",
          "[monitor][judge]") {
  const LocalCa evil({.organization = "Demo Trust"});
  CertificateSpec spec = spec_for({"example.com"});
  const auto e = final_entry(evil.issue(spec));  // beside demo_ca's chain
  Watch watch = watch_of("example.com");
  watch.allowed_issuers = {"spki:" +
                           to_hex(demo_ca().intermediate_key().spki_sha256())};
  const auto a = judged_one(*e, watch).alert;
  CHECK(a.state == AlertState::kOpen);
  CHECK_FALSE(a.certificate->issuer_spki_sha256);
  CHECK(has_note(*a.certificate, "not signed by the issuer's certificate"));

  e->entry.chain.clear();
  CHECK(judged_one(*e, watch).alert.state == AlertState::kOpen);
  e->entry.chain = {Bytes{0x30, 0x00}};
  CHECK(judged_one(*e, watch).alert.state == AlertState::kOpen);
  e->entry.chain = evil.chain();
  CHECK(judged_one(*e, watch).alert.state == AlertState::kOpen);
  watch.allowed_issuers = {"spki:" +
                           to_hex(evil.intermediate_key().spki_sha256())};
  CHECK(judged_one(*e, watch).alert.state == AlertState::kExpected);
}

TEST_CASE("issuers' keys of every usual kind are proven", "[monitor][judge]") {
  const LocalCa rsa(
      {.organization = "R", .key = demo::SigningKey::Kind::kRsa2048});
  const Bytes intermediate = rsa.intermediate();
  const auto facts = certificate_facts(rsa.issue(spec_for({"example.com"})),
                                       ByteView(intermediate), {});
  REQUIRE(facts);
  CHECK(facts->issuer_spki_sha256 == rsa.intermediate_key().spki_sha256());

  const LocalCa ed(
      {.organization = "E", .key = demo::SigningKey::Kind::kEd25519});
  const Bytes unsupported = ed.intermediate();
  const auto unproven = certificate_facts(ed.issue(spec_for({"example.com"})),
                                          ByteView(unsupported), {});
  REQUIRE(unproven);
  CHECK_FALSE(unproven->issuer_spki_sha256);
  CHECK_FALSE(has_note(*unproven, "not signed"));
}

TEST_CASE("known keys and announced certificates are expected",
          "[monitor][judge]") {
  CertificateSpec spec = spec_for({"example.com", "www.example.com"});
  spec.key = demo::SigningKey::generate();
  const Issuance i = demo_ca().precertify(spec);
  const auto e = precert_entry(i);
  Watch watch = watch_of("example.com");
  watch.allowed_issuers = {"Somebody else"};
  CHECK(judged_one(*e, watch).alert.state == AlertState::kOpen);

  Watch with_key = watch;
  with_key.allowed_spkis = {spec.key->spki_sha256()};
  CHECK(judged_one(*e, with_key).alert.state == AlertState::kExpected);
  with_key.allowed_spkis = {Hash{}};
  const auto other_key = judged_one(*e, with_key).alert;
  CHECK(other_key.state == AlertState::kOpen);
  CHECK_THAT(other_key.reason, ContainsSubstring("not the one known as ours"));

  Expectation tbs;
  tbs.value = sha256(i.tbs);
  CHECK(judged_one(*e, watch, {tbs}).alert.state == AlertState::kExpected);
  tbs.value[0] ^= 1;
  CHECK(judged_one(*e, watch, {tbs}).alert.state == AlertState::kOpen);

  Expectation csr;
  csr.kind = Expectation::Kind::kSpki;
  csr.value = spec.key->spki_sha256();
  csr.note = "change 4711";
  for (const auto& names : std::vector<std::vector<std::string>>{
           {},
           {"www.example.com", "example.com"},
           {"a.test", "example.com", "www.example.com"}}) {
    csr.names = names;
    const auto a = judged_one(*e, watch, {tbs, csr}).alert;
    CHECK(a.state == AlertState::kExpected);
    CHECK_THAT(a.reason, ContainsSubstring("change 4711"));
  }
  csr.names = {"example.com"};
  INFO("the certificate names more than the request");
  CHECK(judged_one(*e, watch, {csr}).alert.state == AlertState::kOpen);
}

TEST_CASE("severity follows what is at stake", "[monitor][judge]") {
  const auto severity = [](CertificateSpec spec, const char* pattern) {
    const auto e = precert_entry(demo_ca().precertify(spec));
    return judged_one(*e, watch_of(pattern)).alert.severity;
  };
  CHECK(severity(spec_for({"www.example.com"}), "example.com") ==
        Severity::kMedium);
  CHECK(severity(spec_for({"*.example.com"}), "example.com") ==
        Severity::kMedium);
  CHECK(severity(spec_for({"*.example.com"}), "www.example.com") ==
        Severity::kHigh);
  CHECK(severity(spec_for({"*.com"}), "example.com") == Severity::kHigh);

  CertificateSpec mail;
  mail.names = {demo::email_name("a@example.com")};
  CHECK(severity(mail, "@example.com") == Severity::kMedium);
  CertificateSpec org = spec_for({"shop.test"});
  org.organization = "Example Ltd";
  CHECK(severity(org, "org:example ltd") == Severity::kMedium);

  CertificateSpec expired = spec_for({"example.com"});
  expired.not_before = 1'500'000'000;
  expired.not_after = 1'510'000'000;
  const auto e = precert_entry(demo_ca().precertify(expired));
  Watch watch = watch_of("example.com");
  watch.allowed_issuers = {"Somebody else"};
  const auto a = judged_one(*e, watch).alert;
  CHECK(a.severity == Severity::kLow);
  CHECK_THAT(a.reason, ContainsSubstring("has expired"));
}

TEST_CASE("no issuer is allowed a wildcard over a public suffix",
          "[monitor][judge]") {
  const auto e = precert_entry(demo_ca().precertify(spec_for({"*.co.uk"})));
  Watch watch = watch_of("example.co.uk");
  watch.allowed_issuers = {"Demo Trust"};
  const auto a = judged_one(*e, watch).alert;
  CHECK(a.state == AlertState::kOpen);
  CHECK(a.severity == Severity::kHigh);
  CHECK_THAT(a.reason, ContainsSubstring("public suffix"));

  INFO("while one over the watched name's own domain is theirs to issue");
  const auto own =
      precert_entry(demo_ca().precertify(spec_for({"*.example.co.uk"})));
  Watch www = watch_of("www.example.co.uk");
  www.allowed_issuers = {"Demo Trust"};
  CHECK(judged_one(*own, www).alert.state == AlertState::kExpected);
}

TEST_CASE("each watch concerned gets a finding of its own",
          "[monitor][judge]") {
  const auto e = precert_entry(
      demo_ca().precertify(spec_for({"www.example.com", "example.org"})));
  Watch allowed = watch_of("example.org");
  allowed.allowed_issuers = {"Demo Trust"};
  const auto findings =
      judged(*e, {watch_of("example.com"), watch_of("unrelated.test"), allowed,
                  watch_of("=www.example.com")});
  REQUIRE(findings.size() == 3);
  CHECK(findings[0].alert.state == AlertState::kOpen);
  CHECK(findings[1].alert.state == AlertState::kExpected);
  CHECK(findings[1].alert.names == std::vector<std::string>{"example.org"});
  CHECK(findings[2].alert.watch == "=www.example.com");
  CHECK_THAT(findings[2].alert.reason,
             ContainsSubstring("is the watched name"));
}

TEST_CASE("a precertificate that is not the logged one is not shown",
          "[monitor][judge]") {
  const Issuance logged = demo_ca().precertify(spec_for({"example.com"}));
  const Issuance other = demo_ca().precertify(spec_for({"harmless.test"}));
  const auto e = precert_entry(logged);
  e->entry.certificate = other.precertificate;
  const auto a = judged_one(*e, watch_of("example.com")).alert;
  CHECK(a.certificate->der.empty());
  CHECK_FALSE(a.certificate->sha256);
  CHECK(a.certificate->tbs == logged.tbs);
  CHECK(a.certificate->all_names == std::vector<std::string>{"example.com"});
  CHECK(has_note(*a.certificate, "is not the one the log signed for"));

  e->entry.certificate = Bytes{0x30, 0x03, 0x01};
  CHECK(has_note(*judged_one(*e, watch_of("example.com")).alert.certificate,
                 "does not parse"));
  e->entry.certificate.clear();
  CHECK(judged_one(*e, watch_of("example.com")).alert.certificate->der.empty());
}

TEST_CASE("each part of a precertificate is compared with the leaf",
          "[monitor][judge]") {
  const auto difference = [](const CertificateSpec& a,
                             const CertificateSpec& b) -> std::string {
    const auto e = precert_entry(demo_ca().precertify(a));
    e->entry.certificate = demo_ca().precertify(b).precertificate;
    const auto facts =
        *judged_one(*e, watch_of("example.com")).alert.certificate;
    for (const auto& note : facts.notes) {
      const auto its = note.find("its ");
      if (its != std::string::npos) return note.substr(its + 4);
    }
    return "";
  };
  CertificateSpec base = spec_for({"example.com"});
  base.serial = {1, 2, 3};
  base.key = demo::SigningKey::generate();
  CHECK(difference(base, base) == "");
  CertificateSpec other = base;
  other.serial = {1, 2, 4};
  CHECK_THAT(difference(base, other),
             ContainsSubstring("serial number differs"));
  other = base;
  other.not_after = now_millis() / 1000 + 1'000;
  CHECK_THAT(difference(base, other), ContainsSubstring("validity differs"));
  other = base;
  other.common_name = "x";
  CHECK_THAT(difference(base, other), ContainsSubstring("subject differs"));
  other = base;
  other.key = demo::SigningKey::generate();
  CHECK_THAT(difference(base, other), ContainsSubstring("public key differs"));
  other = base;
  other.names = dns_names({"example.com", "b.test"});
  CHECK_THAT(difference(base, other), ContainsSubstring("extensions differs"));
}

TEST_CASE("what does not parse is reported as such", "[monitor][judge]") {
  TestEntry e(ctlog::EntryType::kX509, [] {
    Bytes b = {0x30, 0x82, 0xff, 0xff, 0x13, 0x0f};
    put_bytes(b, as_bytes("www.example.com"));
    b.push_back(0);
    return b;
  }());
  e.entry.malformed = true;
  e.entry.malformed_why = "truncated";
  Watch watch = watch_of("example.com");
  watch.allowed_issuers = {"Demo Trust"};
  const auto a = judged_one(e, watch).alert;
  CHECK(a.kind == alerts::kind::kMalformedCertificate);
  CHECK(a.state == AlertState::kOpen);
  CHECK(a.severity == Severity::kHigh);
  CHECK(a.id == alerts::certificate_alert_id(watch.id, e.where.leaf_hash));
  CHECK(a.certificate->der == e.certificate);
  CHECK(has_note(*a.certificate, "truncated"));
  CHECK_THAT(a.title, ContainsSubstring("does not parse"));
  CHECK_THAT(a.title, ContainsSubstring("www.example.com"));

  INFO("a leaf that does not parse has no certificate");
  e.entry.leaf.certificate = {};
  const auto b = judge(e.entry, e.where, {Watchlist({watch}), {}, {}})[0].alert;
  CHECK(b.certificate->der.empty());
  CHECK(b.certificate->tbs == e.leaf_bytes);
}

TEST_CASE("watches left out by a wildcard are a finding of their own",
          "[monitor][judge]") {
  CertificateSpec spec = spec_for({"*.com"});
  spec.key = demo::SigningKey::generate();
  const Issuance i = demo_ca().precertify(spec);
  const auto e = precert_entry(i);
  std::vector<Watch> watches;
  for (int n = 0; n < 1'234; ++n) {
    watches.push_back(watch_of(("n" + std::to_string(n) + ".com").c_str()));
    // All of them would allow it, those that are looked at.
    watches.back().allowed_spkis = {spec.key->spki_sha256()};
  }
  auto findings = judged(*e, watches);
  REQUIRE(findings.size() == 1'001);
  CHECK(findings[0].alert.state == AlertState::kExpected);
  const alerts::Alert& a = findings.back().alert;
  CHECK(a.kind == alerts::kind::kTooManyWatches);
  CHECK(a.state == AlertState::kOpen);
  CHECK(a.severity == Severity::kHigh);
  CHECK(a.id == alerts::certificate_alert_id("", sha256(i.tbs)));
  CHECK(a.watch_id.empty());  // hence for every channel
  CHECK(a.names == std::vector<std::string>{"*.com"});
  REQUIRE(a.certificate);
  CHECK(a.certificate->tbs_sha256 == sha256(i.tbs));
  REQUIRE(a.sightings.size() == 1);
  CHECK(a.title ==
        "Certificate for *.com by Demo Trust concerns up to 234 more watches");
  for (const char* part : {"up to 234 have no alert", "logged by Test log",
                           "was not registered beforehand"}) {
    CHECK_THAT(a.reason, ContainsSubstring(part));
  }

  Expectation announced;
  announced.value = sha256(i.tbs);
  findings = judged(*e, watches, {announced});
  REQUIRE(findings.size() == 1'001);
  CHECK(findings.back().alert.state == AlertState::kExpected);
  CHECK_THAT(findings.back().alert.reason, ContainsSubstring("It is expected"));

  watches.resize(1'000);
  CHECK(judged(*e, watches).size() == 1'000);
}

TEST_CASE("findings of one certificate hold a bounded number of copies of it",
          "[monitor][judge]") {
  std::vector<Watch> watches;
  std::vector<demo::GeneralName> names = dns_names({"*.org"});
  for (int n = 0; n < 200; ++n) {
    const std::string host = "n" + std::to_string(n);
    names.push_back(demo::dns_name(host + ".com"));
    watches.push_back(watch_of((host + ".org").c_str()));
    watches.push_back(watch_of((host + ".com").c_str()));
  }
  CertificateSpec spec;
  spec.names = names;
  spec.organization = std::string(400'000, 'x');
  const auto e = precert_entry(demo_ca().precertify(spec));
  const auto findings = judged(*e, watches);
  std::size_t bytes = 0, plain = 0;
  for (const Finding& f : findings) {
    bytes += f.alert.certificate->der.size() + f.alert.certificate->tbs.size();
    plain += f.alert.watch.ends_with(".com");
  }
  CHECK(bytes > 10'000'000);
  CHECK(bytes < 40'000'000);
  INFO("wildcards are given up first");
  CHECK(plain == findings.size() - 1);
  const alerts::Alert& a = findings.back().alert;
  CHECK(a.kind == alerts::kind::kTooManyWatches);
  CHECK_THAT(a.title,
             ContainsSubstring(
                 "up to " + std::to_string(401 - findings.size()) + " more"));
}

TEST_CASE("no matches, no findings", "[monitor][judge]") {
  const auto e = precert_entry(demo_ca().precertify(spec_for({"a.test"})));
  CHECK(judged(*e, {watch_of("example.com")}).empty());
}

TEST_CASE("hostile names do not blow up or forge what is said",
          "[monitor][judge]") {
  CertificateSpec spec = spec_for({"example.com"});
  for (int i = 0; i < 3'000; ++i) {
    spec.names.push_back(
        demo::dns_name("n" + std::to_string(i) + ".example.com"));
  }
  spec.names.push_back(
      demo::dns_name(fmt::format("{:a>60000}.example.com", "a")));
  const LocalCa liar({.organization = "Good CA.\nAll is well.\x1b[2J"
                                      "\xe2\x80\xae"});
  const auto e = precert_entry(liar.precertify(spec));
  const auto a = judged_one(*e, watch_of("example.com")).alert;
  CHECK(a.names.size() == 1'001);
  CHECK(a.names.back() == "… 2002 more");
  CHECK(a.certificate->all_names.size() == 1'001);
  for (const std::string& text : {a.title, a.reason}) {
    CHECK(text.size() < 2'000);
    CHECK(text.find('\n') == std::string::npos);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("\xe2\x80\xae") == std::string::npos);
  }
  for (const auto& name : a.certificate->all_names) CHECK(name.size() < 400);
}

TEST_CASE("issuers are compared as people say them", "[monitor][issuers]") {
  const Bytes name = demo::distinguished_name("DigiCert, Inc.", "GeoTrust G2");
  const Hash key = sha256(name);
  const Issuer issuer{name, key};
  for (const char* said :
       {"DigiCert", "digicert inc", "DIGICERT, INC.", "GeoTrust G2",
        "O=DigiCert\\, Inc., CN=GeoTrust G2"}) {
    CAPTURE(said, x509::format_name(name));
    CHECK(is_issuer(said, issuer));
  }
  for (const char* said : {"Digi", "DigiCert Europe", "Inc", "", "GeoTrust",
                           "'", "CN=GeoTrust G2"}) {
    CAPTURE(said);
    CHECK_FALSE(is_issuer(said, issuer));
  }
  CHECK(is_issuer("Let\xe2\x80\x99s Encrypt",
                  {demo::distinguished_name("Let's Encrypt", ""), {}}));
  CHECK(is_issuer("Actalis",
                  {demo::distinguished_name("Actalis S.p.A.", ""), {}}));
  INFO("a name without an organisation is not the empty name");
  CHECK_FALSE(is_issuer("", {demo::distinguished_name("", "x"), {}}));
  CHECK_FALSE(
      is_issuer("Ltd", {demo::distinguished_name("Example Ltd", ""), {}}));

  CHECK(is_issuer("spki:" + to_hex(key), issuer));
  CHECK_FALSE(is_issuer("spki:" + to_hex(key), {name, std::nullopt}));
  CHECK_FALSE(is_issuer("spki:00", issuer));
  CHECK(issuer_problem("spki:00"));
  CHECK(issuer_problem(" , "));
  CHECK_FALSE(issuer_problem("spki:" + to_hex(key)));
  CHECK_FALSE(issuer_problem("Let's Encrypt"));
}

TEST_CASE("identities are canonical, and each is given once",
          "[monitor][certificate_facts]") {
  CertificateSpec spec;
  spec.common_name = "www.example.com";
  spec.names = {demo::dns_name("WWW.example.com"),
                demo::dns_name("*.example.com"),
                demo::email_name("a@Example.com"),
                demo::uri_name("https://u.example.com:8443/x"),
                demo::ip_name(Bytes{192, 0, 2, 1})};
  const Bytes der = demo_ca().issue(spec);
  const auto certificate = x509::parse_certificate(der);
  REQUIRE(certificate);
  CHECK(identities(certificate->names) ==
        std::vector<std::string>{"www.example.com", "*.example.com",
                                 "a@Example.com", "u.example.com",
                                 "192.0.2.1"});
  spec.common_name = "Example Person";
  spec.names.clear();
  const Bytes person = demo_ca().issue(spec);
  const auto parsed = x509::parse_certificate(person);
  REQUIRE(parsed);
  CHECK(identities(parsed->names).empty());
}

}  // namespace ct::monitor
