#include "base/gzip.h"

#include <algorithm>
#include <random>
#include <string>

#include "tests/support/catch.h"

namespace ct {
namespace {

Bytes random_bytes(std::size_t n, unsigned alphabet = 256) {
  std::mt19937 random(static_cast<unsigned>(n));
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random() % alphabet);
  return out;
}

Bytes unpacked(ByteView compressed, std::size_t max) {
  const auto out = gunzip(compressed, max);
  REQUIRE(out);
  return {out->view().begin(), out->view().end()};
}

}  // namespace

TEST_CASE("what was compressed comes out as it was", "[base][gzip]") {
  for (const std::size_t n : {0u, 1u, 2u, 1000u, 70'000u}) {
    for (const unsigned alphabet : {2u, 256u}) {
      CAPTURE(n, alphabet);
      const Bytes bytes = random_bytes(n, alphabet);
      CHECK(unpacked(gzip(bytes), n) == bytes);
      CHECK(unpacked(gzip(bytes), 10 * n + 10) == bytes);
    }
  }
}

TEST_CASE("several members are one text, whatever the last one's size",
          "[base][gzip]") {
  Bytes expected, compressed;
  for (const std::size_t n : {5000u, 3u, 40'000u, 0u, 1u}) {
    const Bytes part = random_bytes(n, 16);
    put_bytes(expected, part);
    put_bytes(compressed, gzip(part));
    CAPTURE(n);
    CHECK(unpacked(compressed, 1'000'000) == expected);
  }
}

TEST_CASE("more than was allowed is refused, and not a byte later",
          "[base][gzip]") {
  const Bytes bomb = gzip(Bytes(10'000'000, 0));
  REQUIRE(bomb.size() < 60'000);
  CHECK(unpacked(bomb, 10'000'000).size() == 10'000'000);
  const auto one_less = gunzip(bomb, 9'999'999);
  REQUIRE_FALSE(one_less);
  CHECK(one_less.error().code == Errc::kMalformed);

  // Nor is one that understates what it holds, or that comes in pieces.
  Bytes liar = bomb;
  std::fill(liar.end() - 4, liar.end(), std::uint8_t{0});
  CHECK_FALSE(gunzip(liar, 10'000'000));
  Bytes pieces;
  for (int i = 0; i < 10; ++i) put_bytes(pieces, gzip(Bytes(1000, 0)));
  CHECK(unpacked(pieces, 10'000).size() == 10'000);
  CHECK_FALSE(gunzip(pieces, 9'999));
}

TEST_CASE("a size that is a lie costs no memory", "[base][gzip]") {
  Bytes liar = gzip(random_bytes(100));
  std::fill(liar.end() - 4, liar.end(), std::uint8_t{0xff});
  const auto out = gunzip(liar, 64u << 20);
  REQUIRE_FALSE(out);
  CHECK(out.error().code == Errc::kTransient);
}

TEST_CASE("what is cut off or damaged is refused", "[base][gzip]") {
  const Bytes bytes = random_bytes(3000, 64);
  const Bytes good = gzip(bytes);
  for (std::size_t n = 0; n < good.size(); n += n < 40 ? 1 : 97) {
    CAPTURE(n);
    const auto out = gunzip(ByteView(good).first(n), 1'000'000);
    REQUIRE_FALSE(out);
    CHECK(out.error().code == Errc::kTransient);
  }
  int accepted = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x10;
    const auto out = gunzip(bad, 1'000'000);
    // A few bits of the header, and the last ones of the stream, say nothing.
    CAPTURE(i);
    CHECK((!out || std::ranges::equal(out->view(), bytes)));
    accepted += out ? 1 : 0;
  }
  CHECK(accepted <= 7);
  CHECK_FALSE(gunzip(as_bytes("<html>"), 1'000'000));
}

}  // namespace ct
