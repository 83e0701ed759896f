#include "base/json_text.h"

#include <vector>

#include "base/json_text_kernels.h"
#include "tests/support/catch.h"

using namespace ct;
using json_text_detail::usable_kernels;

namespace {

// On the heap and of exact size, for the address sanitizer.
std::size_t length(const json_text_detail::Kernel& kernel,
                   std::string_view text) {
  const std::vector<char> copy(text.begin(), text.end());
  return kernel.length({copy.data(), copy.size()});
}

}  // namespace

TEST_CASE("plain text ends at the first byte that a string cannot hold",
          "[base][json_text]") {
  for (const auto& kernel : usable_kernels()) {
    CAPTURE(kernel.name);
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const bool may_stand =
          byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
      std::string text(150, 'A');
      for (const std::size_t at : {0u, 31u, 64u, 127u, 149u}) {
        text[at] = c;
        CAPTURE(byte, at);
        CHECK(length(kernel, text) == (may_stand ? text.size() : at));
        text[at] = 'A';
      }
    }
  }
}

TEST_CASE("plain text of any length ends anywhere", "[base][json_text]") {
  for (const auto& kernel : usable_kernels()) {
    CAPTURE(kernel.name);
    for (std::size_t n = 0; n < 200; ++n) {
      std::string text(n, '/');
      REQUIRE(length(kernel, text) == n);
      for (std::size_t at = 0; at < n; ++at) {
        text[at] = '"';
        if (at + 1 < n) text[at + 1] = '\\';
        REQUIRE(length(kernel, text) == at);
        text[at] = '/';
        if (at + 1 < n) text[at + 1] = '/';
      }
    }
  }
  CHECK(plain_text_length("AAAA\",") == 4);
  CHECK(plain_text_length("") == 0);
}
