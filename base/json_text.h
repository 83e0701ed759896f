// JSON strings, as far as that can be had at the speed of memory.
#pragma once

#include <string_view>

namespace ct {

// How many bytes at the front of `text` a JSON string may hold as they are:
// ASCII without control characters, '"' and '\'. Reads nothing behind `text`.
// Base64 with its closing quote gives the length of the base64.
[[nodiscard]] std::size_t plain_text_length(std::string_view text);

}  // namespace ct
