// Connection strings, and what is asked of a server outside of transactions.
// For this room only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ct::sql {

// The connection string for `url` as Database::connect takes it, with the
// time limits that it does not set itself. It may hold a password: never show
// it. kUsage: cannot be read; says what is expected, without quoting it.
[[nodiscard]] Result<std::string> connection_string(const std::string& url);

// `value` as it stands in a connection string.
[[nodiscard]] std::string quoted_value(std::string_view value);

enum class Ping {
  kUp,
  kBusy,  // there, but starting or stopping
  kNoAnswer,
};
[[nodiscard]] Ping ping(const std::string& url);

// Runs a statement that must not run in a transaction, on a connection of its
// own.
[[nodiscard]] Result<void> run_alone(const std::string& url,
                                     const std::string& sql);

}  // namespace ct::sql
