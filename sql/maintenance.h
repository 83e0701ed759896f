// What must be thrown away for the database not to grow for ever.
#pragma once

#include "sql/database.h"

namespace ct::sql {

struct Pruned {
  std::size_t deliveries = 0, heads = 0;
};

// To be called about once an hour; cheap when there is nothing to do.
//
// Deliveries: finished ones after 30 days; dead letters stay.
// Heads: of those older than 7 days one an hour and log is kept, and besides
// all that contradict another, that proofs of sightings lead to, that the
// position was tied to, and each log's largest.
[[nodiscard]] Result<Pruned> prune(Database& db);

}  // namespace ct::sql
