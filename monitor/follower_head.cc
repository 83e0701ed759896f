// Follower: the log's heads, and where in it to start.
#include <fmt/format.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/log.h"
#include "monitor/follower.h"

namespace ct::monitor {
namespace {

std::string head_json(const ctlog::SignedTreeHead& sth) {
  return fmt::format(
      R"({{"size":{},"timestamp":{},"root":"{}","signature":"{}","wire":"{}"}})",
      sth.size, sth.timestamp, to_hex(sth.root), to_base64(sth.signature),
      to_base64(as_bytes(sth.wire)));
}

}  // namespace

Task<Result<ctlog::TreeHead>> Follower::poll_head() {
  auto sth = co_await source_->head();
  if (!sth) co_return tl::unexpected(sth.error());
  const auto head = ctlog::verify_tree_head(*key_, *sth);
  if (!head) {
    if (head.error().code == Errc::kUntrusted) {
      mismatch_ = {alerts::kind::kLogBadSignature, false,
                   fmt::format(R"({{"heads":[{}]}})", head_json(*sth))};
    }
    co_return tl::unexpected(head.error());
  }
  const auto witnessed = co_await check_cosignatures(*sth);
  if (!witnessed) co_return tl::unexpected(witnessed.error());

  auto recording =
      context_.store.run([id = log_id_, sth = *sth](sql::Database& db) {
        return sql::record_head(db, id, sth);
      });
  const auto record = co_await recording;
  if (!record) co_return tl::unexpected(record.error());
  if (record->contradiction) {
    mismatch_ = {
        alerts::kind::kLogFork, true,
        fmt::format(R"({{"heads":[{},{}]}})", head_json(*record->contradiction),
                    head_json(*sth))};
    co_return fail(Errc::kUntrusted,
                   fmt::format("the log signed two trees of {} entries with "
                               "different roots: {} and {}",
                               sth->size, to_hex(record->contradiction->root),
                               to_hex(sth->root)));
  }

  counters_.head_time = head->timestamp();
  head_wire_ = std::move(sth->wire);
  const bool grew = !largest_head_ || head->size() > largest_head_->size();
  // Where we stand at the largest head, reading on from there proves that the
  // new one extends it; elsewhere the log has to.
  const bool reading_proves =
      grew && (!largest_head_ ||
               (position_ && position_->range.size() >= largest_head_->size()));
  // Asked again each time, not only for heads not seen before: one that did
  // not verify must not slip through at the second try.
  if (!reading_proves && largest_head_) {
    const auto& older = grew ? *largest_head_ : *head;
    const auto& newer = grew ? *head : *largest_head_;
    const auto consistent = co_await check_consistent(older, newer);
    if (!consistent) co_return tl::unexpected(consistent.error());
  }
  if (grew) largest_head_ = *head;
  counters_.head = largest_head_->size();
  co_return *largest_head_;
}

Task<Result<void>> Follower::check_cosignatures(ctlog::SignedTreeHead sth) {
  if (kind_ != ctlog::LogKind::kStatic || context_.witnesses.empty()) {
    co_return Result<void>{};
  }
  const auto note = ctlog::parse_note(sth.wire);
  if (!note) co_return tl::unexpected(note.error());
  for (const auto& witness : context_.witnesses) {
    const auto cosignature = ctlog::verify_cosignature(*note, witness);
    if (!cosignature && cosignature.error().code == Errc::kGone) continue;
    if (!cosignature) {
      mismatch_ = {alerts::kind::kLogBadSignature, false,
                   fmt::format(R"({{"heads":[{}]}})", head_json(sth))};
      co_return fail_in("cosignature of " + witness.name, cosignature.error());
    }
    auto keeping =
        context_.store.run([id = log_id_, sth, name = witness.name,
                            time = cosignature->timestamp](sql::Database& db) {
          return sql::record_cosignature(db, id, sth, name, time);
        });
    const auto kept = co_await keeping;
    if (!kept) co_return kept;
  }
  co_return Result<void>{};
}

Task<Result<void>> Follower::check_consistent(ctlog::TreeHead older,
                                              ctlog::TreeHead newer) {
  if (older.size() == 0 || older.size() == newer.size()) {
    co_return Result<void>{};
  }
  const auto proof =
      co_await source_->consistency_proof(older.size(), newer.size());
  if (!proof) co_return tl::unexpected(proof.error());
  const auto verified = ctlog::verify_consistency(
      older.size(), older.root(), newer.size(), newer.root(), *proof);
  if (verified) co_return verified;
  std::string nodes;
  for (const auto& node : *proof) {
    nodes += fmt::format(R"({}"{}")", nodes.empty() ? "" : ",", to_hex(node));
  }
  mismatch_ = {
      alerts::kind::kLogRootMismatch, false,
      fmt::format(
          R"({{"older":{{"size":{},"root":"{}"}},"newer":{{"size":{},"root":"{}"}},)"
          R"("newest_wire":"{}","consistency_proof":[{}]}})",
          older.size(), to_hex(older.root()), newer.size(),
          to_hex(newer.root()), to_base64(as_bytes(head_wire_)), nodes)};
  // A proof of the wrong shape is as little of a proof as a wrong one.
  co_return fail(
      Errc::kUntrusted,
      fmt::format("trees of {} and {} entries are not consistent: "
                  "{}",
                  older.size(), newer.size(), verified.error().what));
}

// Sets position_ to where a log that is new to us is to be read from, with a
// compact range that the head proves.
Task<Result<void>> Follower::find_start(ctlog::TreeHead head) {
  const std::string& start = context_.config.start;
  ctlog::LeafIndex begin = 0;
  if (stretch_) {
    begin = std::min<ctlog::LeafIndex>(stretch_->begin, head.size());
  } else if (start == "head") {
    begin = head.size();
  } else if (start != "beginning") {
    const auto when = parse_time(start);
    if (!when) {
      co_return fail(Errc::kUsage, "--start: not a date: " + start);
    }
    // Entries may be merged a whole MMD late, so their times go up and down.
    const auto found =
        co_await first_index_since(*when - info().mmd * 1000, head.size());
    if (!found) co_return tl::unexpected(found.error());
    begin = *found;
  }
  sql::Position position;
  position.start = begin;
  if (begin > 0) {
    const auto page = co_await source_->entries(begin - 1, begin, head.size());
    if (!page) co_return tl::unexpected(page.error());
    const Hash leaf = page->leaf_hashes.front();
    const auto proof =
        co_await source_->inclusion_proof(begin - 1, leaf, head.size());
    if (!proof) co_return tl::unexpected(proof.error());
    auto range = ctlog::compact_range_through(leaf, begin - 1, head.size(),
                                              *proof, head.root());
    if (!range) {
      mismatch_ = {alerts::kind::kLogRootMismatch, false,
                   fmt::format(R"({{"index":{},"leaf_hash":"{}","head":"{}"}})",
                               begin - 1, to_hex(leaf),
                               to_base64(as_bytes(head_wire_)))};
      co_return fail(Errc::kUntrusted,
                     fmt::format("entry {} is not proven by the head of {} "
                                 "entries: {}",
                                 begin - 1, head.size(), range.error().what));
    }
    position.range = std::move(*range);
  }
  position.head_size = head.size();
  position.head_timestamp = head.timestamp();
  position.head_root = head.root();
  position.verified_at = now_millis();
  if (stretch_) {
    position_ = std::move(position);
    counters_.position = begin;
    co_return Result<void>{};
  }
  sql::BatchCommit batch;
  batch.lease = *lease_;
  batch.begin = begin;
  batch.after = position;
  auto storing = context_.store.run(
      [batch](sql::Database& db) { return sql::commit_batch(db, batch); });
  const auto stored = co_await storing;
  if (!stored) co_return tl::unexpected(stored.error());
  if (*stored == sql::CommitOutcome::kLeaseLost) {
    lease_.reset();
    co_return fail(Errc::kTransient, "another process took this log over");
  }
  log_info("log is followed", {{"log", name_}, {"from", begin}});
  position_ = std::move(position);
  counters_.position = begin;
  co_return Result<void>{};
}

Task<Result<LogSurvey>> Follower::survey(std::optional<Millis> since,
                                         std::optional<Millis> until) {
  auto key = ctlog::LogKey::from_spki(info().key);
  if (!key) co_return tl::unexpected(key.error());
  key_ = std::move(*key);
  const auto head = co_await poll_head();
  if (!head) co_return tl::unexpected(head.error());
  const ctlog::TreeSize size = head->size();
  const Millis slack = info().mmd * 1000;
  LogSurvey out;
  out.range.end = size;
  if (since) {
    const auto found = co_await first_index_since(*since - slack, size);
    if (!found) co_return tl::unexpected(found.error());
    out.range.begin = *found;
  }
  if (until) {
    const auto found = co_await first_index_since(*until + slack, size);
    if (!found) co_return tl::unexpected(found.error());
    out.range.end = std::max(*found, out.range.begin);
  }
  if (out.range.begin == out.range.end) co_return out;
  const auto middle = out.range.begin + (out.range.end - out.range.begin) / 2;
  const auto page = co_await source_->entries(
      middle, source_->page_end(middle, out.range.end), size);
  if (!page) co_return tl::unexpected(page.error());
  out.page = page->entries.size();
  out.bytes_per_entry = static_cast<double>(page->wire_bytes) /
                        static_cast<double>(page->entries.size());
  co_return out;
}

// Bisects; good to within the disorder of the log's timestamps.
Task<Result<ctlog::LeafIndex>> Follower::first_index_since(
    Millis when, ctlog::TreeSize size) {
  ctlog::LeafIndex low = 0;
  ctlog::LeafIndex high = size;
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    const auto time = co_await entry_time(middle, size);
    if (!time) co_return tl::unexpected(time.error());
    if (*time < when) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  co_return low;
}

Task<Result<Millis>> Follower::entry_time(ctlog::LeafIndex index,
                                          ctlog::TreeSize size) {
  const auto page = co_await source_->entries(index, index + 1, size);
  if (!page) co_return tl::unexpected(page.error());
  // An entry of unknown type still starts as RFC 6962 leaves do: version,
  // leaf type, timestamp.
  ByteReader reader(page->entries.front().leaf);
  const auto head = reader.bytes(2);
  const auto time = reader.uint(8);
  if (!head || !time) {
    co_return fail(Errc::kMalformed,
                   fmt::format("entry {} has no timestamp", index));
  }
  co_return static_cast<Millis>(*time);
}

}  // namespace ct::monitor
