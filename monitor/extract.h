// The bulk path: from a page of entries to what concerns a watch.
#pragma once

#include <cstdint>
#include <vector>

#include "ctlog/log_source.h"
#include "monitor/sct_audit.h"
#include "monitor/watchlist.h"
#include "sql/history.h"

namespace ct::monitor {

// An entry that names something watched, copied out of its page.
struct Candidate {
  ctlog::LeafIndex index = 0;
  Hash leaf_hash{};
  Bytes leaf;                            // MerkleTreeLeaf
  std::string extra_b64;                 // RFC 6962
  Bytes precertificate;                  // Static CT
  std::vector<Hash> chain_fingerprints;  // Static CT, issuer first
  Matches matches;
  // The leaf or its certificate does not parse: why. `matches` then says
  // which watched names occur in its bytes.
  std::string malformed;

  [[nodiscard]] std::size_t bytes_held() const {
    return leaf.size() + extra_b64.size() + precertificate.size() +
           matches.memory();
  }
};

// Entry `i` of a page, not matched yet.
[[nodiscard]] Candidate copy_entry(const ctlog::EntryPage& page, std::size_t i);
// Fills in what it matches, and what is wrong with it.
void match_entry(Candidate& candidate, const Watchlist& watchlist);

// What is kept of a page once its bytes are let go.
struct Extract {
  ctlog::LeafIndex first = 0;
  std::vector<Hash> leaf_hashes;  // of all entries, in order
  std::vector<Candidate> candidates;
  Millis newest = 0;  // greatest entry timestamp
  std::uint64_t wire_bytes = 0;
  std::uint64_t malformed = 0;  // entries that did not parse
  Bytes leaves;  // {u32 length, MerkleTreeLeaf} each, where evidence is kept
  // Not extract()'s work:
  PageScts scts;                           // where all are checked
  std::vector<sql::HistoryEntry> history;  // in archive mode
};

// Reads every entry and looks up every name. Cannot fail: what does not parse
// is counted, and searched for watched names byte by byte.
[[nodiscard]] Extract extract(ctlog::EntryPage page,
                              const Watchlist& watchlist);

}  // namespace ct::monitor
