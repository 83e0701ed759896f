// From entries as received to what history keeps of them.
#pragma once

#include <vector>

#include "ctlog/log_source.h"
#include "sql/history.h"

namespace ct::monitor {

// Every entry of the page. What does not parse is kept as well, with the names
// that occur in its bytes and no dates. The precertificate beside a precert
// leaf, whose hash is kept, is the log's word alone. `with_der`: the bytes of
// certificates and precertificates as well.
[[nodiscard]] std::vector<sql::HistoryEntry> history_entries(
    const ctlog::EntryPage& page, const Hash& log_id, bool with_der = false);

// Bytes that an entry holds, about.
[[nodiscard]] std::size_t history_bytes(const sql::HistoryEntry& entry);

}  // namespace ct::monitor
