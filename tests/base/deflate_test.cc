#include "base/deflate.h"

#include <random>

#include "tests/support/catch.h"

namespace ct {
namespace {

Bytes random_bytes(std::mt19937& random, std::size_t n, unsigned alphabet) {
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random() % alphabet);
  return out;
}

}  // namespace

TEST_CASE("what was deflated comes out as it was, by its dictionary",
          "[base][deflate]") {
  std::mt19937 random(1);
  for (const std::size_t n : {0u, 1u, 300u, 70'000u}) {
    for (const std::size_t d : {0u, 1u, 500u, 8192u, 100'000u}) {
      CAPTURE(n, d);
      const Bytes bytes = random_bytes(random, n, 16);
      const Bytes dictionary = random_bytes(random, d, 16);
      const Bytes packed = deflate_against(bytes, dictionary);
      const auto out = inflate_against(packed, dictionary, n);
      REQUIRE(out);
      CHECK(*out == bytes);
      if (n > 0) CHECK_FALSE(inflate_against(packed, dictionary, n - 1));
    }
  }
}

TEST_CASE("a dictionary stands in for what it holds", "[base][deflate]") {
  std::mt19937 random(2);
  const Bytes dictionary = random_bytes(random, 1'000, 256);
  CHECK(deflate_against(dictionary, dictionary).size() < 50);
  // Its last bytes count.
  Bytes long_one = dictionary;
  put_bytes(long_one, random_bytes(random, 20'000, 256));
  CHECK(deflate_against(dictionary, long_one).size() > 900);
  CHECK(deflate_against(ByteView(long_one).last(1'000), long_one).size() < 50);
}

TEST_CASE("damaged bytes are refused or come out otherwise",
          "[base][deflate]") {
  std::mt19937 random(3);
  const Bytes bytes = random_bytes(random, 400, 8);
  const Bytes packed = deflate_against(bytes, {});
  for (std::size_t i = 0; i < packed.size(); ++i) {
    CAPTURE(i);
    const auto cut = inflate_against(ByteView(packed).first(i), {}, 400);
    CHECK_FALSE(cut);
    Bytes changed = packed;
    changed[i] ^= 0x10;
    const auto other = inflate_against(changed, {}, 400);
    // The last byte has bits that mean nothing.
    if (i + 1 < packed.size()) CHECK((!other || *other != bytes));
  }
  Bytes trailing = packed;
  trailing.push_back(0);
  CHECK_FALSE(inflate_against(trailing, {}, 400));
}

}  // namespace ct
