// Points in time: milliseconds since 1970-01-01 UTC, as logs count them.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ct {

using Millis = std::int64_t;   // since the epoch, leap seconds ignored
using Seconds = std::int64_t;  // since the epoch; certificates count these

[[nodiscard]] inline Millis now_millis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "2026-11-24T10:06:22Z"; with milliseconds where they are not zero:
// "2026-11-24T10:06:22.250Z". Years outside 0000-9999 are clamped.
[[nodiscard]] std::string format_time(Millis t);
[[nodiscard]] std::string format_seconds(Seconds t);

// RFC 3339 ("2026-11-24T10:06:22Z", with fraction or offset) or a bare date
// ("2026-11-24", midnight UTC).
[[nodiscard]] std::optional<Millis> parse_time(std::string_view text);

// "90s", "15m", "2h", "7d", "500ms"; a bare number is seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
    std::string_view text);

// "3 d 4 h", "5 min", "12 s": two units at most, for people.
[[nodiscard]] std::string format_duration(std::chrono::milliseconds d);

}  // namespace ct
