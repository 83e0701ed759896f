// Follower: entries, from download to commit.
#include <fmt/format.h>

#include <deque>

#include "monitor/bulk_archive.h"
#include "monitor/follower.h"
#include "monitor/history_extract.h"

namespace ct::monitor {
namespace {

// Entries tied and committed as one: large enough that the one proof request
// does not count, small enough that little is lost when it fails.
constexpr std::uint64_t kSegment = 16'384;
// The same where every entry is kept, some 0.5 kB each until the commit.
constexpr std::uint64_t kArchiveSegment = 4'096;
// A log whose proofs cannot be had is read on, untied, this far at most.
constexpr std::uint64_t kMaxUntied = 1u << 20;
// Copies of matching entries held before a segment ends early.
constexpr std::size_t kMaxHeld = 16u << 20;
// Leaves kept as evidence.
constexpr std::size_t kMaxEvidence = 1u << 20;

}  // namespace

ctlog::LeafIndex Follower::goal(const ctlog::TreeHead& head) const {
  return stretch_ ? std::min<ctlog::LeafIndex>(stretch_->end, head.size())
                  : head.size();
}

Task<Result<void>> Follower::read_to(ctlog::TreeHead head) {
  while (position_->range.size() < goal(head)) {
    if (context_.executor.stopping()) {
      co_return fail(Errc::kStopping, "stopping");
    }
    ctlog::LeafIndex end = segment_end(head);
    if (end <= position_->range.size()) co_return Result<void>{};

    Segment segment;
    segment.before = position_->range;
    segment.watches = context_.watches();
    auto read = co_await read_segment(segment, end, head.size());
    if (!read) co_return read;
    auto batch = co_await tie(segment, head);
    // Proofs cannot be had (the last leaf occurs twice, the endpoint is
    // broken): the root at the head needs none, so read on towards it.
    while (!batch && batch.error().code == Errc::kMalformed &&
           end < head.size() && end - segment.before.size() < kMaxUntied) {
      // A stretch may have to go on behind its end to find a leaf with proof.
      end = std::min<ctlog::LeafIndex>(end + kSegment, head.size());
      read = co_await read_segment(segment, end, head.size());
      if (!read) co_return read;
      batch = co_await tie(segment, head);
    }
    if (!batch) co_return tl::unexpected(batch.error());
    auto committed = co_await commit(std::move(segment), std::move(*batch));
    if (!committed) co_return committed;
  }
  co_return Result<void>{};
}

// Where the next segment ends. The short last tile of a Static CT log is left
// alone until it is full or has waited long enough: it would only have to be
// fetched again.
ctlog::LeafIndex Follower::segment_end(const ctlog::TreeHead& head) {
  const auto position = position_->range.size();
  const auto size = context_.archive ? kArchiveSegment : kSegment;
  const auto last = goal(head);
  const auto end = std::min<ctlog::LeafIndex>(position + size, last);
  if (end < last) return end - end % 256;
  if (stretch_) return end;
  const auto full = end - end % 256;
  if (kind_ != ctlog::LogKind::kStatic || context_.once || end == full ||
      draining_ || info().final_tree_head) {
    partial_since_ = 0;
    return end;
  }
  if (full > position) {
    partial_since_ = 0;
    return full;
  }
  const Millis now = now_millis();
  if (partial_since_ == 0) partial_since_ = now;
  if (now - partial_since_ < context_.config.partial_tile_wait.count()) {
    return position;
  }
  partial_since_ = 0;
  return end;
}

// Appends the entries up to `end` to the segment; earlier if those that match
// take up too much memory. Several pages are under way at once, and are
// appended in order.
Task<Result<void>> Follower::read_segment(Segment& segment,
                                          ctlog::LeafIndex end,
                                          ctlog::TreeSize head_size) {
  struct Page {
    ctlog::LeafIndex begin, end;
    Future<Result<Extract>> extract;
  };
  std::deque<Page> pages;
  ctlog::LeafIndex next = segment.end();
  Result<void> result;
  const auto fetch = [&](ctlog::LeafIndex from, ctlog::LeafIndex to) {
    return Page{from, to,
                context_.executor.start(
                    read_page(from, to, head_size, segment.watches))};
  };
  while (segment.end() < end || !pages.empty()) {
    const bool go_on = result && segment.bytes_held < kMaxHeld;
    if (!go_on && pages.empty()) break;
    while (go_on && next < end &&
           pages.size() < context_.config.downloads_per_log) {
      const auto page_end = source_->page_end(next, end);
      pages.push_back(fetch(next, page_end));
      next = page_end;
    }
    // Whatever happens, every page under way is waited for: it refers to us.
    Page page = std::move(pages.front());
    pages.pop_front();
    auto extract = co_await page.extract;
    if (!result) continue;
    if (!extract) {
      result = tl::unexpected(extract.error());
      continue;
    }
    if (extract->first != segment.end()) continue;  // behind a page cut short
    for (auto& c : extract->candidates) {
      segment.bytes_held += c.bytes_held();
      segment.candidates.push_back(std::move(c));
    }
    segment.leaf_hashes.insert(segment.leaf_hashes.end(),
                               extract->leaf_hashes.begin(),
                               extract->leaf_hashes.end());
    segment.newest = std::max(segment.newest, extract->newest);
    for (auto& entry : extract->history) {
      segment.bytes_held += history_bytes(entry);
      segment.history.push_back(std::move(entry));
    }
    append_scts(segment, std::move(extract->scts));
    if (segment.leaves.size() + extract->leaves.size() <= kMaxEvidence) {
      put_bytes(segment.leaves, extract->leaves);
    }
    if (segment.end() >= page.end) continue;
    // A short read: the rest of the page comes before all that follows.
    if (segment.bytes_held < kMaxHeld) {
      pages.push_front(fetch(segment.end(), page.end));
    } else {
      next = end;
    }
  }
  co_return result;
}

Task<Result<Extract>> Follower::read_page(
    ctlog::LeafIndex begin, ctlog::LeafIndex end, ctlog::TreeSize head_size,
    std::shared_ptr<const WatchSnapshot> watches) {
  const double expected = static_cast<double>(end - begin) * bytes_per_entry_;
  const auto share = co_await context_.download_bytes.acquire(
      static_cast<std::size_t>(expected));
  auto page = co_await source_->entries(begin, end, head_size);
  if (!page) co_return tl::unexpected(page.error());
  const std::size_t count = page->entries.size();
  bytes_per_entry_ =
      0.9 * bytes_per_entry_ +
      0.1 * static_cast<double>(page->wire_bytes) / static_cast<double>(count);
  Bytes leaves;
  if (mismatches_ > 0) {
    for (const auto& entry : page->entries) {
      put_uint(leaves, entry.leaf.size(), 4);
      put_bytes(leaves, entry.leaf);
    }
  }
  PageScts scts;
  if (context_.scts != nullptr) {
    auto checked = co_await check_scts(*page);
    if (!checked) co_return tl::unexpected(checked.error());
    scts = std::move(*checked);
  }
  std::vector<sql::HistoryEntry> history;
  if (context_.archive) {
    history = history_entries(*page, log_id_,
                              context_.config.keep_der == KeepDer::kAll);
  }
  Extract out = extract(std::move(*page), watches->watchlist);
  out.history = std::move(history);
  out.leaves = std::move(leaves);
  out.scts = std::move(scts);
  counters_.bytes += out.wire_bytes;
  counters_.malformed += out.malformed;
  co_return out;
}

// Ties what was read to the head. kMalformed: the log gives no usable proof.
Task<Result<ctlog::TiedBatch>> Follower::tie(Segment& segment,
                                             ctlog::TreeHead head) {
  std::vector<Hash> proof;
  if (segment.end() < head.size()) {
    auto got = co_await source_->inclusion_proof(
        segment.end() - 1, segment.leaf_hashes.back(), head.size());
    if (!got) {
      // 404: an endpoint that is not there proves as little as a broken one.
      const bool none = got.error().code == Errc::kGone;
      co_return fail(none ? Errc::kMalformed : got.error().code,
                     got.error().what);
    }
    proof = std::move(*got);
  }
  auto batch =
      ctlog::TiedBatch::tie(segment.before, segment.leaf_hashes, head, proof);
  if (!batch && batch.error().code == Errc::kUntrusted) {
    keep_evidence(segment, head, proof);
    co_return fail(
        Errc::kUntrusted,
        fmt::format("entries {} to {} do not lead to the head of {} entries: "
                    "{}",
                    segment.before.size(), segment.end(), head.size(),
                    batch.error().what));
  }
  co_return batch;
}

Task<Result<void>> Follower::commit(Segment segment, ctlog::TiedBatch batch) {
  sql::BatchCommit row;
  row.lease = *lease_;
  row.begin = batch.begin();
  row.after.range = batch.after();
  row.after.start = position_->start;
  row.after.head_size = batch.head().size();
  row.after.head_timestamp = batch.head().timestamp();
  row.after.head_root = batch.head().root();
  row.after.newest_entry = std::max(position_->newest_entry, segment.newest);
  row.after.verified_at = now_millis();
  row.after.rate = rate_after(batch.end() - batch.begin());
  row.generation = segment.watches->generation;
  row.is_stretch = stretch_.has_value();
  if (context_.archive) {
    auto history = sql::prepare_history(segment.history);
    if (context_.bulk != nullptr) {
      const auto added =
          context_.bulk->add(log_id_, {batch.begin(), batch.end()}, *history);
      if (!added) co_return added;
    } else {
      row.history = std::move(history);
    }
  }
  row.findings = co_await judge_segment(segment, batch);
  SctCounts scts;
  if (context_.scts != nullptr) scts = co_await settle_scts(segment, batch);

  auto committing = context_.store.run(
      [&row](sql::Database& db) { return sql::commit_batch(db, row); });
  const auto outcome = co_await committing;
  if (!outcome) co_return tl::unexpected(outcome.error());
  if (*outcome == sql::CommitOutcome::kLeaseLost) {
    lease_.reset();
    co_return fail(Errc::kTransient, "another process took this log over");
  }
  counters_.entries += batch.end() - batch.begin();
  counters_.matches += segment.candidates.size();
  counters_.position = batch.end();
  counters_.newest_entry = row.after.newest_entry;
  counters_.verified_at = row.after.verified_at;
  ++counters_.commits;
  failures_ = 0;
  if (context_.scts != nullptr) context_.scts->add_to_totals(scts);
  position_ = std::move(row.after);
  if (context_.on_findings) context_.on_findings(row.findings);
  co_return Result<void>{};
}

// A mean over the last commits, a minute's worth or so of them.
double Follower::rate_after(std::uint64_t entries) const {
  const auto elapsed = static_cast<double>(std::max<Millis>(
                           now_millis() - position_->verified_at, 1)) /
                       1000;
  const double newest = static_cast<double>(entries) / elapsed;
  const double weight = std::min(elapsed / 60, 1.0);
  return position_->rate * (1 - weight) + newest * weight;
}

Task<std::vector<alerts::Finding>> Follower::judge_segment(
    const Segment& segment, const ctlog::TiedBatch& batch) {
  std::vector<alerts::Finding> findings;
  const auto logs = context_.logs();
  const JudgeContext judging{segment.watches->watchlist,
                             segment.watches->expectations, *logs};
  for (const auto& candidate : segment.candidates) {
    const MatchedEntry entry = co_await complete_entry(origin(), candidate);
    alerts::Sighting where;
    where.log_id = log_id_;
    where.log = name_;
    where.leaf_index = candidate.index;
    where.timestamp = entry.leaf.timestamp;
    where.entry_type = entry.leaf.type;
    where.leaf_hash = candidate.leaf_hash;
    where.tree_size = batch.head().size();
    where.root = batch.head().root();
    where.inclusion_proof = batch.inclusion_proof(candidate.index);
    auto judged = judge(entry, where, judging);
    findings.insert(findings.end(), std::make_move_iterator(judged.begin()),
                    std::make_move_iterator(judged.end()));
  }
  co_return findings;
}

}  // namespace ct::monitor
