// Single fields of a certificate: keys, times, extensions.
#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "tests/x509/reading.h"
#include "x509/der.h"

namespace ct::x509 {
namespace {

using test::MadeCertificate;

TEST_CASE("unique ids are passed over", "[x509][certificate]") {
  MadeCertificate made;
  made.unique_ids =
      der::concat({der::context(1, Bytes{0, 1}), der::context(2, Bytes{0, 2})});
  const Bytes bytes = made.certificate();
  const auto c = parse_certificate(bytes);
  REQUIRE(c);
  CHECK_FALSE(c->names_incomplete);
  CHECK(c->names.size() == 4);
  CHECK(c->oddities.empty());
}

TEST_CASE("extensions that matter are decoded", "[x509][certificate]") {
  MadeCertificate made;
  made.extensions = {
      der::extension("2.5.29.19", true,
                     der::sequence({der::boolean(true), der::integer(3)})),
      der::extension("2.5.29.15", true, der::bit_string(Bytes{0x00, 0x80}, 7)),
      der::extension("2.5.29.37", false,
                     der::sequence({der::oid("1.3.6.1.4.1.11129.2.4.4")})),
      der::extension("1.3.6.1.5.5.7.1.24", false,
                     der::sequence({der::integer(5)})),
      test::poison()};
  const Bytes bytes = made.certificate();
  const auto c = parse_certificate(bytes);
  REQUIRE(c);
  CHECK(c->is_ca == true);
  CHECK(c->path_length == 3u);
  CHECK(c->key_usage == KeyUsage{1u << 8});  // decipherOnly
  CHECK(c->is_precert_signing_ca);
  CHECK(c->must_staple);
  CHECK(c->has_poison);
  CHECK(c->oddities.empty());
}

TEST_CASE("keys are told by algorithm and size", "[x509][certificate]") {
  const auto spki = [](ByteView algorithm) {
    return der::sequence({algorithm, der::bit_string(Bytes(32, 1))});
  };
  struct Case {
    Bytes spki;
    KeyType type;
    unsigned bits;
    const char* text;
  };
  const Bytes ec = der::oid("1.2.840.10045.2.1");
  const Bytes prime_field =
      der::sequence({der::integer(1),
                     der::sequence({der::oid("1.2.840.10045.1.1"),
                                    der::unsigned_integer(Bytes(48, 0xff))})});
  const Case cases[] = {
      {test::rsa_spki(2048), KeyType::kRsa, 2048, "RSA 2048"},
      {test::rsa_spki(1023), KeyType::kRsa, 1023, "RSA 1023"},
      {test::ec_spki(), KeyType::kEc, 256, "EC P-256"},
      {spki(der::sequence({ec, der::oid("1.3.132.0.35")})), KeyType::kEc, 521,
       "EC P-521"},
      {spki(der::sequence({ec, der::oid("1.2.3.4")})), KeyType::kEc, 0,
       "EC 1.2.3.4"},
      {spki(der::sequence({ec, prime_field})), KeyType::kEc, 384,
       "EC with explicit parameters,"},
      {spki(der::sequence({der::oid("1.3.101.112")})), KeyType::kEd25519, 256,
       "Ed25519"},
      {spki(der::sequence({der::oid("1.3.101.113")})), KeyType::kEd448, 456,
       "Ed448"},
      {spki(der::sequence(
           {der::oid("1.2.840.10040.4.1"),
            der::sequence({der::unsigned_integer(Bytes(128, 0xff))})})),
       KeyType::kDsa, 1024, "DSA 1024"},
      {spki(der::sequence({der::oid("2.16.840.1.101.3.4.3.18")})),
       KeyType::kMlDsa, 0, "ML-DSA-65"},
      {spki(der::sequence({der::oid("2.16.840.1.101.3.4.3.20")})),
       KeyType::kSlhDsa, 0, "SLH-DSA-SHA2-128s"},
      {spki(der::sequence({der::oid("2.16.840.1.101.3.4.3.31")})),
       KeyType::kSlhDsa, 0, "SLH-DSA-SHAKE-256f"},
      {spki(der::sequence({der::oid("1.2.3.4")})), KeyType::kOther, 0,
       "unknown key 1.2.3.4"},
      {der::sequence({}), KeyType::kOther, 0, "unreadable key"},
  };
  for (const Case& k : cases) {
    CAPTURE(k.text);
    MadeCertificate made;
    made.spki = k.spki;
    const Bytes bytes = made.tbs();
    const auto c = parse_tbs(bytes);
    REQUIRE(c);
    CHECK(c->key.type == k.type);
    CHECK(c->key.bits == k.bits);
    CHECK(std::string(describe_key(c->key)).starts_with(k.text));
    CHECK(to_hex(c->key.spki) == to_hex(k.spki));
  }
}

TEST_CASE("times are read as leniently as they are written",
          "[x509][certificate]") {
  struct Case {
    std::uint8_t tag;
    const char* text;
    Seconds t;
    bool odd;
  };
  const auto u = tag::kUtcTime, g = tag::kGeneralizedTime;
  const auto c = GENERATE_COPY(Case{u, "260101000000Z", 1767225600, false},
                               Case{u, "491231235959Z", 2524607999, false},
                               Case{u, "500101000000Z", -631152000, false},
                               Case{u, "2601010000Z", 1767225600, true},
                               Case{u, "260101020000+0200", 1767225600, true},
                               Case{u, "2512312300-0100", 1767225600, true},
                               Case{u, "260101000000", 1767225600, true},
                               Case{u, "260101000060Z", 1767225659, true},
                               Case{u, "260100000000Z", 1767225600, true},
                               Case{u, "251331235959Z", 1767225599, true},
                               Case{u, "260299000000Z", 1772236800, true},
                               Case{g, "99991231235959Z", 253402300799, false},
                               Case{g, "20260101000000Z", 1767225600, false},
                               Case{g, "20260101000000.5Z", 1767225600, true},
                               Case{g, "2026010100", 1767225600, true},
                               Case{g, "00000101000000Z", -62167219200, false});
  CAPTURE(c.text);
  MadeCertificate made;
  made.validity = der::sequence(
      {der::element(c.tag, as_bytes(c.text)), der::time(253402300799)});
  const Bytes bytes = made.tbs();
  const auto parsed = parse_tbs(bytes);
  REQUIRE(parsed);
  CHECK(parsed->not_before == c.t);
  CHECK(parsed->oddities.empty() != c.odd);
}

TEST_CASE("an end that is no time counts as never", "[x509][certificate]") {
  const auto text = GENERATE("", "Z", "x60101000000Z", "26-1-1", "2601010");
  MadeCertificate made;
  made.validity = der::sequence(
      {der::time(0), der::element(tag::kUtcTime, as_bytes(text))});
  const Bytes bytes = made.tbs();
  const auto c = parse_tbs(bytes);
  REQUIRE(c);
  CHECK(c->not_after == 253402300799);
  CHECK(has_oddity(*c, "the validity does not parse"));
}

}  // namespace
}  // namespace ct::x509
