// What history already holds for a watch that is new.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "alerts/watch.h"
#include "sql/history_search.h"

namespace ct::monitor {

struct RetroMatch {
  sql::HistoryCertificate certificate;
  // Why it is expected, the rest of a sentence; "": nothing explains it.
  std::string explanation;
};

struct RetroAnswer {
  bool archived = false;  // history holds anything at all
  std::uint64_t certificates = 0, unexpected = 0;
  // Of the unexpected ones those that expire last, then of the others.
  std::vector<RetroMatch> newest;
  bool whole = true;  // false: there was no time to see all
};

// Certificates that name what is watched, or wildcards that cover it. Judged
// as those that are followed are, by what history keeps: 16 bytes of a key's
// hash, the issuer's name, and its key if a precertificate has told it.
//
// `on_unexpected`, if given, is called for each that nothing explains, takes
// its time (no transaction is open), and ends the search with false.
using RetroVisitor = std::function<bool(const sql::HistoryCertificate&)>;
[[nodiscard]] Result<RetroAnswer> match_history(
    sql::Database& db, const alerts::Watch& watch,
    const std::vector<alerts::Expectation>& expectations, std::size_t newest,
    std::chrono::milliseconds patience,
    const RetroVisitor& on_unexpected = nullptr);

}  // namespace ct::monitor
