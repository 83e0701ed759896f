#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"
#include "x509/certificate.h"
#include "x509/der.h"

namespace ct::x509 {
namespace {

TEST_CASE("strings of all types become UTF-8", "[x509][strings]") {
  const auto utf8 = [](std::uint8_t tag, std::string_view hex) {
    return string_to_utf8(tag, *from_hex(hex));
  };
  CHECK(utf8(tag::kUtf8String, "c3bc") == "\xc3\xbc");
  CHECK(utf8(tag::kUtf8String, "41ff42") ==
        "A\xef\xbf\xbd"
        "B");
  CHECK(utf8(tag::kUtf8String, "c0af") == "\xef\xbf\xbd\xef\xbf\xbd");
  // Overlong forms.
  CHECK(utf8(tag::kUtf8String, "e080af").find('/') == std::string::npos);
  CHECK(utf8(tag::kUtf8String, "f08080af").find('/') == std::string::npos);
  CHECK(utf8(tag::kUtf8String, "eda080") ==
        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(utf8(tag::kT61String, "fc") == "\xc3\xbc");
  CHECK(utf8(tag::kT61String, "c3bc") == "\xc3\xbc");
  CHECK(utf8(tag::kBmpString, "00fc0416") == "\xc3\xbc\xd0\x96");
  CHECK(utf8(tag::kBmpString, "d83dde00") == "\xf0\x9f\x98\x80");
  CHECK(utf8(tag::kBmpString, "d83d0041") ==
        "\xef\xbf\xbd"
        "A");
  CHECK(utf8(tag::kBmpString, "004100") == "A\xef\xbf\xbd");
  CHECK(utf8(tag::kUniversalString, "0001f600") == "\xf0\x9f\x98\x80");
  CHECK(utf8(tag::kUniversalString, "00110000") == "\xef\xbf\xbd");
  CHECK(utf8(tag::kPrintableString, "4142") == "AB");
  CHECK(utf8(tag::kIa5String, "") == "");
  CHECK(utf8(0, "610062") == std::string("a\0b", 3));
}

TEST_CASE("object identifiers are written with dots", "[x509][strings]") {
  const auto dotted = [](std::string_view hex) {
    return format_oid(*from_hex(hex));
  };
  CHECK(dotted("551d11") == "2.5.29.17");
  CHECK(dotted("2a864886f70d") == "1.2.840.113549");
  CHECK(dotted("883701") == "2.999.1");
  CHECK(dotted("00") == "0.0");
  CHECK(dotted("") == "malformed OID ");
  CHECK(dotted("5586") == "malformed OID 5586");
  CHECK(dotted("2affffffffffffffffffff7f") ==
        "malformed OID 2affffffffffffffffffff7f");
  CHECK(format_oid(Bytes(1000, 1)).size() < 200);
}

TEST_CASE("distinguished names are written as RFC 4514 has it",
          "[x509][strings]") {
  const auto written = [](const std::vector<Bytes>& rdns) {
    const Bytes n = test::name(rdns);
    return format_name(n);
  };
  CHECK(written({}) == "");
  CHECK(written({test::cn("R11")}) == "CN=R11");
  CHECK(written({der::rdn("2.5.4.6", der::printable_string("US")),
                 der::rdn("2.5.4.10", der::utf8_string("Let's Encrypt")),
                 test::cn("R11")}) == "C=US, O=Let's Encrypt, CN=R11");
  CHECK(written({test::cn("a, b+c\"d\\e<f>g;h")}) ==
        "CN=a\\, b\\+c\\\"d\\\\e\\<f\\>g\\;h");
  CHECK(written({test::cn(" x ")}) == "CN=\\ x\\ ");
  CHECK(written({test::cn("#x#")}) == "CN=\\#x#");
  CHECK(written({test::cn("a\nb")}) == "CN=a\\0Ab");
  CHECK(written({test::cn(std::string_view("a\0b", 3))}) == "CN=a\\00b");
  // A right-to-left override.
  CHECK(written({test::cn("a\xe2\x80\xae"
                          "b")}) == "CN=a\\E2\\80\\AEb");
  CHECK(written({der::rdn("1.2.3", der::utf8_string("x"))}) == "1.2.3=x");
  CHECK(
      format_name(der::sequence({der::set(
          {der::sequence({der::oid("2.5.4.3"), der::utf8_string("a")}),
           der::sequence({der::oid("2.5.4.10"), der::utf8_string("b")})})})) ==
      "CN=a+O=b");
  CHECK(format_name(der::sequence({der::set({der::null()})})) ==
        "(unreadable)");
  CHECK(format_name({}) == "(unreadable)");
}

TEST_CASE("the first attribute of a type is given", "[x509][strings]") {
  const Bytes two = test::name(
      {test::cn("first"), test::cn("second"),
       der::rdn("2.5.4.10", der::element(tag::kBmpString, *from_hex("0041")))});
  CHECK(common_name(two) == "first");
  CHECK(organization(two) == "A");
  CHECK(organization(test::name({test::cn("x")})) == "");
  CHECK(common_name({}) == "");
}

TEST_CASE("PEM blocks are written and read", "[x509][strings]") {
  const Bytes der = test::MadeCertificate().certificate();
  const std::string pem = to_pem("CERTIFICATE", der);
  CHECK(pem.starts_with("-----BEGIN CERTIFICATE-----\nMI"));
  CHECK(pem.ends_with("\n-----END CERTIFICATE-----\n"));
  CHECK(pem.find('\n', 28) == 28 + 64);

  const auto blocks = from_pem(
      "CERTIFICATE", "text\r\n" + pem + to_pem("X509 CRL", der) + pem + "tail");
  REQUIRE(blocks);
  REQUIRE(blocks->size() == 2);
  CHECK((*blocks)[0] == der);
  CHECK((*blocks)[1] == der);
  CHECK(from_pem("CERTIFICATE", "nothing here").value().empty());
  // Bits that the padding leaves unused.
  CHECK(from_pem("X", "-----BEGIN X-----\nAQ8=\nAQ==-----END X-----\n")
            .error()
            .code == Errc::kMalformed);
  CHECK(from_pem("X", "-----BEGIN X-----\nAQ9=\n-----END X-----\n")
            .value()
            .at(0) == Bytes{1, 15});
  CHECK(from_pem("X", "-----BEGIN X-----\nAf==\n-----END X-----\n")
            .value()
            .at(0) == Bytes{1});
}

TEST_CASE("a broken PEM block is refused with its number", "[x509][strings]") {
  const std::string good = to_pem("X", Bytes{1, 2, 3});
  const auto broken = from_pem("X", good +
                                        "-----BEGIN X-----\nA*==\n"
                                        "-----END X-----\n");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == Errc::kMalformed);
  CHECK(broken.error().what == "X block 2: broken base64");
  const auto open = from_pem("X", "-----BEGIN X-----\nAQID\n");
  REQUIRE_FALSE(open);
  CHECK_THAT(open.error().what, ContainsSubstring("-----END X-----"));
}

TEST_CASE("attributes are found in a formatted name", "[x509][strings]") {
  const std::string dn =
      "C=US, O=A\\, B\\+C \\\\ \\E2\\80\\AE\\ , OU=x+CN=first, CN=second, X=\\";
  CHECK(attribute_of(dn, "C") == "US");
  CHECK(attribute_of(dn, "O") == "A, B+C \\ \xe2\x80\xae ");
  CHECK(attribute_of(dn, "OU") == "x");
  CHECK(attribute_of(dn, "CN") == "first");
  CHECK(attribute_of(dn, "X") == "\\");
  CHECK(attribute_of(dn, "N").empty());
  CHECK(attribute_of("", "CN").empty());
  CHECK(attribute_of("(unreadable)", "CN").empty());
}

}  // namespace
}  // namespace ct::x509
