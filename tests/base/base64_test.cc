#include "base/base64.h"

#include <mbedtls/base64.h>

#include <random>

#include "tests/support/catch.h"

using namespace ct;

namespace {

Bytes random_bytes(std::size_t n, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

std::string encode_elsewhere(ByteView in) {
  std::size_t n = 0;
  mbedtls_base64_encode(nullptr, 0, &n, in.data(), in.size());
  std::string out(n, '\0');
  REQUIRE(mbedtls_base64_encode(reinterpret_cast<unsigned char*>(out.data()),
                                out.size(), &n, in.data(), in.size()) == 0);
  out.resize(n);
  return out;
}

}  // namespace

TEST_CASE("the vectors of RFC 4648, section 10", "[base][base64]") {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    CAPTURE(plain);
    CHECK(to_base64(as_bytes(plain)) == coded);
    const auto back = from_base64(coded);
    REQUIRE(back);
    CHECK(as_text(*back) == plain);
  }
}

TEST_CASE("base64 of every length agrees with mbedTLS", "[base][base64]") {
  for (std::size_t n = 0; n <= 4096; ++n) {
    const Bytes bytes = random_bytes(n, static_cast<std::uint32_t>(n));
    const std::string text = to_base64(bytes);
    if (text != encode_elsewhere(bytes) || from_base64(text) != bytes) {
      FAIL("length " << n);
    }
  }
  SUCCEED();
}

TEST_CASE("base64 with a character that is none is refused wherever it stands",
          "[base][base64]") {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  // Long enough for every vector kernel to have a body and a tail.
  const std::size_t n = GENERATE(3u, 7u, 8u, 48u, 97u, 191u, 200u, 400u);
  const std::string good = to_base64(random_bytes(n, 1));
  Bytes out(base64_room(good.size()));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      const char bad = static_cast<char>(c);
      if (kAlphabet.find(bad) != std::string_view::npos) continue;
      std::string text = good;
      text[at] = bad;
      // '=' may be what stands there, or be padding in the last places.
      if (bad == '=' && at + 2 >= good.size()) continue;
      if (decode_base64(text, out.data())) FAIL("byte " << c << " at " << at);
    }
  }
  SUCCEED();
}

TEST_CASE("base64 is strict about padding, size and unused bits",
          "[base][base64]") {
  for (const char* bad : {"Z",        "Zg",       "Zg=",   "Zm8",   "Zg==Zg==",
                          "Zm8=Zm8=", "====",     "Z===",  "=Zg=",  "Zg=A",
                          "Zh==",     "Zv==",     "Zm9=",  "Zm+=",  "Zm9v\n",
                          "Zm9v=",    "Zm9v====", " Zm9v", "Zm 9v", "Zm9-",
                          "Zm9_",     "Zm=v"}) {
    CAPTURE(bad);
    CHECK_FALSE(from_base64(bad));
  }
  CHECK_FALSE(from_base64(std::string_view("Zm9v\0\0\0\0", 8)));
}
