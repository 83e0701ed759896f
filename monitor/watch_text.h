// Watches as `watch apply` shows them to whoever reviews a change.
#pragma once

#include <string>

#include "sql/watches.h"

namespace ct::monitor {

// One line without its end, fit for a terminal, in the words of a watch file:
//
//   + watch example.com: allow_issuers ["Let's Encrypt"], grace "10m"
//   - watch old.example
//   ~ watch shop.example: tags ["a"] -> ["a", "b"]
//
// A watch that comes from another source says so: source "cli" -> "a.toml".
[[nodiscard]] std::string change_line(const sql::WatchChange& change);

}  // namespace ct::monitor
