// History: every certificate read in archive mode, and where it was logged.
//
// One row for each issuance: a precertificate, its final certificate and all
// their sightings share the RFC 6962 TBS hash, and so the row. What is kept is
// what people search by and read in a list; the DER is kept if it is given, or
// fetched again from the log, by log and index, when somebody wants it.
// Partitioned by the end of validity, so that what has long expired can be
// dropped as a whole.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ctlog/leaf.h"

namespace ct::sql {

// One entry of a log, as extracted. Text is attacker-chosen, made storable on
// the way in.
struct HistoryEntry {
  Hash log_id{};
  ctlog::LeafIndex leaf_index = 0;  // below 2^63
  Millis timestamp = 0;             // the entry's
  ctlog::EntryType type = ctlog::EntryType::kX509;
  Hash tbs_sha256{};  // names the issuance; what follows from the TBS is
                      // the same for precertificate and final certificate
  Hash sha256{};      // of the certificate; of the precertificate for precerts
  Hash spki_sha256{};
  std::string issuer;                      // DN
  std::optional<Hash> issuer_spki_sha256;  // precerts: the leaf names it
  std::string serial;                      // lower-case hex
  std::string organization;                // the subject's; often empty
  Seconds not_before = 0, not_after = 0;
  // What `sha256` is of, to be kept; empty: it is not kept. Nor is what is
  // larger than 64 kB.
  Bytes der;
  // Host names as x509/names.h makes them canonical ("www.example.com",
  // "*.example.com"), addresses ("192.0.2.1"), mail addresses
  // ("me@example.com"). What is none of these is kept as well, escaped.
  std::vector<std::string> names;
};

struct HistorySighting {
  Millis timestamp = 0;
  Hash log_id{};
  ctlog::LeafIndex leaf_index = 0;
  ctlog::EntryType type = ctlog::EntryType::kX509;
};

// A row, as read back.
struct HistoryCertificate {
  std::int64_t id = 0;       // of the issuance, in this database only
  std::uint64_t number = 0;  // follows from `sha256`, below 2^53: whoever
                             // reads JSON numbers as doubles keeps it
  bool final = false;        // the final certificate was seen
  Hash sha256{};             // its hash; of the precertificate if not `final`
  Bytes spki_sha256;         // first 16 bytes
  std::string issuer;
  std::int64_t issuer_number = 0;  // history_issuer.issuer
  std::optional<Hash> issuer_spki_sha256;
  std::string serial;  // lower-case hex
  std::string organization;
  Seconds not_before = 0, not_after = 0;
  std::string domain;                      // the first root, as a key
  std::vector<std::string> names;          // decode_history_names
  std::vector<HistorySighting> sightings;  // oldest first
};

}  // namespace ct::sql
