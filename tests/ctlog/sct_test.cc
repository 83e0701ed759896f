#include "ctlog/sct.h"

#include <algorithm>
#include <sstream>

#include "base/base64.h"
#include "base/hex.h"
#include "ctlog/bulk_verifier.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_key.h"
#include "x509/precert.h"

namespace ct::ctlog {
namespace {

using test::TestKey;

// ECDSA over SHA-256, the nine bytes "signature".
const char* const kSct =
    "00"
    "69616d617075626c69636b657973686174776f66697665736978646967657374"
    "00000000000004d2"
    "0000"
    "0403"
    "0009"
    "7369676e6174757265";

Bytes sct_bytes() { return from_hex(kSct).value(); }

Bytes list_of(const std::vector<Bytes>& scts) {
  Bytes members;
  for (const Bytes& sct : scts) {
    put_uint(members, sct.size(), 2);
    put_bytes(members, sct);
  }
  Bytes out;
  put_uint(out, members.size(), 2);
  put_bytes(out, members);
  return out;
}

template <class T>
void check_malformed(const Result<T>& r) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
}

Leaf some_precert() {
  static const Bytes tbs(300, 0x30);
  Leaf leaf;
  leaf.type = EntryType::kPrecert;
  leaf.issuer_key_hash.fill(7);
  leaf.certificate = tbs;
  return leaf;
}

}  // namespace

TEST_CASE("an SCT is read field by field", "[ctlog][sct]") {
  const Bytes in = sct_bytes();
  const auto sct = parse_sct(in);
  REQUIRE(sct);
  CHECK(as_text(sct->log_id) == "iamapublickeyshatwofivesixdigest");
  CHECK(sct->timestamp == 1234);
  CHECK(sct->extensions.empty());
  CHECK(as_text(sct->signature.subspan(4)) == "signature");
  CHECK(encode_sct(*sct) == in);
}

TEST_CASE("an SCT cut short, run on or of another version is malformed",
          "[ctlog][sct]") {
  const Bytes in = sct_bytes();
  for (std::size_t n = 0; n < in.size(); ++n) {
    check_malformed(parse_sct(ByteView(in).first(n)));
  }
  Bytes bad = in;
  bad.push_back(0);
  check_malformed(parse_sct(bad));
  bad = in;
  bad[0] = 1;
  check_malformed(parse_sct(bad));
}

TEST_CASE("a list gives its SCTs in order", "[ctlog][sct]") {
  Bytes second = sct_bytes();
  second[40] = 9;  // its timestamp
  const Bytes in = list_of({sct_bytes(), second});
  const auto list = parse_sct_list(in);
  REQUIRE(list);
  CHECK(list->unreadable == 0);
  REQUIRE(list->scts.size() == 2);
  CHECK(encode_sct(list->scts[0]) == sct_bytes());
  CHECK(encode_sct(list->scts[1]) == second);
}

TEST_CASE("an unreadable SCT costs only itself", "[ctlog][sct]") {
  Bytes future = sct_bytes();
  future[0] = 1;
  const Bytes in = list_of({future, sct_bytes(), {}, {0}});
  const auto list = parse_sct_list(in);
  REQUIRE(list);
  CHECK(list->scts.size() == 1);
  CHECK(list->unreadable == 3);
}

TEST_CASE("an SCT that runs over the end of its list is unreadable",
          "[ctlog][sct]") {
  Bytes in = list_of({sct_bytes(), sct_bytes()});
  in[2 + 2 + sct_bytes().size() + 1] += 1;  // the second one's length
  const auto list = parse_sct_list(in);
  REQUIRE(list);
  CHECK(list->scts.size() == 1);
  CHECK(list->unreadable == 1);
}

TEST_CASE("a list whose own length is wrong is malformed", "[ctlog][sct]") {
  const Bytes in = list_of({sct_bytes()});
  for (std::size_t n = 0; n < in.size(); ++n) {
    check_malformed(parse_sct_list(ByteView(in).first(n)));
  }
  Bytes longer = in;
  longer.push_back(0);
  check_malformed(parse_sct_list(longer));
}

TEST_CASE("a log's promise holds for its own entry only", "[ctlog][sct]") {
  for (const TestKey& log : {TestKey::p256(), TestKey::rsa(2048)}) {
    const auto key = LogKey::from_spki(log.spki()).value();
    const Bytes extensions = encode_leaf_index_extension(77);
    Leaf signed_leaf = some_precert();
    signed_leaf.timestamp = 1'700'000'000'000;
    signed_leaf.extensions = extensions;
    const Bytes wire = test::sct_over(log, encode_leaf(signed_leaf),
                                      signed_leaf.timestamp, extensions);
    const auto sct = parse_sct(wire).value();

    // The entry's own timestamp and extensions do not matter.
    CHECK(verify_sct(key, sct, some_precert()));

    const auto fails = [&](const SignedCertificateTimestamp& s, const Leaf& e,
                           Errc code) {
      const auto r = verify_sct(key, s, e);
      REQUIRE_FALSE(r);
      CHECK(r.error().code == code);
    };
    Leaf entry = some_precert();
    entry.type = EntryType::kX509;
    fails(sct, entry, Errc::kUntrusted);
    entry = some_precert();
    entry.issuer_key_hash[0] ^= 1;
    fails(sct, entry, Errc::kUntrusted);
    entry = some_precert();
    entry.certificate = entry.certificate.first(299);
    fails(sct, entry, Errc::kUntrusted);

    SignedCertificateTimestamp bad = sct;
    bad.timestamp += 1;
    fails(bad, some_precert(), Errc::kUntrusted);
    bad = sct;
    bad.extensions = {};
    fails(bad, some_precert(), Errc::kUntrusted);
    bad = sct;
    bad.log_id[5] ^= 1;
    fails(bad, some_precert(), Errc::kMalformed);
    bad = sct;
    bad.signature = bad.signature.first(bad.signature.size() - 1);
    fails(bad, some_precert(), Errc::kMalformed);
  }
}

