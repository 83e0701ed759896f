// Follower: reads one log, from where it stands to its head, for ever; or one
// stretch of its past, once.
//
// A coroutine that looks like blocking code: poll the head, check it, read
// the entries up to it in segments, tie each to the head, judge what matched,
// commit, sleep. Downloads and extraction of a segment's pages run side by
// side; verification and commits are strictly in order.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/semaphore.h"
#include "ctlog/batch_proof.h"
#include "ctlog/checkpoint.h"
#include "ctlog/log_source.h"
#include "monitor/config.h"
#include "monitor/entry.h"
#include "monitor/extract.h"
#include "monitor/judge.h"
#include "monitor/sct_audit.h"
#include "monitor/store_thread.h"
#include "sql/logs.h"

namespace ct::monitor {

class BulkArchive;

// Watches and expectations of one generation; immutable.
struct WatchSnapshot {
  WatchSnapshot(std::int64_t g, std::vector<alerts::Watch> watches,
                std::vector<alerts::Expectation> e)
      : generation(g),
        watchlist(std::move(watches)),
        expectations(std::move(e)) {}

  const std::int64_t generation;
  const Watchlist watchlist;
  const std::vector<alerts::Expectation> expectations;
};

// What all followers share. Everything outlives them; members are safe from
// any thread.
struct FollowerContext {
  const Config& config;
  Executor& executor;
  StoreThread& store;
  AsyncSemaphore& download_bytes;  // bytes of pages under way, all logs
  const std::vector<ctlog::NoteVerifier>& witnesses;
  std::string owner;     // of leases
  bool once = false;     // read to the first head, then end
  bool archive = false;  // keep every entry in history
  // Where to, in place of the batch's own transaction, if that is not it.
  BulkArchive* bulk = nullptr;
  SctAudit* scts = nullptr;  // of all final certificates; nullptr: of matches
  std::function<std::shared_ptr<const WatchSnapshot>()> watches;
  std::function<std::shared_ptr<const KnownLogs>()> logs;
  // Told of what was just committed; may be empty.
  std::function<void(const std::vector<alerts::Finding>&)> on_findings;
};

// Why a follower ended.
enum class FollowEnd : std::uint8_t {
  kStopping,     // the program stops
  kReachedHead,  // once: everything up to the first head is verified
  kComplete,     // readonly or drained, read to its end
  kUnread,       // once: could not be read
  kUnproven,     // stopped: the log contradicts itself
};

// A follower's numbers, for metrics; each written by the follower alone.
struct FollowerCounters {
  std::atomic<std::uint64_t> position{0}, head{0}, entries{0}, bytes{0},
      malformed{0}, matches{0}, verification_failures{0}, commits{0};
  std::array<std::atomic<std::uint64_t>, kErrcCount> errors{};  // by Errc
  std::atomic<std::int64_t> newest_entry{0}, verified_at{0}, head_time{0};
};

// What a stretch of a log's past will cost.
struct LogSurvey {
  sql::IndexRange range;       // of the dates asked for, below the head
  double bytes_per_entry = 0;  // on the wire, as one page showed
  std::uint64_t page = 0;      // entries that a request brings
};

class Follower {
 public:
  Follower(FollowerContext& context, sql::LogRow row,
           std::unique_ptr<ctlog::LogSource> source);
  // Reads `stretch` and nothing else, beside whoever follows the log: without
  // lease, and without moving the log's position. Its end is cut to the head.
  Follower(FollowerContext& context, sql::LogRow row,
           std::unique_ptr<ctlog::LogSource> source, sql::IndexRange stretch);

  // Runs to the end; call it once. `this` must outlive the task.
  Task<FollowEnd> run();

  // Instead of run(): polls the head, looks up the dates, if given, and reads
  // one page. Entries are merged up to a whole MMD late: what is found may
  // hold some beyond the dates, but lacks none.
  Task<Result<LogSurvey>> survey(std::optional<Millis> since,
                                 std::optional<Millis> until);

  // Whether the log left the list: then it is read to the last head, and the
  // follower ends.
  void drain(bool left) { draining_ = left; }
  // The list's newest word on this log: its state, its final tree head.
  void update(const ctlog::LogInfo& info);

  [[nodiscard]] const FollowerCounters& counters() const { return counters_; }
  [[nodiscard]] ctlog::LogInfo info() const;

 private:
  // Entries read so far of a stretch that is tied and committed as one.
  struct Segment {
    ctlog::CompactRange before;
    std::vector<Hash> leaf_hashes;
    std::vector<Candidate> candidates;
    Bytes leaves;   // kept for evidence, when a mismatch persists
    PageScts scts;  // of all its pages
    std::vector<sql::HistoryEntry> history;
    std::size_t bytes_held = 0;
    Millis newest = 0;
    std::shared_ptr<const WatchSnapshot> watches;
    [[nodiscard]] ctlog::LeafIndex end() const {
      return before.size() + leaf_hashes.size();
    }
  };

