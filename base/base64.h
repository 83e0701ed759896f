// Base64 of RFC 4648, section 4: the standard alphabet, padded.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ct {

[[nodiscard]] std::string to_base64(ByteView bytes);

// Strict: padded, no white space, no other characters, unused bits zero.
// nullopt for anything else.
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);

// As from_base64, into memory of the caller's: `out` must hold at least
// base64_room(text.size()) bytes. Returns the bytes written, or nullopt, in
// which case what `out` holds is unspecified. `out` may be where `text` lies:
// then nothing is written behind the text.
[[nodiscard]] std::optional<std::size_t> decode_base64(std::string_view text,
                                                       std::uint8_t* out);

// Bytes that decode_base64 may touch, slack for whole-register stores
// included.
[[nodiscard]] constexpr std::size_t base64_room(std::size_t text_size) {
  return text_size / 4 * 3 + 64;
}

}  // namespace ct
