#include "base/hex.h"

#include "tests/support/catch.h"

using namespace ct;

TEST_CASE("hex is lower case and comes back as the bytes it was",
          "[base][hex]") {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  CHECK(to_hex({}).empty());
  CHECK(to_hex(Bytes{0x00, 0x9a, 0xff}) == "009aff");
  CHECK(from_hex(to_hex(all)) == all);
  CHECK(from_hex("AbCd") == Bytes{0xab, 0xcd});
  CHECK(from_hex("") == Bytes{});
}

TEST_CASE("what is not hex is refused", "[base][hex]") {
  for (const char* bad : {"a", "abc", "g0", "0g", "0x12", "12 ", " 12", "-1",
                          "1:", "@0", "`0", "/0"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_hex(bad));
  }
  CHECK_FALSE(from_hex(std::string_view("\0\0", 2)));
}

TEST_CASE("a hash is exactly 64 hex digits", "[base][hex]") {
  const std::string text(64, 'a');
  Hash want;
  want.fill(0xaa);
  CHECK(hash_from_hex(text) == want);
  CHECK_FALSE(hash_from_hex(""));
  CHECK_FALSE(hash_from_hex(text.substr(1)));
  CHECK_FALSE(hash_from_hex(text.substr(2)));
  CHECK_FALSE(hash_from_hex(text + "aa"));
  CHECK_FALSE(hash_from_hex(text.substr(1) + 'x'));
}
