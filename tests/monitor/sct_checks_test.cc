// SCTs of certificates: their signatures, and what browsers want of them.
#include <algorithm>
#include <map>
#include <sstream>

#include "base/base64.h"
#include "ctlog/sct.h"
#include "monitor/certificate_facts.h"
#include "monitor/demo/local_ca.h"
#include "tests/support/catch.h"
#include "tests/support/made_sct.h"
#include "tests/support/shared_data.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

using alerts::SctCheck;
using ctlog::LogState;
using demo::LocalCa;
using demo::SigningKey;

constexpr Millis kDayMs = 86'400'000;
constexpr Millis kThen = 1'760'000'000'000;

KnownLog known_log(const SigningKey& key, const char* operator_name = "One",
                   LogState state = LogState::kUsable) {
  ctlog::LogInfo info;
  info.log_id = key.spki_sha256();
  info.description = std::string("Log of ") + operator_name;
  info.operator_name = operator_name;
  info.key.assign(key.spki().begin(), key.spki().end());
  info.state = state;
  auto log_key = ctlog::LogKey::from_spki(key.spki());
  REQUIRE(log_key);
  return {info, *log_key};
}

Bytes sct_for(const SigningKey& log, const demo::Issuance& i,
              Millis timestamp = kThen) {
  return test::sct_for(log, i, timestamp);
}

std::vector<std::string> results_of(const alerts::CertificateFacts& facts) {
  std::vector<std::string> out;
  for (const SctCheck& s : facts.scts) out.push_back(s.result);
  return out;
}

bool has_note(const alerts::CertificateFacts& facts, std::string_view part) {
  return std::ranges::any_of(facts.notes, [&](const std::string& n) {
    return n.find(part) != std::string::npos;
  });
}

using Results = std::vector<std::string>;

}  // namespace

TEST_CASE("embedded SCTs are checked over what the log signed",
          "[monitor][sct_checks]") {
  const LocalCa ca({.organization = "Demo Trust"});
  const auto log = SigningKey::generate(
      GENERATE(SigningKey::Kind::kP256, SigningKey::Kind::kRsa2048));
  const auto stranger = SigningKey::generate();
  KnownLogs logs;
  logs.emplace(log.spki_sha256(), known_log(log));

  demo::CertificateSpec spec;
  spec.names = demo::dns_names({"example.com"});
  const auto signer = GENERATE(demo::PrecertSigner::kIssuer,
                               demo::PrecertSigner::kPrecertSigningCa);
  const auto issuance = ca.precertify(spec, signer);
  const auto other = ca.precertify(spec);
  Bytes forged = sct_for(log, issuance);
  forged[40] ^= 1;  // within the timestamp
  const Bytes scts[] = {sct_for(log, issuance), sct_for(log, other), forged,
                        sct_for(stranger, issuance), Bytes(10, 7)};
  const Bytes der = ca.finish(issuance, scts);
  const Bytes issuer = ca.intermediate();

  const auto facts = certificate_facts(der, ByteView(issuer), logs);
  REQUIRE(facts);
  CHECK(results_of(*facts) == Results{"valid", "bad_signature", "bad_signature",
                                      "unknown_log", "unreadable"});
  CHECK(facts->scts[0].log == "Log of One");
  CHECK(facts->scts[0].timestamp == kThen);
  CHECK(has_note(*facts, "2 of its SCTs are not signed"));
  CHECK(has_note(*facts, "1 of its SCTs cannot be read"));

  INFO("without the issuer nothing can be said of a signature");
  const auto unknown = certificate_facts(der, std::nullopt, logs);
  REQUIRE(unknown);
  CHECK(results_of(*unknown) == Results{"unchecked", "unchecked", "unchecked",
                                        "unknown_log", "unreadable"});
  CHECK_FALSE(unknown->issuer_spki_sha256);

  INFO("a wrong issuer is no reason to call an SCT bad");
  const LocalCa liar({.organization = "Demo Trust"});
  const Bytes wrong = liar.intermediate();
  const auto misled = certificate_facts(der, ByteView(wrong), logs);
  REQUIRE(misled);
  CHECK(results_of(*misled) == results_of(*unknown));
}

TEST_CASE("a broken or huge SCT list is bounded", "[monitor][sct_checks]") {
  const LocalCa ca({.organization = "Demo Trust"});
  const auto log = SigningKey::generate();
  KnownLogs logs;
  logs.emplace(log.spki_sha256(), known_log(log));
  demo::CertificateSpec spec;
  spec.names = demo::dns_names({"example.com"});
  const auto issuance = ca.precertify(spec);
  const std::vector<Bytes> many(200, sct_for(log, issuance));
  const Bytes issuer = ca.intermediate();
  const auto facts =
      certificate_facts(ca.finish(issuance, many), ByteView(issuer), logs);
  REQUIRE(facts);
  CHECK(facts->scts.size() == 32);
  CHECK(has_note(*facts, "Only 32 of 200"));
  INFO("one log, however often, is one SCT");
  CHECK(has_note(*facts, "Chrome wants 2"));
}

