// The SQL of a search by name that has few answers. For this room only.
//
// Most names have few certificates, and then most of a search is the start of
// its plan: all the scans of all partitions. HistoryStatement must also do for
// a hundred thousand answers, in order; this one need not, and has half of them
// and no more. Whoever finds that there are too many asks again by that one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sql/history_statement.h"

namespace ct::sql {

struct HistoryFew {
  // Columns: c_not_after (s), c_id, kHistoryRow, and whether it passes, of
  // certificates that may be meant, in no order; one that has several roots
  // may come twice. Those that do not pass count, or much of history might be
  // looked through for a few that do.
  std::string sql;
  std::vector<Param> params;
};
// At most `limit` rows. nullopt: this term may need several stretches of the
// index. `issuers` as issuer_numbers() has them.
[[nodiscard]] std::optional<HistoryFew> history_few(
    const HistoryTerm& term, const HistoryNarrowing& narrowing,
    const std::optional<std::vector<std::string>>& issuers, std::size_t limit);

}  // namespace ct::sql
