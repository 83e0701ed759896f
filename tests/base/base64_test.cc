#include "base/base64.h"

#include <mbedtls/base64.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "base/base64_kernels.h"
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

// The kernels of this machine, and none.
std::vector<const base64_detail::Kernel*> kernels() {
  const auto usable = base64_detail::usable_kernels();
  std::vector<const base64_detail::Kernel*> out(usable.begin(), usable.end());
  out.push_back(nullptr);
  return out;
}

std::optional<Bytes> decode(const base64_detail::Kernel* kernel,
                            std::string_view text) {
  // On the heap and of exact sizes, for the address sanitizer.
  const std::vector<char> copy(text.begin(), text.end());
  Bytes out(base64_room(text.size()));
  const auto n = base64_detail::decode_with(kernel, {copy.data(), copy.size()},
                                            out.data());
  if (!n) return std::nullopt;
  out.resize(*n);
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
    for (const auto* kernel : kernels()) {
      if (decode(kernel, text) != bytes) {
        FAIL((kernel ? kernel->name : "plain") << ", length " << n);
      }
    }
  }
  SUCCEED();
}

TEST_CASE("base64 of every length decodes in place, and nothing behind it",
          "[base][base64]") {
  const std::string behind(100, '#');
  for (std::size_t n = 0; n <= 1024; ++n) {
    const Bytes bytes = random_bytes(n, static_cast<std::uint32_t>(n));
    const std::string text = to_base64(bytes);
    for (const auto* kernel : kernels()) {
      std::string place = text + behind;
      auto* const at = reinterpret_cast<std::uint8_t*>(place.data());
      const auto size = base64_detail::decode_with(
          kernel, std::string_view(place).substr(0, text.size()), at);
      if (size != n || !std::equal(bytes.begin(), bytes.end(), at) ||
          place.substr(text.size()) != behind) {
        FAIL((kernel ? kernel->name : "plain") << ", length " << n);
      }
    }
  }
  SUCCEED();
}

TEST_CASE("base64 with a character that is none is refused wherever it stands",
          "[base][base64]") {
  // Long enough for every kernel to have a body and a tail.
  const std::size_t n = GENERATE(3u, 7u, 8u, 26u, 48u, 97u, 191u, 200u, 400u);
  std::string text = to_base64(random_bytes(n, 1));
  for (const auto* kernel : kernels()) {
    Bytes out(base64_room(text.size()));
    for (std::size_t at = 0; at < text.size(); ++at) {
      for (int c = 0; c < 256; ++c) {
        const char bad = static_cast<char>(c);
        if (base64_detail::kAlphabet.find(bad) != std::string_view::npos) {
          continue;
        }
        // '=' may be what stands there, or be padding in the last places.
        if (bad == '=' && at + 2 >= text.size()) continue;
        const char good = std::exchange(text[at], bad);
        if (base64_detail::decode_with(kernel, text, out.data())) {
          FAIL((kernel ? kernel->name : "plain")
               << ": byte " << c << " at " << at << " of " << text.size());
        }
        text[at] = good;
      }
    }
    REQUIRE(base64_detail::decode_with(kernel, text, out.data()) == n);
  }
}

TEST_CASE("every digit is worth the same to every kernel", "[base][base64]") {
  for (const auto* kernel : kernels()) {
    for (std::size_t shift = 0; shift < 64; ++shift) {
      std::string text(base64_detail::kAlphabet);
      std::rotate(text.begin(), text.begin() + static_cast<long>(shift),
                  text.end());
      text += text;
      REQUIRE(decode(kernel, text) == decode(nullptr, text));
      REQUIRE(to_base64(*decode(kernel, text)) == text);
    }
  }
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
    CHECK_FALSE(decode(nullptr, bad));
  }
  CHECK_FALSE(from_base64(std::string_view("Zm9v\0\0\0\0", 8)));
}
