// What a log keeps beside an entry: the certificate as submitted, its chain.
//
// No tree hash covers any of it, so what is missing or broken there is no more
// than missing.
#pragma once

#include <string>

#include "ctlog/log_source.h"
#include "monitor/extract.h"
#include "monitor/judge.h"
#include "monitor/store_thread.h"

namespace ct::monitor {

// The log that an entry is of. All outlive the tasks below.
struct EntryOrigin {
  StoreThread& store;
  ctlog::LogSource& source;
  ctlog::LogKind kind = ctlog::LogKind::kRfc6962;
  const std::string& log;  // description
};

// The final certificate, or the precertificate as submitted; empty if the log
// does not give that. `leaf` is the candidate's.
[[nodiscard]] Bytes submitted_certificate(const Candidate& candidate,
                                          const ctlog::Leaf& leaf);

// The entry with all that is beside it, as judge() wants it; its views alias
// `candidate`, which outlives it and the task.
Task<MatchedEntry> complete_entry(EntryOrigin origin,
                                  const Candidate& candidate);

// An issuer's certificate by its SHA-256: from the database if any log ever
// gave it, or from this one. `keep`: in the database, for ever.
Task<Result<Bytes>> issuer_certificate(EntryOrigin origin, Hash fingerprint,
                                       bool keep);

}  // namespace ct::monitor
