// Precertificates as logs hold them, and names as others read them in logs.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/base64.h"
#include "base/sha256.h"
#include "ctlog/tile.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/x509/reading.h"
#include "x509/names.h"
#include "x509/precert.h"

namespace ct::x509 {
namespace {

Bytes recorded_pem(const std::string& name, std::size_t n = 0) {
  auto blocks = from_pem("CERTIFICATE", test::shared_file("certs/" + name));
  REQUIRE(blocks);
  REQUIRE(blocks->size() > n);
  return blocks->at(n);
}

Bytes log_tbs_of(ByteView der) {
  const auto c = parse_certificate(der);
  REQUIRE(c);
  const auto tbs = log_tbs(*c);
  REQUIRE(tbs);
  return *tbs;
}

Bytes log_tbs_of(ByteView der, ByteView precert_signing_ca) {
  const auto c = parse_certificate(der);
  const auto ca = parse_certificate(precert_signing_ca);
  REQUIRE(c);
  REQUIRE(ca);
  CHECK(ca->is_precert_signing_ca);
  const auto tbs = log_tbs(*c, *ca);
  REQUIRE(tbs);
  return *tbs;
}

// What the log hashed, and the names in it, as the bulk scan sees them too.
void check_precert(const ctlog::Leaf& leaf, ByteView precertificate) {
  const auto pre = parse_certificate(precertificate);
  REQUIRE(pre);
  CHECK(pre->has_poison);
  CHECK(pre->oddities.empty());
  const auto tbs = log_tbs(*pre);
  REQUIRE(tbs);
  CHECK(std::ranges::equal(*tbs, leaf.certificate));
  const auto logged = parse_tbs(leaf.certificate);
  REQUIRE(logged);
  CHECK(tbs_sha256(*logged).value() == sha256(leaf.certificate));
}

std::multiset<std::string> texts(const std::vector<Name>& names,
                                 NameKind kind) {
  std::multiset<std::string> out;
  for (const Name& n : names) {
    if (n.kind == kind) out.emplace(as_text(n.value));
  }
  return out;
}

void check_tile(const std::string& path, std::uint64_t width) {
  CAPTURE(path);
  const std::string log = "static/navigli2025h2/tile/";
  const std::string tile = test::shared_file(log + "data/" + path);
  const auto leaves = ctlog::parse_data_tile(as_bytes(tile), width);
  REQUIRE(leaves);
  std::istringstream names(test::shared_file(log + "names/" + path));
  for (const ctlog::TileLeaf& entry : *leaves) {
    Bytes bytes = {0, 0};
    put_bytes(bytes, entry.timestamped_entry);
    const auto leaf = ctlog::parse_leaf(bytes);
    REQUIRE(leaf);
    check_precert(*leaf, entry.precertificate);

    std::string line;
    REQUIRE(std::getline(names, line));
    const auto expected = nlohmann::json::parse(line);
    CAPTURE(line);
    const auto dns = expected.value("DNS", std::vector<std::string>());
    Sink sink;
    CHECK(scan_names(leaf->certificate, true, sink));
    CHECK(texts(sink.names, NameKind::kDns) ==
          std::multiset<std::string>(dns.begin(), dns.end()));
    std::multiset<std::string> cn;
    const auto subject = expected.value("Subject", nlohmann::json::object());
    if (subject.contains("CommonName")) {
      cn.insert(subject["CommonName"].get<std::string>());
    }
    CHECK(texts(sink.names, NameKind::kCommonName) == cn);
  }
}

TEST_CASE("a real log's tiles: rebuilt TBS and names agree",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  check_tile("000", 256);
  check_tile("001", 256);
  check_tile("003", 256);
  check_tile("003.p/10", 10);
}

Bytes base64_field(const nlohmann::json& entry, const char* field) {
  auto bytes = from_base64(entry[field].get<std::string>());
  REQUIRE(bytes);
  return std::move(*bytes);
}

// An entry as get-entries gives it. True for a precertificate.
bool check_entry(const nlohmann::json& entry) {
  const Bytes input = base64_field(entry, "leaf_input");
  const Bytes extra = base64_field(entry, "extra_data");
  const auto leaf = ctlog::parse_leaf(input);
  REQUIRE(leaf);
  const auto chain = ctlog::parse_extra_data(leaf->type, extra);
  REQUIRE(chain);
  for (const ByteView der : chain->chain) CHECK(parse_certificate(der));
  if (leaf->type == ctlog::EntryType::kX509) {
    const auto c = parse_certificate(leaf->certificate);
    REQUIRE(c);
    CHECK_FALSE(c->names.empty());
    return false;
  }
  check_precert(*leaf, chain->precertificate);
  const auto issuer = parse_certificate(chain->chain.at(0));
  REQUIRE(issuer);
  CHECK(spki_sha256(*issuer) == leaf->issuer_key_hash);
  return true;
}

TEST_CASE("live entries: the TBS is the precertificate's without poison",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const auto live = nlohmann::json::parse(
      test::shared_file("entries/live-2026-05-argon2026h2.json"));
  unsigned precerts = 0;
  for (const auto& entry : live) {
    CAPTURE(entry["name"].get<std::string>());
    precerts += check_entry(entry);
    // What another program's parser found there.
    const auto expected = nlohmann::json::parse(
        entry["expected_domains_only"].get<std::string>());
    REQUIRE(expected.contains("data"));
    const Bytes input = base64_field(entry, "leaf_input");
    const auto leaf = ctlog::parse_leaf(input);
    Sink sink;
    CHECK(scan_names(leaf->certificate,
                     leaf->type == ctlog::EntryType::kPrecert, sink));
    std::set<std::string> found;
    for (const NameKind kind : {NameKind::kDns, NameKind::kCommonName}) {
      for (const auto& t : texts(sink.names, kind)) found.insert(t);
    }
    for (const auto& domain : expected["data"]) {
      CHECK(found.contains(domain.get<std::string>()));
    }
  }
  CHECK(precerts == 10);
}

TEST_CASE("old entries parse with their chains", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const auto pilot = nlohmann::json::parse(
      test::shared_file("entries/pilot-2013-four-entries.json"));
  for (const auto& entry : pilot["entries"]) check_entry(entry);
}

TEST_CASE("Boulder's pairs: one corresponds, one does not",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const auto tbs = [](const std::string& name) {
    return log_tbs_of(recorded_pem("boulder-precert/" + name));
  };
  CHECK(tbs("good/precert.pem") == tbs("good/final.pem"));
  CHECK(tbs("bad/precert.pem") != tbs("bad/final.pem"));
}

TEST_CASE("the golden TBS without SCT list is ours", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const std::string golden = test::shared_file(
      "certs/azul-sct-validator/golden/cloudflare-tbs-without-sct.der");
  const Bytes ours = log_tbs_of(recorded_pem("azul-static-ct/cloudflare.pem"));
  CHECK(as_text(ours) == golden);
}

TEST_CASE("precertificates of precert-signing CAs equal the final ones",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const auto pem = [](const std::string& name) {
    return recorded_pem("ct-testdata/" + name);
  };
  CHECK(log_tbs_of(pem("test-embedded-pre-cert.pem")) ==
        log_tbs_of(pem("test-embedded-cert.pem")));
  CHECK(log_tbs_of(pem("test-embedded-with-intermediate-pre-cert.pem")) ==
        log_tbs_of(pem("test-embedded-with-intermediate-cert.pem")));
  CHECK(log_tbs_of(pem("test-embedded-with-preca-pre-cert.pem"),
                   pem("ca-pre-cert.pem")) ==
        log_tbs_of(pem("test-embedded-with-preca-cert.pem")));
  CHECK(log_tbs_of(pem("test-embedded-with-intermediate-preca-pre-cert.pem"),
                   pem("intermediate-pre-cert.pem")) ==
        log_tbs_of(pem("test-embedded-with-intermediate-preca-cert.pem")));
  // Without the substitution they differ.
  CHECK(log_tbs_of(pem("test-embedded-with-preca-pre-cert.pem")) !=
        log_tbs_of(pem("test-embedded-with-preca-cert.pem")));
}

TEST_CASE("a recorded chain with a precert-signing CA", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const Bytes leaf = recorded_pem("azul-static-ct/preissuer-chain.pem", 0);
  const Bytes ca = recorded_pem("azul-static-ct/preissuer-chain.pem", 1);
  const Bytes root = recorded_pem("azul-static-ct/preissuer-chain.pem", 2);
  // Only the poison taken out.
  CHECK(as_text(log_tbs_of(leaf)) ==
        test::shared_file(
            "certs/azul-static-ct/golden/preissuer-precert-tbs.der"));
  const Bytes tbs = log_tbs_of(leaf, ca);
  const auto logged = parse_tbs(tbs);
  const auto issuer = parse_certificate(root);
  REQUIRE(logged);
  REQUIRE(issuer);
  CHECK(std::ranges::equal(logged->issuer, issuer->subject));
  CHECK(std::ranges::equal(logged->authority_key_id, issuer->subject_key_id));
}

}  // namespace
}  // namespace ct::x509
