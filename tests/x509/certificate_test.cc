#include "x509/certificate.h"

#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "x509/der.h"
#include "x509/names.h"

namespace ct::x509 {
namespace {

using test::MadeCertificate;

std::vector<std::string> shown(const std::vector<Name>& names) {
  std::vector<std::string> out;
  for (const Name& n : names) {
    const bool octets = n.kind == NameKind::kIp ||
                        n.kind == NameKind::kDirectory ||
                        n.kind == NameKind::kOtherName;
    out.push_back(std::string(to_string(n.kind)) + ":" +
                  (octets ? to_hex(n.value) : std::string(as_text(n.value))));
  }
  return out;
}

class Sink : public NameSink {
 public:
  void name(const Name& n) override { names.push_back(n); }
  std::vector<Name> names;
};

bool has_oddity(const Certificate& c, std::string_view phrase) {
  return std::ranges::find(c.oddities, phrase) != c.oddities.end();
}

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

TEST_CASE("what could hide a name makes the names incomplete",
          "[x509][certificate]") {
  struct Case {
    const char* what;
    Bytes subject;
    std::vector<Bytes> extensions;
  };
  const MadeCertificate plain;
  const auto san_of = [](ByteView value) {
    return std::vector<Bytes>{der::extension("2.5.29.17", false, value)};
  };
  const Bytes good = test::dns("seen.example");
  const Case cases[] = {
      {"SAN is no sequence", plain.subject, san_of(der::null())},
      {"SAN is empty", plain.subject, san_of({})},
      {"bytes behind the SAN", plain.subject,
       san_of(der::concat({der::sequence({good}), der::null()}))},
      {"a name's length goes beyond", plain.subject,
       san_of(der::sequence({good, *from_hex("820578")}))},
      {"an indefinite length", plain.subject,
       san_of(*from_hex("3080820161"
                        "0000"))},
      {"a constructed dNSName", plain.subject,
       san_of(der::sequence({der::context_constructed(2, good)}))},
      {"an unknown kind of name", plain.subject,
       san_of(der::sequence({der::context(9, as_bytes("x"))}))},
      {"a directory name that is none", plain.subject,
       san_of(der::sequence({der::context_constructed(4, der::null())}))},
      {"bytes behind a directory name", plain.subject,
       san_of(der::sequence({der::context_constructed(
           4, der::concat({test::name({test::cn("a")}), der::null()}))}))},
      {"an other name without a type", plain.subject,
       san_of(der::sequence({der::context_constructed(0, der::null())}))},
      {"a principal name that is no string", plain.subject,
       san_of(der::sequence({der::context_constructed(
           0, der::concat({der::oid("1.3.6.1.4.1.311.20.2.3"),
                           der::context_constructed(0, der::null())}))}))},
      {"an extension without OID",
       plain.subject,
       {der::sequence({der::null()})}},
      {"an extension that is no sequence", plain.subject, {der::null()}},
      {"a SAN without value",
       plain.subject,
       {der::sequence({der::oid("2.5.29.17")})}},
      {"a SAN whose critical is malformed",
       plain.subject,
       {der::sequence({der::oid("2.5.29.17"), *from_hex("0100"),
                       der::octet_string(der::sequence({good}))})}},
      {"another extension without value",
       plain.subject,
       {der::sequence({der::oid("2.5.29.15")})}},
      {"bytes behind the value of the SAN",
       plain.subject,
       {der::sequence({der::oid("2.5.29.17"),
                       der::octet_string(der::sequence({good})),
                       der::octet_string(der::sequence({good}))})}},
      {"a subject RDN that is no set", der::sequence({der::sequence({})}), {}},
      {"an attribute that is no sequence",
       der::sequence({der::set({der::null()})}),
       {}},
      {"an attribute without value",
       der::sequence({der::set({der::sequence({der::oid("2.5.4.3")})})}),
       {}},
      {"a common name that is no string",
       test::name({der::rdn("2.5.4.3", der::null())}),
       {}},
      {"a constructed common name",
       test::name(
           {der::rdn("2.5.4.3", der::element(0x2c, der::utf8_string("x")))}),
       {}},
      {"a common name with a long tag",
       test::name({der::rdn("2.5.4.3", *from_hex("1f0c0161"))}),
       {}},
      {"an attribute with two values",
       der::sequence(
           {der::set({der::sequence({der::oid("2.5.4.3"), der::utf8_string("a"),
                                     der::utf8_string("b")})})}),
       {}},
  };
  for (const Case& k : cases) {
    CAPTURE(k.what);
    MadeCertificate made;
    made.subject = k.subject;
    made.extensions = k.extensions;
    const Bytes der = made.certificate();
    const auto c = parse_certificate(der);
    REQUIRE(c);
    CHECK(c->names_incomplete);
    CHECK_FALSE(c->oddities.empty());
    Sink sink;
    CHECK_FALSE(scan_names(der, false, sink));
  }
}

TEST_CASE("an unreadable value of another extension hides no name",
          "[x509][certificate]") {
  MadeCertificate made;
  made.extensions.push_back(der::extension("2.5.29.15", false, {}));
  made.extensions.push_back(der::extension("2.5.29.37", false, der::null()));
  const Bytes der = made.certificate();
  const auto c = parse_certificate(der);
  REQUIRE(c);
  CHECK_FALSE(c->names_incomplete);
  CHECK(has_oddity(*c, "extension 2.5.29.15 does not parse"));
  CHECK(has_oddity(*c, "extension 2.5.29.37 does not parse"));
  Sink sink;
  CHECK(scan_names(der, false, sink));
  CHECK(sink.names.size() == 4);
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

TEST_CASE("bytes behind a certificate are an oddity", "[x509][certificate]") {
  Bytes der = MadeCertificate().certificate();
  const std::size_t size = der.size();
  der.push_back(0);
  const auto c = parse_certificate(der);
  REQUIRE(c);
  CHECK(c->der.size() == size);
  CHECK(has_oddity(*c, "bytes behind the certificate"));
  Sink sink;
  CHECK(scan_names(der, false, sink));
}

TEST_CASE("every truncation is refused", "[x509][certificate]") {
  const Bytes der = MadeCertificate().certificate();
  for (std::size_t n = 0; n < der.size(); ++n) {
    const ByteView cut = ByteView(der).first(n);
    const auto c = parse_certificate(cut);
    REQUIRE_FALSE(c);
    CHECK(c.error().code == Errc::kMalformed);
    Sink sink;
    CHECK_FALSE(scan_names(cut, false, sink));
  }
}

// Headers of all elements, found by going down wherever that is possible.
void find_headers(ByteView in, const std::uint8_t* base,
                  std::vector<std::size_t>& out) {
  DerReader r(in);
  while (!r.empty()) {
    const auto e = r.any();
    if (!e) return;
    out.push_back(static_cast<std::size_t>(e->whole.data() - base));
    if (e->tag & 0x20 || e->tag == tag::kOctetString) {
      find_headers(e->body, base, out);
    }
  }
}

TEST_CASE("a length that is one off never hides a name in silence",
          "[x509][certificate]") {
  const Bytes der = test::realistic_certificate().certificate();
  const auto whole = parse_certificate(der);
  REQUIRE(whole);
  const auto expected = shown(whole->names);
  std::vector<std::size_t> headers;
  find_headers(der, der.data(), headers);
  REQUIRE(headers.size() > 60);
  for (const std::size_t at : headers) {
    for (const int step : {-1, 1}) {
      Bytes bad = der;
      const std::size_t width = bad[at + 1] < 0x80 ? 0 : bad[at + 1] & 0x7f;
      bad[at + 1 + width] =
          static_cast<std::uint8_t>(bad[at + 1 + width] + step);
      CAPTURE(at, step);
      const auto c = parse_certificate(bad);
      Sink sink;
      const bool complete = scan_names(bad, false, sink);
      CHECK(complete == (c && !c->names_incomplete));
      if (!complete) continue;
      // Complete, so the damage must lie elsewhere or be in plain sight: as
      // many names as before.
      CHECK(c->names.size() == expected.size());
    }
  }
}

TEST_CASE("indefinite lengths are refused by name", "[x509][certificate]") {
  const MadeCertificate made;
  Bytes der = {0x30, 0x80};
  put_bytes(der, made.tbs());
  put_bytes(der, made.algorithm);
  put_bytes(der, der::bit_string(Bytes(71, 1)));
  put_bytes(der, Bytes{0, 0});
  const auto c = parse_certificate(der);
  REQUIRE_FALSE(c);
  CHECK(c.error().what ==
        "certificate does not parse: certificate: its length is indefinite "
        "(BER)");
  const auto found = names_in_bytes(der);
  for (const char* name :
       {"www.example.com", "example.com", "*.api.example.net"}) {
    CHECK(std::ranges::find(found, name) != found.end());
  }
}

TEST_CASE("the part that is refused is named", "[x509][certificate]") {
  MadeCertificate made;
  const auto refused_for = [&made](const std::string& part) {
    const auto c = parse_tbs(made.tbs());
    REQUIRE_FALSE(c);
    CHECK(c.error().what == "certificate does not parse: " + part);
  };
  SECTION("serial") {
    made.serial = der::null();
    refused_for("serial number: it has another tag");
  }
  SECTION("algorithm") {
    made.algorithm = der::null();
    refused_for("signature algorithm: it has another tag");
  }
  SECTION("issuer") {
    made.issuer = *from_hex("3080");
    refused_for("issuer: its length is indefinite (BER)");
  }
  SECTION("subject") {
    made.subject = der::null();
    refused_for("subject: it has another tag");
  }
  SECTION("key") {
    made.spki = {};
    made.extensions = {};
    refused_for("public key: it is missing");
  }
}

TEST_CASE("strangers among the TBS's last fields leave doubt",
          "[x509][certificate]") {
  const Bytes strangers[] = {
      der::context_constructed(3, der::sequence({})),  // a second [3]
      der::null(),
      *from_hex("9f"),  // unreadable
  };
  const Bytes only_extensions[] = {
      der::context_constructed(3, der::null()),
      der::context_constructed(3, {}),
      der::context_constructed(
          3, der::concat({der::sequence({test::san({test::dns("a.b")})}),
                          der::null()})),
  };
  const auto check_doubt = [](const MadeCertificate& made) {
    const Bytes der = made.certificate();
    const auto c = parse_certificate(der);
    REQUIRE(c);
    CHECK(c->names_incomplete);
    CHECK(has_oddity(*c, "the extensions do not parse"));
    Sink sink;
    CHECK_FALSE(scan_names(der, false, sink));
  };
  for (const Bytes& stranger : strangers) {
    MadeCertificate made;
    made.unique_ids = stranger;
    check_doubt(made);
  }
  for (const Bytes& extensions : only_extensions) {
    MadeCertificate made;
    made.extensions.clear();
    made.unique_ids = extensions;
    check_doubt(made);
  }
}

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
