#include "x509/der_writer.h"

#include "base/hex.h"
#include "tests/support/catch.h"
#include "x509/der.h"

namespace ct::x509::der {
namespace {

TEST_CASE("integers take the fewest octets", "[x509][der_writer]") {
  struct Case {
    std::int64_t value;
    const char* hex;
  };
  const auto c =
      GENERATE(Case{0, "020100"}, Case{1, "020101"}, Case{127, "02017f"},
               Case{128, "02020080"}, Case{256, "02020100"}, Case{-1, "0201ff"},
               Case{-128, "020180"}, Case{-129, "0202ff7f"},
               Case{INT64_MAX, "02087fffffffffffffff"},
               Case{INT64_MIN, "02088000000000000000"});
  CHECK(to_hex(integer(c.value)) == c.hex);
}

TEST_CASE("magnitudes stay positive", "[x509][der_writer]") {
  CHECK(to_hex(unsigned_integer({})) == "020100");
  CHECK(to_hex(unsigned_integer(*from_hex("0000"))) == "020100");
  CHECK(to_hex(unsigned_integer(*from_hex("7f"))) == "02017f");
  CHECK(to_hex(unsigned_integer(*from_hex("00ff01"))) == "020300ff01");
}

TEST_CASE("object identifiers are base 128", "[x509][der_writer]") {
  struct Case {
    const char* dotted;
    const char* hex;
  };
  const auto c =
      GENERATE(Case{"2.5.29.17", "0603551d11"},
               Case{"1.2.840.113549", "06062a864886f70d"},
               Case{"1.3.6.1.4.1.11129.2.4.3", "060a2b06010401d679020403"},
               Case{"2.999.1", "0603883701"},
               Case{"0.9.2342",
                    "060309"
                    "9226"},
               // 2^63 - 1
               Case{"1.1.9223372036854775807", "060a29ffffffffffffffff7f"});
  CAPTURE(c.dotted);
  CHECK(to_hex(oid(c.dotted)) == c.hex);
}

TEST_CASE("lengths are minimal at every border", "[x509][der_writer]") {
  struct Case {
    std::size_t size;
    const char* header;
  };
  const auto c = GENERATE(Case{0, "0400"}, Case{127, "047f"},
                          Case{128, "048180"}, Case{255, "0481ff"},
                          Case{256, "04820100"}, Case{65536, "0483010000"});
  const Bytes out = octet_string(Bytes(c.size, 7));
  const std::string_view header(c.header);
  CHECK(to_hex(ByteView(out).first(header.size() / 2)) == header);
  CHECK(out.size() == c.size + header.size() / 2);
}

TEST_CASE("times take the form the year asks for", "[x509][der_writer]") {
  const auto text = [](const Bytes& e) {
    return std::string(as_text(ByteView(e).subspan(2)));
  };
  CHECK(text(time(0)) == "700101000000Z");
  CHECK(text(time(2524607999)) == "491231235959Z");
  CHECK(text(time(2524608000)) == "20500101000000Z");
  CHECK(text(time(-631152000)) == "500101000000Z");
  CHECK(text(time(-631152001)) == "19491231235959Z");
  CHECK(text(time(INT64_MAX / 4)) == "99991231235959Z");
  CHECK(text(generalized_time(253402300799)) == "99991231235959Z");
  CHECK(time(0)[0] == tag::kUtcTime);
  CHECK(time(2524608000)[0] == tag::kGeneralizedTime);
}

TEST_CASE("composite values nest", "[x509][der_writer]") {
  CHECK(to_hex(sequence({integer(1), null()})) == "30050201010500");
  CHECK(to_hex(set({boolean(true)})) == "31030101ff");
  CHECK(to_hex(context(2, as_bytes("a"))) == "820161");
  CHECK(to_hex(context_constructed(3, null())) == "a3020500");
  CHECK(to_hex(bit_string(*from_hex("a0"), 5)) == "030205a0");
  CHECK(to_hex(rdn("2.5.4.3", printable_string("x"))) ==
        "310a300806035504031301"
        "78");
  // DEFAULT FALSE is not encoded.
  CHECK(to_hex(extension("2.5.29.17", false, null())) ==
        "30090603551d1104020500");
  CHECK(to_hex(extension("2.5.29.17", true, null())) ==
        "300c0603551d110101ff04020500");
  CHECK(to_hex(concat({null(), null()})) == "05000500");
}

}  // namespace
}  // namespace ct::x509::der
