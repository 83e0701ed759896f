// The migrations, built into the program from sql/migrations/*.sql.
#pragma once

#include <span>
#include <string_view>

namespace ct::sql {

struct Migration {
  int version;  // from 1, without gaps
  std::string_view name;
  std::string_view sql;
};
[[nodiscard]] std::span<const Migration> migrations();

}  // namespace ct::sql
