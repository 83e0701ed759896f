// Locks that everybody else then waits for. For this room only.
#pragma once

#include <functional>
#include <string>

#include "sql/tx.h"

namespace ct::sql {

class Database;

// Runs `body` in a transaction that waits a moment at most for each lock, again
// and again for half a minute: new queries queue up behind whoever waits.
// kTransient, saying `blocked`, if it never had them all.
[[nodiscard]] Result<void> transact_in_turns(
    Database& db, const std::string& blocked,
    const std::function<void(Tx&)>& body);

}  // namespace ct::sql
