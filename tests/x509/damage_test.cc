// Certificates broken in all ways: nothing is misread, no name hidden.
#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "tests/x509/reading.h"
#include "x509/der.h"
#include "x509/names.h"

namespace ct::x509 {
namespace {

using test::MadeCertificate;

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

}  // namespace
}  // namespace ct::x509
