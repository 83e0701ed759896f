// Lower-case hexadecimal.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ct {

[[nodiscard]] std::string to_hex(ByteView bytes);

// Either case, no separators. nullopt: odd length or another character.
[[nodiscard]] std::optional<Bytes> from_hex(std::string_view text);

// 64 hex digits. nullopt: anything else.
[[nodiscard]] std::optional<Hash> hash_from_hex(std::string_view text);

}  // namespace ct
