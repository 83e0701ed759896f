// Storing entries in history.
#pragma once

#include <memory>
#include <vector>

#include "sql/database.h"
#include "sql/history.h"

namespace ct::sql {

struct HistoryStored {
  std::size_t certificates = 0;  // rows added
  std::size_t updated = 0;       // rows that had been there and know more now

  HistoryStored& operator+=(const HistoryStored& more) {
    certificates += more.certificates;
    updated += more.updated;
    return *this;
  }
};

// Entries made ready: what can be done without the database, to be done on
// another thread than its.
struct HistoryBatch;
[[nodiscard]] std::shared_ptr<const HistoryBatch> prepare_history(
    const std::vector<HistoryEntry>& entries);

// Within the caller's transaction: new issuances become rows, known ones gain
// sightings. Storing an entry twice changes nothing. What was pruned is left
// out. Throws SqlError: kTransient when other writers are in the way, so that
// the transaction must be repeated; kMalformed for a leaf index above 2^63.
//
// Any number of writers may be at it; each transaction should hold few calls,
// or they wait for each other.
HistoryStored store_history(Tx& tx, const HistoryBatch& batch);
HistoryStored store_history(Tx& tx, const std::vector<HistoryEntry>& entries);

// How often to try what fails with kTransient: of the writers of the same
// certificates only one gets through at once.
inline constexpr unsigned kWriterTries = 20;

// Whether several connections are quicker than one.
[[nodiscard]] bool is_large(const HistoryBatch& batch);

// Without the caller's transaction. A large batch takes several, on connections
// of their own beside that of `db`, which stay open. Some of them may succeed
// though the whole fails; and they survive a crash only if something was
// committed after them. Both do no harm to whoever keeps track of what is
// stored afterwards, and stores again what he does not know of.
[[nodiscard]] Result<HistoryStored> store_history(Database& db,
                                                  const HistoryBatch& batch);
[[nodiscard]] Result<HistoryStored> store_history(
    Database& db, const std::vector<HistoryEntry>& entries);

}  // namespace ct::sql