TEST_CASE("no SCT covers what a leaf cannot hold", "[ctlog][sct]") {
  const TestKey log = TestKey::p256();
  const auto key = LogKey::from_spki(log.spki()).value();
  Leaf entry = some_precert();
  const Bytes wire = test::sct_over(log, encode_leaf(entry), 0, {});
  const auto sct = parse_sct(wire).value();
  const Bytes huge(1u << 24);
  entry.certificate = huge;
  check_malformed(verify_sct(key, sct, entry));
}

namespace {

// Rows of a file of tab-separated values.
std::vector<std::vector<std::string>> read_rows(const std::string& file) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(test::shared_file(file));
  for (std::string line; std::getline(in, line);) {
    auto& row = rows.emplace_back();
    std::istringstream fields(line);
    for (std::string field; std::getline(fields, field, '\t');) {
      row.push_back(field);
    }
  }
  return rows;
}

// A recorded certificate, its SCTs, and the entry that they promise.
class Embedded {
 public:
  explicit Embedded(const std::string& folder)
      : leaf_der_(test::shared_file(folder + "/leaf.der")),
        issuer_der_(test::shared_file(folder + "/issuer.der")) {
    const auto leaf = x509::parse_certificate(as_bytes(leaf_der_));
    const auto issuer = x509::parse_certificate(as_bytes(issuer_der_));
    REQUIRE(leaf);
    REQUIRE(issuer);
    REQUIRE(leaf->sct_list);
    tbs_ = x509::log_tbs(*leaf).value();
    entry_.type = EntryType::kPrecert;
    entry_.issuer_key_hash = x509::spki_sha256(*issuer);
    entry_.certificate = tbs_;
    list_ = parse_sct_list(*leaf->sct_list).value();
  }

  [[nodiscard]] const SctList& list() const { return list_; }
  [[nodiscard]] const Leaf& entry() const { return entry_; }
  [[nodiscard]] const SignedCertificateTimestamp& by(
      const std::string& log_id) const {
    const auto sct = std::ranges::find_if(list_.scts, [&](const auto& s) {
      return to_base64(s.log_id) == log_id;
    });
    REQUIRE(sct != list_.scts.end());
    return *sct;
  }

 private:
  std::string leaf_der_, issuer_der_;
  Bytes tbs_;
  Leaf entry_;
  SctList list_;
};

Result<void> verify_in_bulk(const LogKey& key,
                            const SignedCertificateTimestamp& sct, Leaf leaf) {
  SignedPrecert entry;
  REQUIRE(entry.assign(leaf.issuer_key_hash, leaf.certificate));
  return BulkVerifier::from_key(key).value().verify(sct, entry);
}

LogKey key_of(const std::string& spki_base64) {
  return LogKey::from_spki(from_base64(spki_base64).value()).value();
}

}  // namespace

TEST_CASE("the SCTs of recorded certificates hold", "[ctlog][sct]") {
  if (!test::have_shared_data()) return;
  std::size_t verified = 0;
  for (const auto& row : read_rows("certs/sct/cases.tsv")) {
    if (row.at(0) == "case") continue;
    CAPTURE(row[0], row[2]);
    const Embedded certificate("certs/sct/" + row[0]);
    CHECK(certificate.list().unreadable == 0);
    const auto& sct = certificate.by(row[1]);
    CHECK(std::to_string(sct.timestamp) == row.at(3));
    CHECK((sct.extensions.empty() ? "-" : to_hex(sct.extensions)) == row.at(4));
    CHECK(leaf_index_extension(sct.extensions));
    const LogKey key = key_of(row.at(5));
    REQUIRE(row.at(6) == "verified");
    if (verify_sct(key, sct, certificate.entry())) ++verified;
    CHECK(verify_in_bulk(key, sct, certificate.entry()));

    Leaf other = certificate.entry();
    other.issuer_key_hash[31] ^= 1;
    CHECK_FALSE(verify_sct(key, sct, other));
    CHECK_FALSE(verify_in_bulk(key, sct, other));
  }
  CHECK(verified == 98);
}

TEST_CASE("recorded SCTs for other certificates do not hold", "[ctlog][sct]") {
  if (!test::have_shared_data()) return;
  const std::string folder = GENERATE("certs/sct-bad/boulder-bad",
                                      "certs/sct-bad/ct-test-invalid-embedded");
  const Embedded certificate(folder);
  std::size_t refused = 0;
  for (const auto& row : read_rows(folder + "/scts.tsv")) {
    CAPTURE(folder, row.at(1));
    for (const auto verify : {verify_sct, verify_in_bulk}) {
      const auto r = verify(key_of(row.at(2)), certificate.by(row.at(0)),
                            certificate.entry());
      REQUIRE_FALSE(r);
      CHECK(r.error().code == Errc::kUntrusted);
    }
    ++refused;
  }
  CHECK(refused >= 1);
}

}  // namespace ct::ctlog
