// The JSON bodies of RFC 6962, sections 4.4 to 4.7.
//
// Pure functions over hostile bytes; safe from any thread. Unknown members
// are ignored. Error codes of all:
// kTransient: no whole JSON object: cut off, or a web page of somebody's who
//   stands in front of the log
// kMalformed: JSON, but not what was asked for
#pragma once

#include <vector>

#include "ctlog/log_source.h"
#include "ctlog/plain_entries.h"

namespace ct::ctlog {

// A get-entries reply whose first entry is number `first`. Its certificates
// are not looked into; leaf_input is decoded and hashed, extra_data is not
// even decoded. kTransient also when there are no entries, kMalformed also for
// more than `max_entries` and for a leaf_input that is not base64.
[[nodiscard]] Result<EntryPage> decode_entries_page(Buffer body,
                                                    LeafIndex first,
                                                    std::size_t max_entries);
// The same, where `plain`, made for `max_entries`, has read some of the front
// of `body` already.
[[nodiscard]] Result<EntryPage> decode_entries_page(Buffer body,
                                                    LeafIndex first,
                                                    std::size_t max_entries,
                                                    PlainEntries plain);

// A get-sth-consistency reply. A proof without nodes may be [], null or
// missing.
[[nodiscard]] Result<std::vector<Hash>> decode_consistency(const Buffer& body);

// A get-proof-by-hash or get-entry-and-proof reply; the latter names no index.
struct AuditProof {
  std::optional<LeafIndex> leaf_index;
  std::vector<Hash> path;
};
[[nodiscard]] Result<AuditProof> decode_audit_proof(const Buffer& body);

// Whether this looks like a whole JSON object: the quick way to tell cut-off
// bodies and HTML from an answer of the log's.
[[nodiscard]] bool is_whole_object(std::string_view text);

}  // namespace ct::ctlog