TEST_CASE("browsers' wishes are noted for public logs only",
          "[monitor][sct_checks]") {
  const LocalCa ca({.organization = "Demo Trust"});
  const auto one = SigningKey::generate(), two = SigningKey::generate();
  demo::CertificateSpec spec;
  spec.names = demo::dns_names({"example.com"});
  const auto issuance = ca.precertify(spec);
  const Bytes scts[] = {sct_for(one, issuance), sct_for(two, issuance)};
  const Bytes good = ca.finish(issuance, scts);
  const Bytes bare = ca.issue(spec);
  const Bytes issuer = ca.intermediate();
  const auto notes = [&](const Bytes& der, const KnownLogs& logs) {
    const auto facts = certificate_facts(der, ByteView(issuer), logs);
    REQUIRE(facts);
    return has_note(*facts, "SCT");
  };
  KnownLogs logs;
  logs.emplace(one.spki_sha256(), known_log(one, "One"));
  logs.emplace(two.spki_sha256(), known_log(two, "Two"));
  CHECK_FALSE(notes(good, logs));
  CHECK(notes(bare, logs));
  KnownLogs same;
  same.emplace(one.spki_sha256(), known_log(one, "One"));
  same.emplace(two.spki_sha256(), known_log(two, "One"));
  CHECK(notes(good, same));
  KnownLogs private_logs;
  private_logs.emplace(one.spki_sha256(),
                       known_log(one, "One", LogState::kUnknown));
  CHECK_FALSE(notes(bare, private_logs));
}

namespace {

// SCTs of made-up logs for the policy, which looks at no signature.
struct PolicyCase {
  KnownLogs logs;
  std::vector<SctCheck> scts;

