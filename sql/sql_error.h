// What Postgres says went wrong, on its way out of a transaction. For this
// room only.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ct::sql {

struct SqlError {
  Error error;
  std::string sqlstate;  // five characters; "": unknown, or no answer
};

// Within a catch clause: throws an SqlError for what libpqxx has thrown, and
// all else again.
[[noreturn]] void rethrow_as_sql_error();

// Whether what was prepared is of no use any more: a pooler has given us
// another server connection, or a table has changed under our plans.
[[nodiscard]] bool is_stale_statement(std::string_view sqlstate);

// Line ends and tabs become spaces.
[[nodiscard]] std::string one_line(std::string_view message);

}  // namespace ct::sql
