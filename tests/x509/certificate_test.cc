#include "x509/certificate.h"

#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "tests/x509/reading.h"
#include "x509/der.h"

namespace ct::x509 {
namespace {

using test::MadeCertificate;

TEST_CASE("a plain certificate is read in full", "[x509][certificate]") {
  const Bytes der = test::realistic_certificate().certificate();
  const auto c = parse_certificate(der);
  REQUIRE(c);
  CHECK(c->der.size() == der.size());
  CHECK(c->version == 3);
  CHECK(to_hex(c->serial) == "1234567890");
  CHECK(format_name(c->issuer) == "C=US, O=Made CA, CN=Made CA 1");
  CHECK(common_name(c->issuer) == "Made CA 1");
  CHECK(organization(c->issuer) == "Made CA");
  CHECK(format_name(c->subject) == "CN=www.example.com");
  CHECK(c->not_before == 1767225600);
  CHECK(c->not_after == 1774915200);
  CHECK(c->key.type == KeyType::kRsa);
  CHECK(c->key.bits == 2048);
  CHECK(describe_key(c->key) == "RSA 2048");
  CHECK(format_oid(c->signature_algorithm_oid) == "1.2.840.10045.4.3.2");
  CHECK(c->signature.size() == 71);
  CHECK(shown(c->names) == std::vector<std::string>{
                               "DNS:www.example.com", "DNS:example.com",
                               "DNS:*.api.example.net", "CN:www.example.com"});
  CHECK(c->key_usage == KeyUsage{0b101});  // digitalSignature, keyEncipherment
  REQUIRE(c->extended_key_usage.size() == 2);
  CHECK(format_oid(c->extended_key_usage[0]) == "1.3.6.1.5.5.7.3.1");
  CHECK(c->is_ca == false);
  CHECK_FALSE(c->path_length);
  REQUIRE(c->policies.size() == 1);
  CHECK(format_oid(c->policies[0]) == "2.23.140.1.2.1");
  CHECK(c->subject_key_id.size() == 20);
  CHECK(c->authority_key_id.size() == 20);
  CHECK(c->ocsp_urls ==
        std::vector<std::string_view>{"http://ocsp.ca.example"});
  CHECK(c->issuer_urls ==
        std::vector<std::string_view>{"http://certs.ca.example/1.der"});
  CHECK(c->crl_urls ==
        std::vector<std::string_view>{"http://crl.ca.example/1.crl"});
  REQUIRE(c->sct_list);
  CHECK(c->sct_list->size() == 242);
  CHECK_FALSE(c->has_poison);
  CHECK_FALSE(c->must_staple);
  CHECK_FALSE(c->is_precert_signing_ca);
  CHECK(c->extensions.size() == 10);
  CHECK(c->extensions[0].critical);
  CHECK(c->oddities.empty());
  CHECK_FALSE(c->names_incomplete);
}

TEST_CASE("a bare TBS reads like its certificate", "[x509][certificate]") {
  const MadeCertificate made;
  const Bytes tbs = made.tbs();
  const auto c = parse_tbs(tbs);
  REQUIRE(c);
  CHECK(c->der.empty());
  CHECK(c->tbs.size() == tbs.size());
  CHECK(c->signature.empty());
  CHECK(c->names.size() == 4);
  CHECK(c->oddities.empty());
}

TEST_CASE("every kind of name is found, by both readers",
          "[x509][certificate]") {
  MadeCertificate made;
  made.subject = test::name(
      {der::rdn("2.5.4.10", der::printable_string("Org")), test::cn("a.b"),
       der::rdn("2.5.4.11", der::utf8_string("unit")),
       der::rdn("1.2.840.113549.1.9.1", der::ia5_string("x@y.z"))});
  const Bytes upn = der::concat(
      {der::oid("1.3.6.1.4.1.311.20.2.3"),
       der::context_constructed(0, der::utf8_string("u@corp.example"))});
  const Bytes srv = der::concat(
      {der::oid("1.3.6.1.5.5.7.8.7"),
       der::context_constructed(0, der::ia5_string("_xmpp.example.org"))});
  const Bytes unknown = der::concat(
      {der::oid("1.2.3"), der::context_constructed(0, der::null())});
  made.extensions = {test::san(
      {test::dns("d.example"), test::email("e@example.com"),
       test::uri("https://u.example/"), test::ip("c0000201"),
       test::ip("20010db8000000000000000000000001"),
       der::context_constructed(4, test::name({test::cn("dir.example")})),
       der::context_constructed(0, upn), der::context_constructed(0, srv),
       der::context_constructed(0, unknown),
       der::context_constructed(3, der::null()),
       der::context_constructed(5, der::null()),
       der::context(8, *from_hex("2a03"))})};
  const Bytes der = made.certificate();
  const auto c = parse_certificate(der);
  REQUIRE(c);
  CHECK_FALSE(c->names_incomplete);
  const std::vector<std::string> expected = {
      "DNS:d.example",
      "email:e@example.com",
      "URI:https://u.example/",
      "IP:c0000201",
      "IP:20010db8000000000000000000000001",
      "directory:" + to_hex(test::name({test::cn("dir.example")})),
      "CN:dir.example",
      "other name:" + to_hex(upn),
      "email:u@corp.example",
      "other name:" + to_hex(srv),
      "DNS:_xmpp.example.org",
      "other name:" + to_hex(unknown),
      "O:Org",
      "CN:a.b",
      "emailAddress:x@y.z"};
  CHECK(shown(c->names) == expected);

  Sink sink;
  CHECK(scan_names(der, false, sink));
  auto scanned = shown(sink.names);
  auto parsed = expected;
  std::ranges::sort(scanned);
  std::ranges::sort(parsed);
  CHECK(scanned == parsed);

  Sink from_tbs;
  const Bytes tbs = made.tbs();
  CHECK(scan_names(tbs, true, from_tbs));
  CHECK(shown(from_tbs.names) == shown(sink.names));
}

TEST_CASE("two subject alternative names are both read",
          "[x509][certificate]") {
  MadeCertificate made;
  made.extensions = {test::san({test::dns("one.example")}),
                     test::san({test::dns("two.example")})};
  const Bytes bytes = made.certificate();
  const auto c = parse_certificate(bytes);
  REQUIRE(c);
  CHECK(has_oddity(*c, "extension 2.5.29.17 occurs twice"));
  CHECK(c->names.size() == 3);
  CHECK_FALSE(c->names_incomplete);
}

TEST_CASE("oddities are read and noted", "[x509][certificate]") {
  MadeCertificate made;
  const auto notes = [&made](std::string_view expected) {
    const Bytes der = made.certificate();
    const auto c = parse_certificate(der);
    REQUIRE(c);
    CAPTURE(c->oddities);
    CHECK(has_oddity(*c, expected));
    CHECK_FALSE(c->names_incomplete);
  };
  SECTION("negative serial") {
    made.serial = der::integer(-5);
    notes("the serial number is negative");
  }
  SECTION("zero serial") {
    made.serial = der::integer(0);
    notes("the serial number is zero");
  }
  SECTION("long serial") {
    made.serial = der::unsigned_integer(Bytes(21, 0x11));
    notes("the serial number is over 20 octets");
  }
  SECTION("padded serial") {
    made.serial = *from_hex("02020001");
    notes("the serial number has needless leading octets");
  }
  SECTION("empty serial") {
    made.serial = *from_hex("0200");
    notes("the serial number is empty");
  }
  SECTION("version 1 with extensions") {
    made.version = {};
    notes("extensions in a certificate of version 1");
  }
  SECTION("version 9") {
    made.version = der::context_constructed(0, der::integer(8));
    notes("the version is none of 1, 2 and 3");
  }
  SECTION("version 1, spelled out") {
    made.version = der::context_constructed(0, der::integer(0));
    notes("version 1 is spelled out");
  }
  SECTION("validity without seconds") {
    made.validity =
        der::sequence({der::element(tag::kUtcTime, as_bytes("2601010000Z")),
                       der::time(1774915200)});
    notes("a validity time is not as RFC 5280 has it");
  }
  SECTION("validity that is no time") {
    made.validity = der::sequence({der::null(), der::null()});
    notes("the validity does not parse");
  }
  SECTION("ends before it begins") {
    made.validity = der::sequence({der::time(1000), der::time(10)});
    notes("it ends before it begins");
  }
  SECTION("BER length") {
    Bytes serial = *from_hex("0281022345");
    made.serial = serial;
    notes("lengths are not in DER");
  }
  SECTION("NUL") {
    made.extensions = {test::san({test::dns(std::string_view("a\0b", 3))})};
    notes("a NUL within a name");
  }
  SECTION("empty name") {
    made.extensions = {test::san({test::dns("")})};
    notes("an empty name");
  }
  SECTION("no UTF-8") {
    made.subject = test::name({test::cn("\xff")});
    notes("a UTF8String that is not UTF-8");
  }
  SECTION("address as a DNS name") {
    made.extensions = {test::san({test::dns("192.0.2.7")})};
    notes("an IP address as a DNS name");
  }
  SECTION("address with mask") {
    made.extensions = {test::san({test::ip("c0000200ffffff00")})};
    notes("an IP address of neither 4 nor 16 octets");
  }
  SECTION("Latin-1 in a DNS name") {
    made.extensions = {test::san({test::dns("m\xfcnchen.example")})};
    notes("a name beyond ASCII");
  }
  SECTION("URL in a DNS name") {
    made.extensions = {test::san({test::dns("http://example.com")})};
    notes("a DNS name with more than a host");
  }
  SECTION("white space") {
    made.extensions = {test::san({test::dns("example.com ")})};
    notes("white space in a DNS name");
  }
  SECTION("poison that is not NULL") {
    made.extensions.push_back(
        der::extension("1.3.6.1.4.1.11129.2.4.3", true, der::integer(1)));
    notes("extension 1.3.6.1.4.1.11129.2.4.3 does not parse");
  }
  SECTION("critical spelled FALSE") {
    made.extensions.push_back(
        der::sequence({der::oid("1.2.3"), der::boolean(false),
                       der::octet_string(der::null())}));
    notes("an extension is not in DER");
  }
  SECTION("a key that is none") {
    made.spki = der::sequence({der::null()});
    notes("the public key does not parse");
  }
  SECTION("an issuer that does not parse") {
    made.issuer = der::sequence({der::null()});
    notes("the issuer does not parse");
  }
}

TEST_CASE("oddities do not pile up", "[x509][certificate]") {
  MadeCertificate made;
  made.extensions.clear();
  for (unsigned i = 0; i < 200; ++i) {
    const Bytes x = der::extension("1.2.3." + std::to_string(i), false, {});
    made.extensions.push_back(x);
    made.extensions.push_back(x);
  }
  const Bytes bytes = made.certificate();
  const auto c = parse_certificate(bytes);
  REQUIRE(c);
  CHECK(c->oddities.size() == 32);
  CHECK(c->extensions.size() == 400);
}

}  // namespace
}  // namespace ct::x509