  ctlog::LogInfo& add(const char* operator_name, LogState state,
                      Millis time = kThen) {
    static const SigningKey key = SigningKey::generate();
    KnownLog log = known_log(key, operator_name, state);
    log.info.log_id = Hash{static_cast<std::uint8_t>(logs.size() + 1)};
    scts.push_back({log.info.log_id, log.info.description, time, "valid"});
    return logs.emplace(log.info.log_id, log).first->second.info;
  }
  // Gaps as "Chrome 3" (too few), "Chrome live", "Chrome operators".
  [[nodiscard]] std::vector<std::string> gaps(int days) const {
    const Seconds begin = kThen / 1000;
    std::vector<std::string> out;
    for (const std::string& s :
         sct_policy_gaps(scts, begin, begin + days * 86'400 - 1, logs)) {
      const std::string browser = s.substr(0, s.find(' '));
      if (s.find("approved now") != s.npos) {
        out.push_back(browser + " live");
      } else if (s.find("operators") != s.npos) {
        out.push_back(browser + " operators");
      } else {
        out.push_back(browser + " " + s.substr(s.find("wants ") + 6, 1));
      }
    }
    return out;
  }
};

}  // namespace

TEST_CASE("lifetimes up to 180 days need two SCTs, longer ones three",
          "[monitor][sct_policy]") {
  PolicyCase c;
  CHECK(c.gaps(90) == Results{"Chrome 2", "Apple 2"});
  c.add("One", LogState::kUsable);
  CHECK(c.gaps(90) ==
        Results{"Chrome 2", "Chrome operators", "Apple 2", "Apple operators"});
  c.add("Two", LogState::kQualified);
  CHECK(c.gaps(180).empty());
  CHECK(c.gaps(181) == Results{"Chrome 3", "Apple 3"});
  c.add("Two", LogState::kReadonly);
  CHECK(c.gaps(398).empty());
}

TEST_CASE("SCTs of one operator do not add up", "[monitor][sct_policy]") {
  PolicyCase c;
  c.add("One", LogState::kUsable);
  c.add("One", LogState::kUsable);
  CHECK(c.gaps(90) ==
        Results{"Chrome operators", "Apple 2", "Apple operators"});
  c.add("Two", LogState::kUsable);
  CHECK(c.gaps(90).empty());
  CHECK(c.gaps(200).empty());
  PolicyCase three;
  three.add("One", LogState::kUsable);
  three.add("One", LogState::kUsable);
  three.add("One", LogState::kUsable);
  CHECK(three.gaps(200) ==
        Results{"Chrome operators", "Apple 3", "Apple operators"});
}

TEST_CASE("a retired log's SCT counts if it came before",
          "[monitor][sct_policy]") {
  PolicyCase c;
  c.add("One", LogState::kUsable);
  c.add("Two", LogState::kRetired).state_since = kThen + 1;
  CHECK(c.gaps(90).empty());
  c.logs.begin()->second.info.state = LogState::kRetired;
  c.logs.begin()->second.info.state_since = kThen + kDayMs;
  CHECK(c.gaps(90) == Results{"Chrome live", "Apple live"});

  PolicyCase late;
  late.add("One", LogState::kUsable);
  late.add("Two", LogState::kRetired).state_since = kThen;
  CHECK(late.gaps(90) ==
        Results{"Chrome 2", "Chrome operators", "Apple 2", "Apple operators"});
}

TEST_CASE("pending, unknown and rejected logs do not count",
          "[monitor][sct_policy]") {
  for (const LogState state :
       {LogState::kPending, LogState::kUnknown, LogState::kRejected}) {
    PolicyCase c;
    c.add("One", LogState::kUsable);
    c.add("Two", state).state_since = kThen + kDayMs;
    CHECK(c.gaps(90).size() == 4);
  }
  INFO("but a shard that was rejected because it is over does");
  PolicyCase c;
  c.add("One", LogState::kUsable);
  auto& over = c.add("Two", LogState::kRejected);
  over.interval_end = kThen / 1000 + 100;
  over.state_since = kThen + kDayMs;
  CHECK(c.gaps(90).empty());
}

TEST_CASE("the operator is the one at the time of the SCT",
          "[monitor][sct_policy]") {
  PolicyCase c;
  c.add("One", LogState::kUsable);
  auto& sold = c.add("One", LogState::kUsable);
  CHECK(c.gaps(90).size() == 3);
  sold.previous_operators = {{"Two", kThen + 2}, {"Older", kThen - 5}};
  CHECK(c.gaps(90).empty());
  sold.previous_operators = {{"Two", kThen}};
  CHECK(c.gaps(90).size() == 3);
}

TEST_CASE("only valid SCTs count", "[monitor][sct_policy]") {
  PolicyCase c;
  c.add("One", LogState::kUsable);
  c.add("Two", LogState::kUsable);
  c.scts[1].result = "bad_signature";
  CHECK(c.gaps(90).size() == 4);
  c.scts[1] = c.scts[0];
  CHECK(c.gaps(90).size() == 4);
}

TEST_CASE("SCTs of recorded certificates verify", "[monitor][sct_checks]") {
  if (!test::have_shared_data()) return;
  // case, log id, log, timestamp, extensions, key, result
  std::istringstream lines(test::shared_file("certs/sct/cases.tsv"));
  std::map<std::string, KnownLogs> cases;
  std::map<std::string, std::size_t> expected;
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::vector<std::string> f;
    std::istringstream fields(line);
    for (std::string s; std::getline(fields, s, '\t');) f.push_back(s);
    REQUIRE(f.size() >= 7);
    REQUIRE(f[6] == "verified");
    const auto spki = from_base64(f[5]);
    REQUIRE(spki);
    auto key = ctlog::LogKey::from_spki(*spki);
    REQUIRE(key);
    ctlog::LogInfo info;
    info.log_id = key->log_id();
    info.description = f[2];
    cases[f[0]].emplace(info.log_id, KnownLog{info, *key});
    ++expected[f[0]];
  }
  std::size_t proven = 0, valid = 0;
  for (const auto& [name, logs] : cases) {
    CAPTURE(name);
    const std::string leaf =
        test::shared_file("certs/sct/" + name + "/leaf.der");
    const std::string issuer =
        test::shared_file("certs/sct/" + name + "/issuer.der");
    const auto facts =
        certificate_facts(as_bytes(leaf), as_bytes(issuer), logs);
    REQUIRE(facts);
    const auto results = results_of(*facts);
    CHECK(static_cast<std::size_t>(std::ranges::count(results, "valid")) ==
          expected[name]);
    CHECK(std::ranges::count(results, "bad_signature") == 0);
    valid += expected[name];
    proven += facts->issuer_spki_sha256.has_value();
  }
  CHECK(valid == 98);
  INFO("a few are signed with SHA-1");
  CHECK(proven > cases.size() * 3 / 4);
}

TEST_CASE("recorded certificates that differ from their precertificates fail",
          "[monitor][sct_checks]") {
  if (!test::have_shared_data()) return;
  const std::string folder =
      "certs/sct-bad/" +
      std::string(GENERATE("boulder-bad", "ct-test-invalid-embedded"));
  CAPTURE(folder);
  KnownLogs logs;
  std::istringstream lines(test::shared_file(folder + "/scts.tsv"));
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream fields(line);
    for (std::string s; std::getline(fields, s, '\t');) {
      const auto spki = from_base64(s);
      if (!spki) continue;
      auto key = ctlog::LogKey::from_spki(*spki);
      if (!key) continue;
      ctlog::LogInfo info;
      info.log_id = key->log_id();
      logs.emplace(info.log_id, KnownLog{info, *key});
    }
  }
  REQUIRE_FALSE(logs.empty());
  const std::string leaf = test::shared_file(folder + "/leaf.der");
  const std::string issuer = test::shared_file(folder + "/issuer.der");
  const auto facts = certificate_facts(as_bytes(leaf), as_bytes(issuer), logs);
  REQUIRE(facts);
  const auto results = results_of(*facts);
  CHECK(std::ranges::count(results, "valid") == 0);
  CHECK_FALSE(results.empty());
}

}  // namespace ct::monitor
