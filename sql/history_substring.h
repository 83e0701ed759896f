// The index for parts of names: optional, as it costs room and time of storing.
//
// Without it a search for a part, or by a pattern without a literal end, looks
// at every row. It holds all sequences of three letters and digits (pg_trgm,
// which comes with Postgres) of a row's names, so a part needs three in a row
// to be found by it.
#pragma once

#include <functional>
#include <string>

#include "sql/database.h"

namespace ct::sql {

// What is indexed, in SQL: all of a row that can hold a part of its names.
inline const std::string kHistoryNameText = "(domain || ' ' || names)";

struct SubstringIndex {
  bool wanted = false;         // create_substring_index was begun
  std::size_t partitions = 0;  // of history
  std::size_t indexed = 0;     // of those, which have it
  std::uint64_t bytes = 0;
};
[[nodiscard]] Result<SubstringIndex> substring_index(Database& db);

// Of 1, and the partition that is at hand.
using IndexProgress = std::function<void(double done, const std::string& at)>;

// Creates the index on all partitions, each while others read and write it;
// partitions that come later have it from their beginning. Can be called again
// if it failed or was killed, and goes on then. `url` is that of `db`: further
// connections are needed.
// kUsage: Postgres has no pg_trgm, or this user may not create it: what to do
// kTransient: somebody else is at it; something held a partition for too long
[[nodiscard]] Result<void> create_substring_index(
    Database& db, const std::string& url, const IndexProgress& progress);

// kTransient: queries held some partition for half a minute.
[[nodiscard]] Result<void> drop_substring_index(Database& db);

}  // namespace ct::sql
