// DER as history keeps it: deflated against a certificate of the same issuer.
// For this room only.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "sql/history_numbers.h"
#include "sql/history_row.h"
#include "sql/tx.h"

namespace ct::sql {

// Larger ones are not kept.
inline constexpr std::size_t kMostHistoryDer = 64 << 10;

// Creates the partitions of history_der that rows with DER need. Before any
// row is locked. Throws.
void add_history_der_partitions(Tx& tx, std::span<const HistoryRow> rows);

// Deflates the DER of those rows that have some. Issuers that had no template
// get one, which `numbers` remembers. Throws.
void pack_history_der(Tx& tx, std::span<HistoryRow> rows,
                      HistoryNumbers& numbers);
// Undone, from the columns of history_der and the template's. kMalformed:
// damaged.
[[nodiscard]] Result<Bytes> unpack_history_der(bool deflated, ByteView der,
                                               ByteView base);

inline constexpr std::string_view kHistoryDerColumns =
    "id, not_after, template, der";
inline constexpr std::size_t kHistoryDerColumnCount = 4;
void put_history_der(CopyRows& out, const HistoryRow& row);
// Puts it in the place of what may be there. Throws.
void replace_history_der(Tx& tx, const std::string& partition,
                         std::span<const HistoryRow* const> rows);

}  // namespace ct::sql
