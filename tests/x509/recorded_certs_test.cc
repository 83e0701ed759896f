// All recorded certificates, against what others read in them: a plain DER
// walk (expected-names.jsonl) and OpenSSL.
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "base/hex.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "tests/support/shared_data.h"
#include "tests/x509/reading.h"
#include "x509/certificate.h"
#include "x509/names.h"
#include "x509/precert.h"

namespace ct::x509 {
namespace {

std::multiset<std::string> as_set(const std::vector<Name>& names) {
  std::multiset<std::string> out;
  for (const Name& n : names) {
    out.insert(std::string(to_string(n.kind)) + "/" +
               std::to_string(n.string_tag) + "/" + to_hex(n.value));
  }
  return out;
}

struct Recorded {
  std::string file;
  std::map<std::string, std::string> row;  // of index.tsv
  Bytes der;
};

// Certificates of a file as index.tsv counts them: PEM blocks whose label
// says certificate, or one DER; found by their hash.
std::map<std::string, Bytes> certificates_by_hash(const std::string& text) {
  std::map<std::string, Bytes> out;
  const auto add = [&](Bytes der) {
    out[to_hex(sha256(der))] = std::move(der);
  };
  for (const char* label :
       {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}) {
    auto blocks = from_pem(label, text);
    if (!blocks) continue;
    for (Bytes& der : *blocks) add(std::move(der));
  }
  const ByteView all = as_bytes(text);
  add(Bytes(all.begin(), all.end()));
  return out;
}

std::vector<std::map<std::string, std::string>> index_rows() {
  std::istringstream in(test::shared_file("certs/index.tsv"));
  std::vector<std::map<std::string, std::string>> out;
  std::vector<std::string> columns;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> fields(1);
    for (const char c : line) {
      if (c == '\t') {
        fields.emplace_back();
      } else {
        fields.back() += c;
      }
    }
    if (columns.empty()) {
      columns = fields;
      continue;
    }
    auto& row = out.emplace_back();
    for (std::size_t i = 0; i < fields.size(); ++i) row[columns[i]] = fields[i];
  }
  return out;
}

const std::vector<Recorded>& recorded() {
  static const std::vector<Recorded> all = [] {
    std::vector<Recorded> out;
    std::string file;
    std::map<std::string, Bytes> ders;
    for (auto& row : index_rows()) {
      if (row["file"] != file) {
        file = row["file"];
        ders = certificates_by_hash(test::shared_file("certs/" + file));
      }
      const auto found = ders.find(row["sha256"]);
      if (found == ders.end()) {
        FAIL("no certificate " << row["sha256"] << " in " << file);
      }
      out.push_back({file, row, found->second});
    }
    return out;
  }();
  return all;
}

struct FreeX509 {
  void operator()(X509* p) const { X509_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
using X509Ptr = std::unique_ptr<X509, FreeX509>;

X509Ptr openssl_parse(ByteView der) {
  const unsigned char* p = der.data();
  return X509Ptr(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
}

// Names of the SAN's IA5 kinds and addresses, as OpenSSL gives them.
std::multiset<std::string> openssl_names(X509* x) {
  std::multiset<std::string> out;
  // -2: the extension occurs more than once; then each one counts.
  for (int at = X509_get_ext_by_NID(x, NID_subject_alt_name, -1); at >= 0;
       at = X509_get_ext_by_NID(x, NID_subject_alt_name, at)) {
    auto* names =
        static_cast<GENERAL_NAMES*>(X509V3_EXT_d2i(X509_get_ext(x, at)));
    for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names); ++i) {
      const GENERAL_NAME* const g = sk_GENERAL_NAME_value(names, i);
      int type = 0;
      const void* const value = GENERAL_NAME_get0_value(g, &type);
      const char* kind = type == GEN_DNS     ? "DNS"
                         : type == GEN_EMAIL ? "email"
                         : type == GEN_URI   ? "URI"
                         : type == GEN_IPADD ? "IP"
                                             : nullptr;
      if (kind == nullptr) continue;
      const auto* const s = static_cast<const ASN1_STRING*>(value);
      out.insert(std::string(kind) + "/" +
                 to_hex({ASN1_STRING_get0_data(s),
                         static_cast<std::size_t>(ASN1_STRING_length(s))}));
    }
    GENERAL_NAMES_free(names);
  }
  return out;
}

std::multiset<std::string> own_san(const Certificate& c) {
  std::multiset<std::string> out;
  for (const Name& n : c.names) {
    if (n.kind > NameKind::kIp || n.string_tag != 0) continue;
    out.insert(std::string(to_string(n.kind)) + "/" + to_hex(n.value));
  }
  return out;
}

std::optional<Seconds> openssl_time(const ASN1_TIME* t) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(t, &tm) != 1) return std::nullopt;
  return timegm(&tm);
}

