// The SCTs of whole pages of certificates.
#include "monitor/sct_audit.h"

#include <deque>

#include "base/base64.h"
#include "base/sha256.h"
#include "monitor/demo/local_log.h"
#include "tests/support/catch.h"
#include "tests/support/made_sct.h"

namespace ct::monitor {
namespace {

using namespace demo;

constexpr Millis kThen = 1'760'000'000'000;

// Logs that sign, a CA, and a page that is filled with what it issues.
class Scene {
 public:
  Scene() {
    for (const SigningKey* key : {&p256, &rsa}) {
      ctlog::LogInfo info;
      info.log_id = key->spki_sha256();
      info.description = key == &p256 ? "one" : "two";
      info.key.assign(key->spki().begin(), key->spki().end());
      auto log_key = ctlog::LogKey::from_spki(key->spki());
      REQUIRE(log_key);
      logs.emplace(info.log_id, KnownLog{info, *log_key});
    }
    audit.update(logs);
  }

  Issuance issuance(std::string_view name = "www.example.com") const {
    CertificateSpec spec;
    spec.names = dns_names({name});
    return ca.precertify(spec);
  }
  static Bytes sct(const SigningKey& log, const Issuance& i) {
    return test::sct_for(log, i, kThen);
  }
  static Bytes damaged(Bytes sct) {
    sct[40] ^= 1;  // within the timestamp
    return sct;
  }

  // The next entry of the page.
  void add(const Bytes& certificate, const std::vector<Bytes>& chain) {
    std::string extra;
    Bytes fingerprints;
    if (tiled) {
      for (const Bytes& der : chain) put_bytes(fingerprints, sha256(der));
    } else {
      ctlog::ExtraData data;
      for (const Bytes& der : chain) data.chain.emplace_back(der);
      extra =
          to_base64(ctlog::encode_extra_data(ctlog::EntryType::kX509, data));
    }
    add_raw({.timestamp = kThen, .certificate = certificate, .extensions = {}},
            std::move(extra), std::move(fingerprints));
  }
  void add(const Issuance& i, std::vector<Bytes> scts) {
    add(ca.finish(i, scts), ca.chain());
  }
  void add_raw(const ctlog::Leaf& leaf, std::string extra,
               Bytes fingerprints = {}) {
    const auto keep = [this](Bytes bytes) -> ByteView {
      return bytes_.emplace_back(std::move(bytes));
    };
    ctlog::RawEntry entry;
    entry.leaf = keep(ctlog::encode_leaf(leaf));
    entry.extra_b64 = texts_.emplace_back(std::move(extra));
    entry.chain_fingerprints = keep(std::move(fingerprints));
    page.entries.push_back(entry);
    page.leaf_hashes.push_back(Hash{});
  }

  PageScts check() {
    PageScts out;
    audit.check(page, 0, page.entries.size(), out);
    return out;
  }

  const SigningKey p256 = SigningKey::generate();
  const SigningKey rsa = SigningKey::generate(SigningKey::Kind::kRsa2048);
  const LocalCa ca{{.organization = "Demo Trust"}};
  KnownLogs logs;
  SctAudit audit;
  bool tiled = false;
  ctlog::EntryPage page;

