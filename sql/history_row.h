// Rows of history in the making. For this room only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sql/history.h"
#include "sql/history_key.h"
#include "sql/tx.h"

namespace ct::sql {

// The quarter of a year that a partition is for, counted from year 0; all
// those far off are one. The same as history_partition() in SQL.
[[nodiscard]] int history_quarter(Seconds not_after);
// "2026q4", "past", "future".
[[nodiscard]] std::string history_partition_name(int quarter);

// What entries are written down with. Of issuers and logs, those that were
// asked for.
struct HistoryNumbers {
  Bytes salt;
  std::optional<Seconds> pruned_until;  // what ends before it is not stored
  std::unordered_map<std::string, std::int32_t> issuers;  // by issuer_of()
  std::map<Hash, std::int16_t> logs;
};
// Numbers what has no number yet. Locks history against changes of its
// partitions until the transaction ends. Throws.
[[nodiscard]] HistoryNumbers number_history(
    Tx& tx, const std::vector<HistoryEntry>& entries);

struct HistoryRow {
  int quarter = 0;
  std::int64_t id = 0;
  Seconds not_after = 0, not_before = 0;
  std::int32_t issuer = 0;
  bool final = false;
  HistoryNames names;
  std::string organization;
  Bytes serial, spki;
  Hash sha256{};
  Bytes sightings;

  [[nodiscard]] std::string_view domain() const {
    return names.roots.empty() ? std::string_view() : names.roots[0];
  }
};

// Of the same issuance, in whatever order and however often: the final
// certificate's hash goes before the precertificate's, an issuer whose key is
// known before one that is not, the lesser hash and the greater number before
// others.
void merge_history_row(HistoryRow& into, const HistoryRow& row);

// One row for each issuance, by partition and primary key: all writers take
// locks in that order. Throws for an entry that cannot be (a leaf index above
// 2^40).
[[nodiscard]] std::vector<HistoryRow> history_rows(
    const std::vector<HistoryEntry>& entries, const HistoryNumbers& numbers);

inline constexpr std::string_view kHistoryColumns =
    "id, not_after, not_before, issuer, final, domain, names, organization, "
    "serial, spki, sha256, sightings";
inline constexpr std::size_t kHistoryColumnCount = 12;
void put_history_row(CopyRows& out, const HistoryRow& row);

inline constexpr std::string_view kHistoryRootColumns =
    "id, not_after, domain, main";
inline constexpr std::size_t kHistoryRootColumnCount = 4;
void put_history_roots(CopyRows& out, const HistoryRow& row);

}  // namespace ct::sql
