// Small files: read with a cap, written whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ct::monitor {

// kUsage: it cannot be read, or is larger than `max` bytes.
[[nodiscard]] Result<std::string> read_file(const std::string& path,
                                            std::size_t max);

// Through a temporary file beside it, renamed; folders are made as needed.
[[nodiscard]] Result<void> write_file(const std::string& path,
                                      std::string_view content);

}  // namespace ct::monitor
