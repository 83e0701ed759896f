// Watches and expectations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alerts/watch.h"
#include "sql/database.h"

namespace ct::sql {

// Grows with every change of watches or expectations: cheap to poll.
[[nodiscard]] Result<std::int64_t> watch_generation(Database& db);

[[nodiscard]] Result<std::vector<alerts::Watch>> load_watches(Database& db);
// Inserts, or updates the watch of the same kind and value, keeping its id.
// Returns the id.
[[nodiscard]] Result<std::string> put_watch(Database& db,
                                            const alerts::Watch& watch);
// By pattern or id. False: there is none.
[[nodiscard]] Result<bool> remove_watch(Database& db, std::string_view pattern);
// A watch before and after: added without `before`, removed without `after`.
struct WatchChange {
  std::optional<alerts::Watch> before, after;
};
struct ApplyResult {
  std::size_t added = 0, changed = 0, removed = 0, unchanged = 0;
  std::vector<WatchChange> changes;  // by kind and value
};
// All watches of `source` become exactly `watches`, in one transaction; those
// of others that are among them become its own. kUsage: a watch is given twice.
[[nodiscard]] Result<ApplyResult> apply_watches(
    Database& db, std::string_view source, std::vector<alerts::Watch> watches,
    bool dry_run);

[[nodiscard]] Result<std::vector<alerts::Expectation>> load_expectations(
    Database& db);
// Follows from kind, value and the set of names, so that announcing the same
// thing again, as deploy hooks do, is one expectation, and two requests with
// one key are two: "spki-<24 hex>".
[[nodiscard]] std::string expectation_id(
    const alerts::Expectation& expectation);
// Inserts it as its expectation_id(), or updates the note of that one;
// `expectation.id` does not count.
// Also resolves what it explains: open certificate alerts that it matches
// become kExpected, and their undelivered messages are cancelled; those
// already told get an alert.resolved message. Returns the ids of the alerts.
[[nodiscard]] Result<std::vector<std::string>> put_expectation(
    Database& db, const alerts::Expectation& expectation);
[[nodiscard]] Result<bool> remove_expectation(Database& db,
                                              std::string_view id);

}  // namespace ct::sql
