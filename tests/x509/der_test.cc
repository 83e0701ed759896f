#include "x509/der.h"

#include "base/hex.h"
#include "tests/support/catch.h"
#include "x509/der_writer.h"

namespace ct::x509 {
namespace {

TEST_CASE("elements come off the front one by one", "[x509][der]") {
  const Bytes in = *from_hex(
      "020101"
      "0c026869"
      "3000");
  DerReader r(in);

  const auto number = r.expect(tag::kInteger);
  REQUIRE(number);
  CHECK(to_hex(number->body) == "01");
  CHECK(to_hex(number->whole) == "020101");

  CHECK_FALSE(r.expect(tag::kInteger));
  CHECK(r.peek_tag() == tag::kUtf8String);
  const auto text = r.any();
  REQUIRE(text);
  CHECK(as_text(text->body) == "hi");

  const auto last = r.any();
  REQUIRE(last);
  CHECK(last->body.empty());
  CHECK(r.empty());
  CHECK_FALSE(r.any());
  CHECK_FALSE(r.peek_tag());
  CHECK_FALSE(r.saw_ber_length());
}

TEST_CASE("the views alias the input", "[x509][der]") {
  const Bytes in = *from_hex("0402abcd");
  const auto e = DerReader(in).any();
  REQUIRE(e);
  CHECK(e->whole.data() == in.data());
  CHECK(e->body.data() == in.data() + 2);
}

TEST_CASE("a refused length leaves the reader where it was", "[x509][der]") {
  struct Case {
    const char* why;
    const char* hex;
  };
  const auto c = GENERATE(
      Case{"it is missing", ""}, Case{"it ends within its header", "30"},
      Case{"its length is indefinite (BER)", "30800201010000"},
      Case{"its length takes more than four bytes", "308500000000020101"},
      Case{"its length takes more than four bytes", "30ff0101"},
      Case{"it ends within its header", "3082"},
      Case{"it ends within its header", "308201"},
      Case{"its length goes beyond the end", "3001"},
      Case{"its tag number is above 30", "1f8101020304"});
  CAPTURE(c.why, c.hex);
  const Bytes in = *from_hex(c.hex);
  DerReader r(in);
  const auto before = r.rest().size();
  CHECK_FALSE(r.any());
  CHECK(r.rest().size() == before);
  CHECK(r.why_not() == c.why);
}

TEST_CASE("a length in more bytes than needed is read and remembered",
          "[x509][der]") {
  const auto hex =
      GENERATE("30810100", "3082000100", "308300000100", "30840000000100");
  CAPTURE(hex);
  const Bytes in = *from_hex(hex);
  DerReader r(in);
  const auto e = r.any();
  REQUIRE(e);
  CHECK(e->body.size() == 1);
  CHECK(r.empty());
  CHECK(r.saw_ber_length());

  // Needed bytes, with a zero in front.
  Bytes padded = *from_hex(
      "048300"
      "0100");
  padded.resize(5 + 256);
  DerReader p(padded);
  REQUIRE(p.any());
  CHECK(p.saw_ber_length());
}

TEST_CASE("long lengths are DER where they are needed", "[x509][der]") {
  const auto size = GENERATE(127u, 128u, 255u, 256u, 65535u, 65536u);
  CAPTURE(size);
  const Bytes in = der::octet_string(Bytes(size, 0x5a));
  DerReader r(in);
  const auto e = r.any();
  REQUIRE(e);
  CHECK(e->body.size() == size);
  CHECK_FALSE(r.saw_ber_length());

  // One byte less than the length says.
  DerReader cut(ByteView(in).first(in.size() - 1));
  CHECK_FALSE(cut.any());
}

TEST_CASE("a wrong tag is told from a wrong length", "[x509][der]") {
  const Bytes in = *from_hex("020101");
  const DerReader r(in);
  CHECK(r.why_not() == "it has another tag");
}

}  // namespace
}  // namespace ct::x509
