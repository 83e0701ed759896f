// LogSource: one way to read a log, whichever protocol it speaks.
//
// RFC 6962 logs answer get-sth, get-entries and proofs; Static CT logs serve
// files, from which the same proofs are put together. Either way everything
// returned is the log's word, unchecked: ctlog/tree_head, merkle and
// batch_proof check it.
//
// Errors of all requests: kTransient (try again later), kMalformed (an answer
// that breaks its format), kGone (404 or 410), kStopping; from head() of a
// Static CT log also kUntrusted (not signed by the log). Retries, pauses and
// Retry-After are already done inside when an error is returned.
//
// All members may be called from any thread, and several at once.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/http.h"
#include "base/task.h"
#include "ctlog/budget.h"
#include "ctlog/leaf.h"
#include "ctlog/log_files.h"
#include "ctlog/log_list.h"
#include "ctlog/tree_head.h"

namespace ct::ctlog {

// One entry as received. Views alias the page that holds it.
struct RawEntry {
  ByteView leaf;                // MerkleTreeLeaf, complete
  std::string_view extra_b64;   // RFC 6962: extra_data, still base64
  ByteView precertificate;      // Static CT
  ByteView chain_fingerprints;  // Static CT: SHA-256 each, issuer first
};

// Consecutive entries, the first being number `first`.
struct EntryPage {
  LeafIndex first = 0;
  std::vector<RawEntry> entries;
  std::vector<Hash> leaf_hashes;  // of `entries`, computed by us
  std::uint64_t wire_bytes = 0;   // body size, decompressed
  // What the views point into.
  Buffer body;
  std::unique_ptr<std::uint8_t[]> arena;
};

// Fills in `leaf_hashes`.
void hash_leaves(EntryPage& page);

class LogSource {
 public:
  virtual ~LogSource() = default;

  virtual Task<Result<SignedTreeHead>> head() = 0;

  // Entries from `begin` on: at least one, at most up to `end`, often fewer
  // than asked for. `end` is at most the size of a head this source gave.
  // Zero entries in the log's answer count as kTransient.
  virtual Task<Result<EntryPage>> entries(LeafIndex begin, LeafIndex end,
                                          TreeSize head_size) = 0;

  // Where the next request from `begin` should end so that pages fall on the
  // log's own boundaries; learnt from its answers. In (begin, end]. Nothing
  // is known before the first answers: until then ask for one page at a time.
  [[nodiscard]] virtual LeafIndex page_end(LeafIndex begin,
                                           LeafIndex end) const = 0;

  // Inclusion proof of the leaf `index`, hash `leaf`, in the tree of `size`.
  // kMalformed also when an RFC 6962 log answers for another index: of
  // duplicate leaves it knows only the first.
  virtual Task<Result<std::vector<Hash>>> inclusion_proof(LeafIndex index,
                                                          Hash leaf,
                                                          TreeSize size) = 0;

  // 0 < old_size <= new_size.
  virtual Task<Result<std::vector<Hash>>> consistency_proof(
      TreeSize old_size, TreeSize new_size) = 0;

  // The issuer certificate with that SHA-256 (checked); Static CT only,
  // kGone elsewhere.
  virtual Task<Result<Bytes>> issuer(Hash fingerprint) = 0;
};

struct SourceOptions {
  // Read from here, as a Static CT log, instead of from its server; its budget
  // is not used then.
  std::shared_ptr<const LogFiles> files;
  std::string ca_file;       // PEM, for private logs; empty: system roots
  bool allow_plain = false;  // http://, for private logs only
  std::size_t max_body = 64u << 20;
  std::chrono::milliseconds timeout{60'000};
  unsigned max_retries = 4;  // of one request, before its error is returned
  std::chrono::milliseconds backoff{500};  // before the first retry; doubles
};

// How a Static CT log signs its name: the submission URL without scheme and
// trailing slash.
[[nodiscard]] std::string origin_of(const LogInfo& log);

// All references must outlive the source. `budget` is shared by the logs of
// one operator. kUsage: no address, or an http:// one without allow_plain.
[[nodiscard]] Result<std::unique_ptr<LogSource>> open_log_source(
    const LogInfo& log, Executor& executor, HttpClient& http,
    RequestBudget& budget, SourceOptions options);

}  // namespace ct::ctlog
