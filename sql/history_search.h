// Asking history: which certificates, without a limit, in bounded memory.
//
// Answers come newest end of validity first. A transaction is open while they
// come; what was stored since it began may or may not be among them.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/database.h"
#include "sql/history.h"
#include "sql/history_term.h"

namespace ct::sql {

// What else must hold. Times: from the first, to before the second.
struct HistoryNarrowing {
  std::optional<std::string> issuer;  // part of its DN, any case
  std::optional<Hash> issuer_spki_sha256;
  std::optional<std::string> organization;  // the subject's, any case
  std::optional<Seconds> not_after_from, not_after_before;
  std::optional<Seconds> not_before_from, not_before_before;
  // One sighting must have all of these.
  std::vector<Hash> log_ids;  // in one of them; empty: in any
  std::optional<ctlog::EntryType> type;
  std::optional<Millis> logged_from, logged_before;
};

// Behind which answer to go on: its end of validity and id, opaque to users.
[[nodiscard]] std::string history_place(const HistoryCertificate& certificate);

struct HistoryQuery {
  // Each is answered in turn, by itself: what two of them mean comes twice.
  std::span<const HistoryTerm> terms;
  HistoryNarrowing narrowing;
  std::uint64_t limit = 0;  // for each term, the newest; 0: all
  std::string after;        // history_place; for a single term
  // For the work of the database as a whole; 0: for ever. kTransient: it was
  // not enough.
  std::chrono::milliseconds patience{0};
};

// Called for each answer as it comes; false ends the search.
using HistoryVisitor =
    std::function<bool(std::size_t term, const HistoryCertificate&)>;
// kUsage: a place that cannot be.
[[nodiscard]] Result<void> search_history(Database& db,
                                          const HistoryQuery& query,
                                          const HistoryVisitor& visit);

// The same for a visitor that takes its time: no transaction is open while it
// is called, and up to `page` answers wait for it in memory.
[[nodiscard]] Result<void> search_history_by_pages(Database& db,
                                                   HistoryQuery query,
                                                   std::size_t page,
                                                   const HistoryVisitor& visit);

// A connection that is best at searches: a name with few certificates takes
// half the time. `patience` holds for each of its statements.
[[nodiscard]] Result<std::unique_ptr<Database>> connect_to_search(
    const std::string& url, std::chrono::milliseconds patience);

// Has the search for names planned, which takes longer than most searches do
// and is otherwise left to the first of each connection; one to search learns
// issuers and logs as well. `patience` as above.
[[nodiscard]] Result<void> prepare_search(Database& db,
                                          std::chrono::milliseconds patience);

// Whether history holds anything.
[[nodiscard]] Result<bool> has_history(Database& db);

// The DER of a certificate or precertificate, if history or an alert holds it.
[[nodiscard]] Result<std::optional<Bytes>> find_der(
    Database& db, const HistoryCertificate& certificate);

// The hashes of certificates that have this HistoryCertificate::number: one,
// if chance does not make it two.
[[nodiscard]] Result<std::vector<Hash>> hashes_of_number(Database& db,
                                                         std::uint64_t number);

// The id that an issuance has in history, by the hash of its RFC 6962 TBS.
[[nodiscard]] Result<std::vector<std::int64_t>> history_ids(
    Database& db, const std::vector<Hash>& tbs_sha256);

}  // namespace ct::sql
