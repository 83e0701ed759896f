// The ways base64 can be decoded on this processor; base/base64.h is what
// others use.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace ct::base64_detail {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
// What no digit is worth: the one with the top bit set.
constexpr std::uint8_t kNoDigit = 0x80;

// By character.
constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] =
        static_cast<std::uint8_t>(i);
  }
  return values;
}();

struct Progress {
  std::size_t digits;  // decoded, a multiple of four
  bool good;           // all of them were digits
};

// Decodes digits from the front of `n`, a multiple of four, none of them
// padding, as far as whole registers go. Reads nothing behind them; writes
// fewer than 64 bytes behind what it decoded, and none of digits that it has
// not read yet, so that `out` may be `text`.
struct Kernel {
  const char* name;
  Progress (*decode)(const char* text, std::size_t n, std::uint8_t* out);
};

extern const Kernel kAvx2;
extern const Kernel kAvx512Vbmi;

// Those this processor and its system can run, the fastest last.
[[nodiscard]] std::span<const Kernel* const> usable_kernels();

// decode_base64 by the given kernel, or by none.
[[nodiscard]] std::optional<std::size_t> decode_with(const Kernel* kernel,
                                                     std::string_view text,
                                                     std::uint8_t* out);

}  // namespace ct::base64_detail
