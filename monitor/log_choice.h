// Which log a person means.
#pragma once

#include <string_view>
#include <vector>

#include "sql/logs.h"

namespace ct::monitor {

// The log that is described just so, in any case, or has that id, hex or
// base64; if there is none, all whose description contains it.
[[nodiscard]] std::vector<const sql::LogRow*> logs_called(
    std::string_view typed, const std::vector<sql::LogRow>& logs);

}  // namespace ct::monitor
