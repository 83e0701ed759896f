// Rows of history in the making. For this room only.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/history.h"
#include "sql/history_key.h"
#include "sql/history_numbers.h"
#include "sql/history_store.h"
#include "sql/tx.h"

namespace ct::sql {

// The quarter of a year that a partition is for, counted from year 0; all
// those far off are one. The same as history_partition() in SQL.
[[nodiscard]] int history_quarter(Seconds not_after);
// Its first second.
[[nodiscard]] Seconds history_quarter_begin(int quarter);
// "2026q4", "past", "future".
[[nodiscard]] std::string history_partition_name(int quarter);
// Of a partition of that name; nullopt: there is none.
[[nodiscard]] std::optional<int> history_quarter_called(std::string_view name);

// An entry as far as it can be written down without the database.
struct HistoryDraft {
  // Follows from the TBS.
  int quarter = 0;
  Seconds not_after = 0, not_before = 0;
  Hash tbs_sha256{};
  HistoryNames names;
  std::string organization;
  Bytes serial, spki;
  // Of this entry; `issuer` and `log` are places in the batch.
  std::size_t issuer = 0, log = 0;
  Hash sha256{};
  Bytes der;  // or empty
  NumberedSighting sighting;

  [[nodiscard]] std::string_view domain() const {
    return names.roots.empty() ? std::string_view() : names.roots[0];
  }
};

struct HistoryBatch {
  // By partition, domain, validity end and issuance: all writers take locks in
  // this order.
  std::vector<HistoryDraft> drafts;
  std::vector<HistoryIssuer> issuers;
  std::vector<Hash> logs;
};

// A row: what several entries of an issuance come to.
struct HistoryRow {
  const HistoryDraft* draft = nullptr;  // any of them
  std::int64_t id = 0;
  std::int32_t issuer = 0;
  bool final = false;
  Hash sha256{};
  Bytes sightings;
  // Of the certificate with that `sha256`, to be stored; empty: it is not
  // kept, or there already. See history_der.h.
  Bytes der;
  std::int32_t der_template = 0;

  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

// Of the same issuance, in whatever order and however often: the final
// certificate's hash goes before the precertificate's, an issuer whose key is
// known before one that is not, the lesser hash and the greater number before
// others.
void merge_history_row(HistoryRow& into, const HistoryRow& row);

// One row for each issuance, in the order of the batch, which they point to.
// Throws for a leaf index that cannot be.
[[nodiscard]] std::vector<HistoryRow> history_rows(
    const HistoryBatch& batch, const HistoryNumbers& numbers);

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
