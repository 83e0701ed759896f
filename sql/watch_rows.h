// Watches and expectations as rows, within a transaction. For this room only.
#pragma once

#include <string>
#include <vector>

#include "alerts/watch.h"
#include "sql/tx.h"

namespace ct::sql {

// Those that `condition`, the rest of a statement from WHERE on, picks.
[[nodiscard]] std::vector<alerts::Expectation> read_expectations(
    Tx& tx, const std::string& condition, const std::vector<Param>& params);

// Watches or expectations are changing: takes the lock that puts all such
// changes, and commits of findings, in order.
void bump_generation(Tx& tx);

}  // namespace ct::sql