// Compares all that both understand. Counts what was compared.
struct Compared {
  unsigned certificates = 0, times = 0, keys = 0;
};

void compare_with_openssl(ByteView der, X509* x, Compared& count) {
  const auto c = parse_certificate(der);
  REQUIRE(c);
  ++count.certificates;

  CHECK(c->version == static_cast<unsigned>(X509_get_version(x)) + 1);
  // OpenSSL keeps magnitude and sign: compare the octets it would write.
  unsigned char* serial = nullptr;
  const int n = i2d_ASN1_INTEGER(X509_get_serialNumber(x), &serial);
  REQUIRE(n > 2);
  const ByteView written(serial + 2, static_cast<std::size_t>(n) - 2);
  if (n < 130) CHECK(to_hex(c->serial) == to_hex(written));
  OPENSSL_free(serial);

  const auto from = openssl_time(X509_get0_notBefore(x));
  const auto to = openssl_time(X509_get0_notAfter(x));
  if (from && to) {
    ++count.times;
    CHECK(c->not_before == *from);
    CHECK(c->not_after == *to);
  }

  const std::unique_ptr<EVP_PKEY, FreeX509> key(X509_get_pubkey(x));
  if (key != nullptr) {
    ++count.keys;
    const unsigned bits = static_cast<unsigned>(EVP_PKEY_get_bits(key.get()));
    switch (EVP_PKEY_get_base_id(key.get())) {
      case EVP_PKEY_RSA:
      case EVP_PKEY_RSA_PSS:
        CHECK(c->key.type == KeyType::kRsa);
        CHECK(c->key.bits == bits);
        break;
      case EVP_PKEY_EC:
      case EVP_PKEY_SM2:
        CHECK(c->key.type == KeyType::kEc);
        // OpenSSL counts the order, which is not always the field's size.
        if (c->key.bits != 0) CHECK(c->key.bits == bits);
        break;
      case EVP_PKEY_DSA:
        CHECK(c->key.type == KeyType::kDsa);
        CHECK(c->key.bits == bits);
        break;
      case EVP_PKEY_ED25519:
        CHECK(c->key.type == KeyType::kEd25519);
        break;
      case EVP_PKEY_ED448:
        CHECK(c->key.type == KeyType::kEd448);
        break;
      default:
        CHECK(c->key.type == KeyType::kOther);
    }
  }
  unsigned char* spki = nullptr;
  const int spki_size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
  REQUIRE(spki_size > 0);
  CHECK(to_hex(c->key.spki) ==
        to_hex({spki, static_cast<std::size_t>(spki_size)}));
  OPENSSL_free(spki);

  if (!c->names_incomplete) CHECK(own_san(*c) == openssl_names(x));
  CHECK(static_cast<int>(c->extensions.size()) == X509_get_ext_count(x));
}

// Why names of these may be missing; every other recorded certificate that
// parses has all its names.
const std::map<std::string, std::string> kIncomplete = {
    {"zlint/SANDNSNameNotFQDN.pem", "its SAN holds INTEGERs"},
    {"mbedtls/server5-tricky-ip-san-malformed-len.crt.der", "a length is off"},
    {"mbedtls/parse_input/server5-directoryname-seq-malformed.crt.der",
     "a directory name that is no SEQUENCE"},
    {"mbedtls/parse_input/server5-second-directoryname-oid-malformed.crt.der",
     "an attribute without OID"},
    {"pyca/custom/long-form-name-attribute.pem", "a tag number above 30"},
    {"boringssl-x509/invalid_extension_intermediate_subject_alt_name.pem",
     "its SAN is text"},
    {"boringssl-x509/invalid_extension_root_subject_alt_name.pem",
     "its SAN is text"},
    {"boringssl-parse/extensions_data_after_sequence.pem",
     "bytes where an extension should be"},
    {"boringssl-parse/extensions_not_sequence.pem", "[3] without a SEQUENCE"},
    {"boringssl-parse/subjectaltname_trailing_data.pem",
     "bytes behind the SAN"},
};

