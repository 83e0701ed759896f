// EntryFetcher: certificates of history, fetched again from their logs, with
// proof.
//
// History keeps where a certificate was logged, not its bytes. An answer is
// believed if it is the entry that was archived, and an inclusion proof ties
// it to a head that the log has signed (monitor/head_anchor.h). If one log
// cannot give it, the next one that has it is asked.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitor/head_anchor.h"
#include "monitor/judge.h"
#include "monitor/log_reading.h"
#include "sql/alerts.h"
#include "sql/history.h"

namespace ct::monitor {

struct EntryRequest {
  std::int64_t id = 0;  // of the issuance, in history
  Hash sha256{};
  bool final = false;  // `sha256` is of the final certificate
  std::vector<sql::HistorySighting> sightings;
  // Any entry of the issuance will do: a precertificate's for the final
  // certificate, or another signature over the same TBS.
  bool any_entry = false;
};
[[nodiscard]] EntryRequest entry_request(const sql::HistoryCertificate& c,
                                         bool any_entry);

struct ProvenEntry {
  alerts::Sighting where;  // with the proof
  Candidate entry;         // as received; not matched against anything
  Bytes certificate;       // as submitted; empty: the log does not give it
};

struct FetchedEntry {
  // kUntrusted: what was given does not hold, and no other log gave it;
  // kTransient: worth asking again; kGone: not to be had; kUsage: no log that
  // has it is known here; kStopping. The text names log, index, and what to
  // do.
  Result<ProvenEntry> entry;
  // Logs whose answer did not hold, even if another one gave the entry.
  std::vector<std::string> lies;
};

struct JudgedEntry {
  Result<std::vector<alerts::Finding>> findings;
  std::vector<std::string> lies;
};

// Any number of entries may be under way; requests keep to the configured
// rates. An entry under way holds some MB at most, unless its log is hostile:
// then as much as a follower would take. Wait for every future before it goes.
class EntryFetcher {
 public:
  // As for LogReading.
  EntryFetcher(const Config& config, std::unique_ptr<sql::Database> db,
               sql::PrivatePostgres* postgres,
               std::shared_ptr<RequestBudgets> budgets = nullptr);
  ~EntryFetcher();

  // Reads which logs there are: before anything is fetched, and when there may
  // be new ones. Not from several threads, nor from the executor's.
  [[nodiscard]] Result<void> read_logs();

  // From any thread but the executor's.
  [[nodiscard]] Future<FetchedEntry> fetch(EntryRequest request);
  // Fetches it and judges it, as a follower would have, against `watches`.
  [[nodiscard]] Future<JudgedEntry> judge(
      EntryRequest request, std::shared_ptr<const WatchSnapshot> watches);
  [[nodiscard]] Result<sql::FindingsStored> store(
      std::vector<alerts::Finding> findings);

  // What is under way ends soon, as kStopping. From any thread.
  void stop();
  [[nodiscard]] bool stopping() { return reading_.executor().stopping(); }

 private:
  // A log that a source is open for.
  struct Log;

  // nullptr: not known, or it cannot be read; says why.
  [[nodiscard]] Result<Log*> log_of(const Hash& log_id);
  [[nodiscard]] std::vector<sql::HistorySighting> worth_asking(
      const EntryRequest& request) const;
  Task<FetchedEntry> run(EntryRequest request);
  Task<JudgedEntry> run_judge(EntryRequest request,
                              std::shared_ptr<const WatchSnapshot> watches);
  Task<Result<ProvenEntry>> ask(Log& log, sql::HistorySighting sighting,
                                const EntryRequest& request);
  // Fills in the proof.
  Task<Result<void>> prove(Log& log, ctlog::TreeHead head,
                           alerts::Sighting& where);
  // Whether the page's entry is what history holds there.
  struct Identity {
    bool sighting = false;     // the issuance, time and kind of entry
    bool certificate = false;  // the very certificate
  };
  Task<Result<Identity>> identify(const ctlog::EntryPage& page,
                                  sql::HistorySighting sighting,
                                  const EntryRequest& request);

  const bool is_private_;  // the user names the log list
  LogReading reading_;
  std::mutex mutex_;  // guards the next two
  std::map<Hash, sql::LogRow> rows_;
  std::map<Hash, std::unique_ptr<Log>> logs_;
};

}  // namespace ct::monitor
