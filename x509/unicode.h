// Code points of UTF-8, for texts that may be anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace ct::x509 {

inline constexpr std::uint32_t kReplacement = 0xfffd;

// What is no code point (surrogates, beyond U+10FFFF) becomes U+FFFD.
void append_utf8(std::string& out, std::uint32_t code_point);

// Takes one code point off the front. nullopt: what is there is not UTF-8
// (RFC 3629: no overlong forms, no surrogates); one byte was taken.
[[nodiscard]] std::optional<std::uint32_t> take_utf8(ByteView& in);

[[nodiscard]] bool is_utf8(ByteView in);

// Would harm a terminal or a reader: controls, bidirectional overrides, things
// of no width.
[[nodiscard]] bool is_unprintable(std::uint32_t code_point);

}  // namespace ct::x509
