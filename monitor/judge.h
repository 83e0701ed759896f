// Judging a match: expected, or a finding that somebody should hear of.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "alerts/watch.h"
#include "ctlog/log_list.h"
#include "ctlog/log_source.h"
#include "monitor/watchlist.h"

namespace ct::monitor {

// Everything known about one entry that matched.
struct MatchedEntry {
  ctlog::Leaf leaf;
  ByteView leaf_bytes;
  Bytes certificate;         // as submitted: final certificate or precert
                             // (empty: not available)
  std::vector<Bytes> chain;  // issuer first; unauthenticated
  Matches matches;
  bool malformed = false;
  std::string malformed_why;
};

// The keys of all logs ever known, by log id, to check SCTs with.
struct KnownLog {
  ctlog::LogInfo info;
  ctlog::LogKey key;
};
using KnownLogs = std::map<Hash, KnownLog>;

// Constant while a batch is judged.
struct JudgeContext {
  const Watchlist& watchlist;
  const std::vector<alerts::Expectation>& expectations;
  const KnownLogs& logs;
};

// One finding for each watch concerned, expected ones included. Those of one
// certificate hold 32 MB at most. If that, or the bounds of Matches, left any
// watch out, one more finding, of no watch, says so: it goes to every channel,
// and only what announces the certificate itself makes it expected.
[[nodiscard]] std::vector<alerts::Finding> judge(const MatchedEntry& entry,
                                                 const alerts::Sighting& where,
                                                 const JudgeContext& context);

// The facts of a certificate as alerts carry them, its SCTs checked. `issuer`:
// the issuer's certificate, where known; needed for SCTs.
[[nodiscard]] Result<alerts::CertificateFacts> certificate_facts(
    ByteView der, std::optional<ByteView> issuer, const KnownLogs& logs);

// What of Chrome's and Apple's SCT policies a certificate does not meet; one
// sentence each. `valid` are the SCTs whose signature held.
[[nodiscard]] std::vector<std::string> sct_policy_gaps(
    const std::vector<alerts::SctCheck>& scts, Seconds not_before,
    Seconds not_after, const KnownLogs& logs);

}  // namespace ct::monitor
