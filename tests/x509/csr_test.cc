#include "x509/csr.h"

#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"

namespace ct::x509 {
namespace {

struct MadeRequest {
  Bytes version = der::integer(0);
  Bytes subject = test::name({test::cn("www.example.com")});
  Bytes spki = test::ec_spki();
  Bytes attributes = der::context_constructed(
      0, extension_request("1.2.840.113549.1.9.14",
                           {test::san({test::dns("www.example.com"),
                                       test::dns("example.com")})}));

  static Bytes extension_request(const char* type,
                                 const std::vector<Bytes>& extensions) {
    return der::sequence(
        {der::oid(type), der::set({der::sequence({test::join(extensions)})})});
  }
  [[nodiscard]] Bytes request() const {
    return der::sequence({der::sequence({version, subject, spki, attributes}),
                          der::sequence({der::oid("1.2.840.10045.4.3.2")}),
                          der::bit_string(Bytes(71, 1))});
  }
};

TEST_CASE("a request gives its key and names", "[x509][csr]") {
  const MadeRequest made;
  const Bytes der = made.request();
  const auto csr = parse_csr(der);
  REQUIRE(csr);
  CHECK(to_hex(csr->key.spki) == to_hex(made.spki));
  CHECK(describe_key(csr->key) == "EC P-256");
  CHECK(common_name(csr->subject) == "www.example.com");
  REQUIRE(csr->names.size() == 3);
  CHECK(as_text(csr->names[0].value) == "www.example.com");
  CHECK(as_text(csr->names[1].value) == "example.com");
  CHECK(csr->names[2].kind == NameKind::kCommonName);
}

TEST_CASE("a request without attributes has the subject's names",
          "[x509][csr]") {
  const Bytes challenge =
      der::sequence({der::oid("1.2.840.113549.1.9.7"),
                     der::set({der::utf8_string("challenge")})});
  for (const Bytes& attributes : {Bytes{}, der::context_constructed(0, {}),
                                  der::context_constructed(0, challenge)}) {
    MadeRequest made;
    made.attributes = attributes;
    const Bytes der = made.request();
    const auto csr = parse_csr(der);
    REQUIRE(csr);
    CHECK(csr->names.size() == 1);
  }
}

TEST_CASE("Microsoft's extension request is read too", "[x509][csr]") {
  MadeRequest made;
  made.attributes = der::context_constructed(
      0, MadeRequest::extension_request("1.3.6.1.4.1.311.2.1.14",
                                        {test::san({test::dns("a.example")})}));
  const Bytes der = made.request();
  const auto csr = parse_csr(der);
  REQUIRE(csr);
  REQUIRE(csr->names.size() == 2);
  CHECK(as_text(csr->names[0].value) == "a.example");
}

TEST_CASE("a broken request is refused with its part", "[x509][csr]") {
  MadeRequest made;
  const auto refused_for = [&made](const std::string& part) {
    const auto csr = parse_csr(made.request());
    REQUIRE_FALSE(csr);
    CHECK(csr.error().code == Errc::kMalformed);
    CHECK(csr.error().what == "certification request does not parse: " + part);
  };
  SECTION("version") {
    made.version = der::null();
    refused_for("version: it has another tag");
  }
  SECTION("subject") {
    made.subject = der::null();
    refused_for("subject: it has another tag");
  }
  SECTION("an unreadable common name") {
    made.subject = der::sequence({der::null()});
    refused_for("subject: a part of it does not parse");
  }
  SECTION("key") {
    made.spki = der::null();
    refused_for("public key: it has another tag");
  }
  SECTION("a key without algorithm") {
    made.spki = der::sequence({der::null()});
    refused_for("public key: the public key does not parse");
  }
  SECTION("a key whose algorithm is empty") {
    made.spki = der::sequence(
        {der::sequence({*from_hex("0600")}), der::bit_string(Bytes{4})});
    refused_for("public key: the public key does not parse");
  }
  SECTION("an attribute") {
    made.attributes = der::context_constructed(0, der::null());
    refused_for("attributes: one does not parse");
  }
  SECTION("a requested name") {
    made.attributes = der::context_constructed(
        0, MadeRequest::extension_request(
               "1.2.840.113549.1.9.14",
               {der::extension("2.5.29.17", false, der::null())}));
    refused_for("attributes: one does not parse");
  }
}

TEST_CASE("every truncation of a request is refused", "[x509][csr]") {
  Bytes der = MadeRequest().request();
  for (std::size_t n = 0; n < der.size(); ++n) {
    CHECK_FALSE(parse_csr(ByteView(der).first(n)));
  }
  der.push_back(0);
  CHECK_FALSE(parse_csr(der));
}

TEST_CASE("a certificate is no request", "[x509][csr]") {
  CHECK_FALSE(parse_csr(test::MadeCertificate().certificate()));
}

}  // namespace
}  // namespace ct::x509
