// Hostile text made fit for people and for formats that want UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ct::alerts {

inline constexpr std::size_t kNoLimit = static_cast<std::size_t>(-1);

// Control, bidirectional and invisible characters and broken UTF-8 become
// escapes (\u{202e}, \x80), so that nothing moves, hides or breaks a line. The
// result is UTF-8 of at most `max_bytes` (4 or more); what had to be cut ends
// in "…". Costs no more than `max_bytes` do, however long the text.
[[nodiscard]] std::string visible(std::string_view text,
                                  std::size_t max_bytes = kNoLimit);

// The text unchanged if it is no longer than `max_bytes` (4 or more); else cut
// between code points, with "…" at the end. Broken UTF-8 stays broken.
[[nodiscard]] std::string clip(std::string_view text, std::size_t max_bytes);

}  // namespace ct::alerts