TEST_CASE("recorded certificates parse, or are refused for a right reason",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  std::set<std::string> incomplete;
  unsigned parsed = 0;
  for (const Recorded& r : recorded()) {
    CAPTURE(r.file, r.row.at("n"), r.row.at("flags"));
    const bool openssl_refuses = r.row.at("openssl") == "refused";
    const auto c = parse_certificate(r.der);
    if (!c) {
      CAPTURE(c.error().what);
      CHECK(c.error().code == Errc::kMalformed);
      const bool indefinite =
          c.error().what.find("indefinite") != std::string::npos;
      CHECK((openssl_refuses || indefinite));
      continue;
    }
    ++parsed;
    CHECK(to_hex(c->serial) == r.row.at("serial"));
    const auto scts = find_sct_list(r.der);
    CHECK(scts.has_value() == c->sct_list.has_value());
    if (scts && c->sct_list) CHECK(std::ranges::equal(*scts, *c->sct_list));
    const auto tbs = log_tbs(r.der), slow_tbs = log_tbs(*c);
    CHECK(tbs.has_value() == slow_tbs.has_value());
    if (tbs && slow_tbs) CHECK(*tbs == *slow_tbs);
    if (c->names_incomplete) incomplete.insert(r.file);
    // Read where OpenSSL would not, but never as if nothing were wrong.
    if (openssl_refuses && r.file != "ct-python/cert_bad_utf8_subject.pem") {
      CHECK_FALSE(c->oddities.empty());
    }
  }
  CHECK(parsed > 2050);
  for (const std::string& file : incomplete) {
    CAPTURE(file);
    CHECK(kIncomplete.contains(file));
  }
  CHECK(incomplete.size() == kIncomplete.size());
}

std::string latin1(ByteView octets) {
  std::string out;
  for (const std::uint8_t b : octets) {
    if (b >= 0x80) out += static_cast<char>(0xc0 | b >> 6);
    out += static_cast<char>(b < 0x80 ? b : 0x80 | (b & 0x3f));
  }
  return out;
}

// The octets as Latin-1, in UTF-8: how expected-names.jsonl writes text.
std::string latin1_shown(const Name& n) {
  return n.kind == NameKind::kIp ? to_hex(n.value) : latin1(n.value);
}

TEST_CASE("recorded names are found to the octet", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  std::map<std::string, const Bytes*> ders;
  for (const Recorded& r : recorded()) ders[r.row.at("sha256")] = &r.der;
  std::istringstream in(test::shared_file("certs/expected-names.jsonl"));
  unsigned compared = 0;
  for (std::string line; std::getline(in, line);) {
    const auto expected = nlohmann::json::parse(line);
    const auto file = expected["file"].get<std::string>();
    CAPTURE(file, expected["n"].get<int>());
    const auto c = parse_certificate(*ders.at(expected["sha256"]));
    if (!c) {  // no certificates: they have no names to be missed
      for (const char* kind : {"dns", "email", "uri", "ip"}) {
        CHECK(expected[kind].empty());
      }
      continue;
    }
    // Ours are of both SANs, the expected ones of one of them.
    if (file == "zlint/extSANDuplicated.pem") continue;
    ++compared;
    std::map<std::string, std::vector<std::string>> found;
    for (const Name& n : c->names) {
      // Those within directory names of the SAN are ours alone.
      const bool of_subject =
          n.value.data() >= c->subject.data() &&
          n.value.data() <= c->subject.data() + c->subject.size();
      if (n.kind == NameKind::kCommonName && of_subject) {
        found["cn"].push_back(latin1_shown(n));
      }
      if (n.string_tag != 0) continue;
      if (n.kind == NameKind::kDns) found["dns"].push_back(latin1_shown(n));
      if (n.kind == NameKind::kEmail) found["email"].push_back(latin1_shown(n));
      if (n.kind == NameKind::kUri) found["uri"].push_back(latin1_shown(n));
      if (n.kind == NameKind::kIp) found["ip"].push_back(latin1_shown(n));
    }
    std::vector<std::string> cn;
    for (const auto& pair : expected["cn"]) cn.push_back(pair[1]);
    CHECK(found["cn"] == cn);
    for (const char* kind : {"dns", "email", "uri", "ip"}) {
      CAPTURE(kind);
      CHECK(found[kind] == expected[kind].get<std::vector<std::string>>());
    }
  }
  CHECK(compared > 2050);
}