  // follower.cc: the life of a follower.
  Task<Result<void>> round();
  Task<Result<void>> take_lease();
  Task<Result<void>> check_final_head();
  Task<std::optional<FollowEnd>> finished();
  Task<std::optional<FollowEnd>> give_up();
  Task<bool> survives_mismatch(Error error);
  [[nodiscard]] std::chrono::milliseconds pause_after(bool failed);

  // follower_head.cc: heads, and where to start.
  // The head to read to: the newest, or the largest known if that is older.
  Task<Result<ctlog::TreeHead>> poll_head();
  Task<Result<void>> check_cosignatures(ctlog::SignedTreeHead sth);
  Task<Result<void>> check_consistent(ctlog::TreeHead older,
                                      ctlog::TreeHead newer);
  Task<Result<void>> find_start(ctlog::TreeHead head);
  Task<Result<ctlog::LeafIndex>> first_index_since(Millis when,
                                                   ctlog::TreeSize size);
  Task<Result<Millis>> entry_time(ctlog::LeafIndex index, ctlog::TreeSize size);

  // follower_read.cc: entries.
  // How far to read under that head.
  [[nodiscard]] ctlog::LeafIndex goal(const ctlog::TreeHead& head) const;
  Task<Result<void>> read_to(ctlog::TreeHead head);
  [[nodiscard]] ctlog::LeafIndex segment_end(const ctlog::TreeHead& head);
  Task<Result<void>> read_segment(Segment& segment, ctlog::LeafIndex end,
                                  ctlog::TreeSize head_size);
  Task<Result<Extract>> read_page(ctlog::LeafIndex begin, ctlog::LeafIndex end,
                                  ctlog::TreeSize head_size,
                                  std::shared_ptr<const WatchSnapshot> watches);
  Task<Result<ctlog::TiedBatch>> tie(Segment& segment, ctlog::TreeHead head);
  Task<Result<void>> commit(Segment segment, ctlog::TiedBatch batch);
  Task<std::vector<alerts::Finding>> judge_segment(
      const Segment& segment, const ctlog::TiedBatch& batch);
  [[nodiscard]] double rate_after(std::uint64_t entries) const;
  [[nodiscard]] EntryOrigin origin() const {
    return {context_.store, *source_, kind_, name_};
  }

  // follower_scts.cc: SCTs of all final certificates.
  Task<Result<PageScts>> check_scts(const ctlog::EntryPage& page);
  Task<void> learn_issuers(const ctlog::EntryPage& page);
  static void append_scts(Segment& segment, PageScts scts);
  Task<SctCounts> settle_scts(const Segment& segment,
                              const ctlog::TiedBatch& batch);
  [[nodiscard]] alerts::Alert bad_sct_alert(
      const SuspectCertificate& suspect, ByteView issuer_der, const BadSct& sct,
      const std::string& issuing_log, const ctlog::TiedBatch& batch) const;

  // follower_alerts.cc: what is told about the log itself.
  Task<void> check_health(ctlog::TreeHead head);
  Task<void> note_failure(Error error);
  Task<void> stop_log(Error error);
  Task<void> raise(std::string_view kind, alerts::Severity severity,
                   std::string episode, std::string title, std::string reason,
                   std::string evidence);
  Task<void> raise(alerts::Alert alert);
  Task<void> clear(std::string_view kind, std::string why);
  // Runs a job until the database takes it, or the program stops.
  template <class F>
  Task<void> persist(F job);
  void keep_evidence(const Segment& segment, const ctlog::TreeHead& head,
                     ctlog::Proof proof);

  // How entries and heads have come to disagree.
  struct Mismatch {
    std::string_view kind;
    bool final = false;    // no retry can mend it
    std::string evidence;  // JSON
  };

  FollowerContext& context_;
  const std::unique_ptr<ctlog::LogSource> source_;
  const Hash log_id_;
  const ctlog::LogKind kind_;
  const std::string name_;  // description
  const std::optional<sql::IndexRange> stretch_;
  std::atomic<bool> draining_{false};
  FollowerCounters counters_;
  mutable std::mutex info_mutex_;
  ctlog::LogInfo info_;  // guarded by info_mutex_

  // The rest is touched by the coroutine alone.
  std::optional<ctlog::LogKey> key_;
  std::optional<sql::Lease> lease_;
  std::optional<sql::Position> position_;
  std::optional<ctlog::TreeHead> largest_head_;
  std::optional<ctlog::TreeHead> once_head_;
  std::string head_wire_;  // of the head last polled: evidence
  Mismatch mismatch_;
  unsigned mismatches_ = 0;  // in a row
  unsigned failures_ = 0;    // in a row
  Millis failing_since_ = 0;
  Millis caught_up_at_ = 0;
  Millis partial_since_ = 0;  // a partial tile has been waiting; 0: none
  // Whether the alert stands; unknown at first.
  std::optional<bool> told_stale_, told_lag_, told_unreachable_;
  // A mean, learnt by read_page, which may run several times at once.
  std::atomic<double> bytes_per_entry_{6000};
};

}  // namespace ct::monitor
