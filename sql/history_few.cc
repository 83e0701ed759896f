#include "sql/history_few.h"

namespace ct::sql {
namespace {

// The one stretch that holds what is meant, and keys above it.
struct Keys {
  KeyRange range;
  std::vector<std::string> above;
  std::string label;  // which names of those must hold
};

std::optional<Keys> keys_of(const HistoryTerm& term) {
  std::optional<Keys> out;
  for (auto& range : key_ranges(term)) {
    if (!out) {
      out.emplace().range = std::move(range);
    } else if (range.label.empty()) {
      return std::nullopt;
    } else {
      out->above.push_back(std::move(range.begin));
      out->label = std::move(range.label);
    }
  }
  return out;
}

}  // namespace

std::optional<HistoryFew> history_few(
    const HistoryTerm& term, const HistoryNarrowing& narrowing,
    const std::optional<std::vector<std::string>>& issuers, std::size_t limit) {
  auto keys = keys_of(term);
  if (!keys) return std::nullopt;
  HistoryArguments arguments;
  std::string window;
  const auto [from, before] = window_of(narrowing);
  if (narrowing.not_after_from) {
    window += " AND not_after >= " + arguments.add_time(from);
  }
  if (narrowing.not_after_before) {
    window += " AND not_after < " + arguments.add_time(before);
  }
  const std::string within =
      " WHERE domain >= " + arguments.add(std::move(keys->range.begin)) +
      " AND domain < " + arguments.add(std::move(keys->range.end)) + window;
  std::string rows = "SELECT * FROM history" + within,
              others =
                  "SELECT main, not_after, id, '' AS label FROM "
                  "history_root" +
                  within;
  if (!keys->above.empty()) {
    const std::string above = " WHERE domain = ANY (" +
                              arguments.add(keys->above) + "::text[])" + window;
    const std::string label = arguments.add(std::move(keys->label));
    rows += " UNION ALL SELECT * FROM history" + above + " AND strpos(names, " +
            label + ") > 0";
    others += " UNION ALL SELECT main, not_after, id, " + label +
              " FROM history_root" + above;
  }
  HistoryFew out;
  out.sql = std::string(
                "SELECT extract(epoch FROM h.not_after)::bigint AS "
                "c_not_after, h.id AS c_id, ") +
            kHistoryRow + ", (true" +
            history_conditions(narrowing, issuers, arguments) +
            ") AS passes FROM (" + rows + " UNION ALL SELECT h.* FROM (" +
            others + kFence +
            ") AS o CROSS JOIN LATERAL (SELECT * FROM history AS h WHERE "
            "h.domain = o.main AND h.not_after = o.not_after AND h.id = o.id "
            "AND strpos(h.names, o.label) > 0 LIMIT 1) AS h) AS h LIMIT " +
            arguments.add(static_cast<std::uint64_t>(limit)) + "::bigint";
  out.params = arguments.all();
  return out;
}

}  // namespace ct::sql
