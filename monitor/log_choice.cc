#include "monitor/log_choice.h"

#include "base/ascii.h"
#include "base/base64.h"
#include "base/hex.h"

namespace ct::monitor {

std::vector<const sql::LogRow*> logs_called(
    std::string_view typed, const std::vector<sql::LogRow>& logs) {
  const std::string name = ascii_lower(typed);
  std::vector<const sql::LogRow*> out;
  for (const auto& row : logs) {
    const std::string description = ascii_lower(row.info.description);
    if (description == name || to_hex(row.info.log_id) == name ||
        to_base64(row.info.log_id) == typed) {
      return {&row};
    }
    if (description.find(name) != std::string::npos) out.push_back(&row);
  }
  return out;
}

}  // namespace ct::monitor
