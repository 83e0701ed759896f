// The ways to find the end of plain text on this processor; base/json_text.h
// is what others use.
#pragma once

#include <span>
#include <string_view>

namespace ct::json_text_detail {

// Below ' ' as a signed number are control characters and all but ASCII.
[[nodiscard]] constexpr bool is_plain(char c) {
  return static_cast<signed char>(c) >= ' ' && c != '"' && c != '\\';
}

struct Kernel {
  const char* name;
  std::size_t (*length)(std::string_view text);  // plain_text_length
};

// Those this processor and its system can run, the fastest last.
[[nodiscard]] std::span<const Kernel> usable_kernels();

}  // namespace ct::json_text_detail