TEST_CASE("OpenSSL reads the same in recorded certificates",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  Compared count;
  for (const Recorded& r : recorded()) {
    CAPTURE(r.file, r.row.at("n"));
    const auto x = openssl_parse(r.der);
    if (x == nullptr || !parse_certificate(r.der)) continue;
    compare_with_openssl(r.der, x.get(), count);
  }
  CHECK(count.certificates > 2000);
  CHECK(count.times > 1900);
  CHECK(count.keys > 1800);
}

TEST_CASE("OpenSSL reads the same in made certificates", "[x509][openssl]") {
  test::MadeCertificate odd;
  odd.serial = der::integer(-129);
  odd.subject = test::name({test::cn("x"), test::cn("y")});
  odd.validity =
      der::sequence({der::time(-631152000), der::time(253402300799)});
  odd.extensions = {test::san(
      {test::dns("a.example"), test::ip("c0000201"), test::email("a@b.c"),
       test::uri("urn:x"), test::dns("*.b.example")},
      true)};
  test::MadeCertificate plain;
  plain.spki = test::rsa_spki(3072);
  Compared count;
  for (const auto& made :
       {test::MadeCertificate(), test::realistic_certificate(), odd, plain}) {
    const Bytes der = made.certificate();
    const auto x = openssl_parse(der);
    REQUIRE(x != nullptr);
    compare_with_openssl(der, x.get(), count);
  }
  CHECK(count.times == 4);
}

TEST_CASE("the bulk scan finds what the parser finds in recorded certificates",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  for (const Recorded& r : recorded()) {
    CAPTURE(r.file, r.row.at("n"));
    const auto c = parse_certificate(r.der);
    Sink sink;
    const bool complete = scan_names(r.der, false, sink);
    CHECK(complete == (c && !c->names_incomplete));
    if (!c) continue;
    CHECK(as_set(sink.names) == as_set(c->names));
    Sink of_tbs;
    CHECK(scan_names(c->tbs, true, of_tbs) == complete);
    CHECK(as_set(of_tbs.names) == as_set(c->names));
  }
}

TEST_CASE("a recorded certificate's TBS for logs is stable",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  unsigned changed = 0;
  for (const Recorded& r : recorded()) {
    CAPTURE(r.file, r.row.at("n"));
    const auto c = parse_certificate(r.der);
    if (!c) continue;
    const auto tbs = log_tbs(*c);
    if (!tbs) {  // only for extensions that do not parse
      CHECK(c->names_incomplete);
      continue;
    }
    const auto again = parse_tbs(*tbs);
    REQUIRE(again);
    CHECK(log_tbs(*again).value() == *tbs);
    CHECK_FALSE(again->has_poison);
    CHECK_FALSE(again->sct_list);
    CHECK(as_set(again->names) == as_set(c->names));
    const bool logged = c->has_poison || c->sct_list;
    changed += logged;
    // DER to begin with, and nothing to take out: nothing changes.
    if (!logged && !c->extensions.empty() &&
        std::ranges::find(c->oddities, "lengths are not in DER") ==
            c->oddities.end()) {
      CHECK(std::ranges::equal(*tbs, c->tbs));
    }
  }
  CHECK(changed > 100);
}

TEST_CASE("recorded names are found without parsing, too", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  unsigned looked_for = 0;
  for (const Recorded& r : recorded()) {
    CAPTURE(r.file, r.row.at("n"));
    const auto c = parse_certificate(r.der);
    if (!c || c->names.size() > 500) continue;
    const auto all = names_in_bytes(r.der);
    const std::set<std::string> found(all.begin(), all.end());
    for (const Name& n : c->names) {
      const std::string_view host = as_text(n.value);
      if (n.kind != NameKind::kDns || !is_canonical_host(host) ||
          host.find('.') == host.npos || host.size() > 253) {
        continue;
      }
      ++looked_for;
      CAPTURE(std::string(host));
      CHECK(found.contains(std::string(host)));
    }
  }
  CHECK(looked_for > 1000);
}

}  // namespace
}  // namespace ct::x509
