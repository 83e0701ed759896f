// Care of the history tables.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "sql/database.h"

namespace ct::sql {

// Creates the partitions for all validity ends in [from, until]. Storing does
// that by itself where it must.
[[nodiscard]] Result<void> add_history_partitions(Database& db, Seconds from,
                                                  Seconds until);

struct HistoryPruned {
  std::size_t partitions = 0;  // dropped now
  // No certificate that ended before this is held, or will be stored again;
  // nullopt: nothing was ever pruned. May be earlier than asked for: whole
  // quarters of a year only.
  std::optional<Seconds> until;
};
// Drops all partitions whose certificates ended before `before`. kTransient:
// queries held some of them for half a minute, and nothing was dropped.
[[nodiscard]] Result<HistoryPruned> prune_history(Database& db, Seconds before);

struct HistoryPartition {
  std::string name;                // "2026q4", "past", "future"
  std::uint64_t certificates = 0;  // estimated
  std::uint64_t bytes = 0;         // with indexes and other roots
};
struct HistorySize {
  std::uint64_t certificates = 0;            // estimated
  std::uint64_t bytes = 0;                   // of everything
  std::vector<HistoryPartition> partitions;  // by name
};
[[nodiscard]] Result<HistorySize> history_size(Database& db);

}  // namespace ct::sql