 private:
  std::deque<Bytes> bytes_;
  std::deque<std::string> texts_;
};

std::uint64_t of(const SctCounts& counts, const Hash& log_id, SctResult r) {
  const auto it = counts.find(log_id);
  return it == counts.end() ? 0 : it->second[static_cast<std::size_t>(r)];
}
std::uint64_t all(const SctCounts& counts) {
  std::uint64_t n = 0;
  for (const auto& [id, tally] : counts) {
    for (const auto count : tally) n += count;
  }
  return n;
}

}  // namespace

TEST_CASE("good SCTs of a page are counted for their logs",
          "[monitor][sct_audit]") {
  Scene s;
  s.tiled = GENERATE(false, true);
  CAPTURE(s.tiled);
  for (const char* name : {"a.example", "b.example", "c.example"}) {
    const auto i = s.issuance(name);
    s.add(i, {s.sct(s.p256, i), s.sct(s.rsa, i)});
  }
  const auto alone = s.issuance();
  s.add(alone, {s.sct(s.rsa, alone)});
  if (s.tiled) {
    const Hash issuer = sha256(s.ca.intermediate());
    CHECK(s.audit.unknown_issuers(s.page) == std::vector<Hash>{issuer});
    INFO("an issuer not known yet");
    CHECK(of(s.check().counts, s.rsa.spki_sha256(), SctResult::kUnchecked) ==
          4);
    CHECK(s.audit.issuers().find_or_read(s.ca.intermediate()));
    CHECK(s.audit.unknown_issuers(s.page).empty());
  }
  const auto found = s.check();
  CHECK(of(found.counts, s.p256.spki_sha256(), SctResult::kValid) == 3);
  CHECK(of(found.counts, s.rsa.spki_sha256(), SctResult::kValid) == 4);
  CHECK(all(found.counts) == 7);
  CHECK(found.suspects.empty());

  INFO("a part of the page");
  PageScts part;
  s.audit.check(s.page, 1, 2, part);
  CHECK(all(part.counts) == 2);
}

TEST_CASE("precertificates and certificates without SCTs count for nothing",
          "[monitor][sct_audit]") {
  Scene s;
  const auto i = s.issuance();
  CertificateSpec spec;
  spec.names = dns_names({"www.example.com"});
  s.add(s.ca.issue(spec), s.ca.chain());
  s.add(Bytes{0x30, 0x03, 1, 2, 3}, s.ca.chain());
  s.add_raw({.type = ctlog::EntryType::kPrecert,
             .certificate = i.tbs,
             .extensions = {}},
            "");
  const Bytes der =
      s.ca.finish(i, std::vector<Bytes>{s.damaged(s.sct(s.p256, i))});
  s.add_raw({.type = ctlog::EntryType::kPrecert,
             .certificate = der,
             .extensions = {}},
            "");
  const auto found = s.check();
  CHECK(found.counts.empty());
  CHECK(found.suspects.empty());
}

TEST_CASE("SCTs of no known log, and unreadable ones, are told apart",
          "[monitor][sct_audit]") {
  Scene s;
  const auto stranger = SigningKey::generate();
  const auto i = s.issuance();
  Bytes wrong_hash = s.sct(s.p256, i);
  wrong_hash[43] = 6;  // SHA-512
  s.add(i, {s.sct(stranger, i), Bytes(10, 7), wrong_hash, s.sct(s.rsa, i)});
  const auto found = s.check();
  CHECK(of(found.counts, kNoLog, SctResult::kUnknownLog) == 1);
  CHECK(of(found.counts, kNoLog, SctResult::kUnreadable) == 1);
  CHECK(of(found.counts, s.p256.spki_sha256(), SctResult::kUnreadable) == 1);
  CHECK(of(found.counts, s.rsa.spki_sha256(), SctResult::kValid) == 1);
  CHECK(all(found.counts) == 4);

  INFO("a log that is not known any more");
  s.audit.update({});
  CHECK(of(s.check().counts, kNoLog, SctResult::kUnknownLog) == 3);
}

TEST_CASE("an SCT is bad under a proven issuer only, and told of once a log",
          "[monitor][sct_audit]") {
  Scene s;
  s.tiled = GENERATE(false, true);
  CAPTURE(s.tiled);
  REQUIRE(s.audit.issuers().find_or_read(s.ca.intermediate()));
  s.page.first = 1000;
  const auto i = s.issuance();
  const auto other = s.issuance("other.example");
  const Bytes bad = s.damaged(s.sct(s.p256, i));
  const Bytes alien = s.sct(s.p256, other);
  s.add(i, {s.sct(s.p256, i), s.sct(s.rsa, i)});
  s.add(i, {bad, s.sct(s.rsa, i), alien});
  s.page.leaf_hashes[1].fill(9);
  const auto found = s.check();
  CHECK(of(found.counts, s.rsa.spki_sha256(), SctResult::kValid) == 2);
  CHECK(of(found.counts, s.p256.spki_sha256(), SctResult::kValid) == 1);
  CHECK(all(found.counts) == 3);
  REQUIRE(found.suspects.size() == 1);
  const auto& suspect = found.suspects[0];
  CHECK(suspect.index == 1001);
  CHECK(suspect.leaf_hash[0] == 9);
  CHECK(suspect.timestamp == kThen);
  CHECK(suspect.scts == std::vector<Bytes>{bad, alien});
  if (s.tiled) {
    CHECK(suspect.issuer_fingerprint == sha256(s.ca.intermediate()));
  } else {
    CHECK(suspect.issuer == s.ca.intermediate());
  }

  SctCounts counts;
  const LocalCa liar({.organization = "Demo Trust"});
  for (const Bytes& issuer : {liar.intermediate(), Bytes{}, Bytes{0x30}}) {
    CHECK(s.audit.settle(suspect, issuer, s.logs, counts).empty());
  }
  CHECK(of(counts, s.p256.spki_sha256(), SctResult::kUnchecked) == 6);
  CHECK(all(counts) == 6);

  counts.clear();
  const auto told =
      s.audit.settle(suspect, s.ca.intermediate(), s.logs, counts);
  REQUIRE(told.size() == 1);
  CHECK(told[0].log_id == s.p256.spki_sha256());
  CHECK(told[0].sct == bad);
  CHECK(of(counts, s.p256.spki_sha256(), SctResult::kBadSignature) == 2);
  CHECK(s.audit.settle(suspect, s.ca.intermediate(), s.logs, counts).empty());
  CHECK(of(counts, s.p256.spki_sha256(), SctResult::kBadSignature) == 4);
  CHECK(all(counts) == 4);

  s.audit.add_to_totals(found.counts);
  s.audit.add_to_totals(counts);
  CHECK(all(s.audit.totals()) == 7);
}

TEST_CASE("what libcrypto alone calls bad is not told of",
          "[monitor][sct_audit]") {
  Scene s;
  const auto i = s.issuance();
  SuspectCertificate suspect;
  suspect.scts = {s.sct(s.p256, i)};
  suspect.certificate = s.ca.finish(i, suspect.scts);
  SctCounts counts;
  CHECK(s.audit.settle(suspect, s.ca.intermediate(), s.logs, counts).empty());
}

TEST_CASE("without an issuer that can be read nothing is checked",
          "[monitor][sct_audit]") {
  Scene s;
  const auto i = s.issuance();
  const Bytes der = s.ca.finish(i, std::vector<Bytes>{s.sct(s.p256, i)});
  const ctlog::Leaf leaf{
      .timestamp = kThen, .certificate = der, .extensions = {}};
  ctlog::ExtraData data;
  const auto chain = s.ca.chain();
  data.chain.emplace_back(chain[0]);
  const std::string extra =
      to_base64(ctlog::encode_extra_data(ctlog::EntryType::kX509, data));
  std::string wrong = extra;
  wrong[100] = '*';
  for (std::size_t n = 0; n < extra.size(); ++n) {
    s.add_raw(leaf, extra.substr(0, n));
  }
  s.add_raw(leaf, wrong);
  Bytes short_chain = from_base64(extra).value();
  short_chain[2] -= 1;
  s.add_raw(leaf, to_base64(short_chain));
  s.add_raw(leaf, "AAAAAAAA");
  s.add_raw(leaf, "AAAEAAAEAAAA");
  s.add_raw(leaf, "////////////");
  s.add(der, {{}});
  s.add(der, {{0x30, 0x00}});
  const auto found = s.check();
  CHECK(found.suspects.empty());
  CHECK(of(found.counts, s.p256.spki_sha256(), SctResult::kUnchecked) ==
        s.page.entries.size());
  CHECK(all(found.counts) == s.page.entries.size());

  INFO("all of the extra data, and an issuer of another key");
  s.page.entries.clear();
  s.add_raw(leaf, extra);
  CHECK(of(s.check().counts, s.p256.spki_sha256(), SctResult::kValid) == 1);
  s.page.entries.clear();
  s.add(der, {s.ca.root()});
  CHECK(s.check().suspects.size() == 1);
}

TEST_CASE("what a page can ask for is bounded", "[monitor][sct_audit]") {
  Scene s;
  const Hash id = s.p256.spki_sha256();
  const auto i = s.issuance();
  const Bytes good = s.sct(s.p256, i);
  s.add(i, std::vector<Bytes>(SctAudit::kMostScts + 8, good));
  const auto long_list = s.check();
  CHECK(of(long_list.counts, id, SctResult::kValid) == SctAudit::kMostScts);
  CHECK(of(long_list.counts, id, SctResult::kUnchecked) == 8);

  s.page.entries.clear();
  for (std::size_t n = 0; n < SctAudit::kMostSuspects + 4; ++n) {
    s.add(i, {s.damaged(good)});
  }
  PageScts out;
  s.audit.check(s.page, 0, 10, out);
  s.audit.check(s.page, 10, s.page.entries.size(), out);
  CHECK(out.suspects.size() == SctAudit::kMostSuspects);
  CHECK(of(out.counts, id, SctResult::kUnchecked) == 4);

  s.page.entries.clear();
  CertificateSpec spec;
  spec.names = dns_names({"www.example.com"});
  spec.names.resize(
      2, dns_name(std::string(SctAudit::kMostSuspectBytes / 3, 'a')));
  const auto huge = s.ca.precertify(spec);
  for (int n = 0; n < 4; ++n) s.add(huge, {s.damaged(s.sct(s.p256, huge))});
  const auto found = s.check();
  CHECK(found.suspects.size() == 2);
  CHECK(of(found.counts, id, SctResult::kUnchecked) == 2);
}

TEST_CASE("issuers are remembered, up to a limit", "[monitor][sct_audit]") {
  IssuerKeys keys;
  const LocalCa ca({.organization = "Demo Trust"});
  const Bytes der = ca.intermediate();
  CHECK_FALSE(keys.find(sha256(der)));
  CHECK(keys.find_or_read(der) == ca.intermediate_key().spki_sha256());
  CHECK(keys.find(sha256(der)) == ca.intermediate_key().spki_sha256());
  CHECK_FALSE(keys.find_or_read(Bytes{0x30, 0}));

  // Certificates that differ in bytes behind them.
  const auto fill = [&](unsigned from, bool touch) {
    Bytes many = ca.root();
    many.resize(many.size() + 4);
    for (unsigned n = from; n < from + IssuerKeys::kMost; ++n) {
      for (int b = 0; b < 4; ++b) {
        many[many.size() - 1 - b] = static_cast<std::uint8_t>(n >> (8 * b));
      }
      REQUIRE(keys.find_or_read(many));
      if (touch && n % 1000 == 0) REQUIRE(keys.find(sha256(der)));
    }
  };
  fill(0, true);
  fill(100'000, true);
  CHECK(keys.find(sha256(der)));
  fill(200'000, false);
  fill(300'000, false);
  CHECK_FALSE(keys.find(sha256(der)));
}

TEST_CASE("an issuer that is missing is not asked for again for a while",
          "[monitor][sct_audit]") {
  Scene s;
  s.tiled = true;
  const auto i = s.issuance();
  s.add(i, {s.sct(s.p256, i)});
  const Hash issuer = sha256(s.ca.intermediate());
  CHECK(s.audit.unknown_issuers(s.page).size() == 1);
  s.audit.issuers().set_missing(issuer, now_millis() + 100'000);
  CHECK(s.audit.unknown_issuers(s.page).empty());
  s.audit.issuers().set_missing(issuer, now_millis() - 1);
  CHECK(s.audit.unknown_issuers(s.page).size() == 1);

  IssuerKeys keys;
  for (std::size_t n = 0; n <= IssuerKeys::kMost; ++n) {
    Hash h{};
    h[0] = static_cast<std::uint8_t>(n);
    h[1] = static_cast<std::uint8_t>(n >> 8);
    keys.set_missing(h, 1000);
  }
  CHECK_FALSE(keys.is_missing(Hash{}, 10));
}

}  // namespace ct::monitor
