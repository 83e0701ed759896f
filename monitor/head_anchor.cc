#include "monitor/head_anchor.h"

#include <fmt/format.h>

#include <algorithm>

namespace ct::monitor {

using ctlog::TreeHead;

HeadAnchor::HeadAnchor(StoreThread& store, ctlog::LogSource& source,
                       ctlog::LogKey key, const sql::LogRow& row)
    : store_(store),
      source_(source),
      key_(std::move(key)),
      log_id_(row.info.log_id),
      stored_(row.largest_head) {
  if (!row.position || row.position->head_size == 0) return;
  heads_.push_back(TreeHead::already_verified(row.position->head_size,
                                              row.position->head_timestamp,
                                              row.position->head_root));
}

std::optional<TreeHead> HeadAnchor::largest() const {
  const std::lock_guard lock(mutex_);
  if (heads_.empty()) return std::nullopt;
  return heads_.back();
}

Task<Result<TreeHead>> HeadAnchor::above(ctlog::LeafIndex index) {
  {
    const std::lock_guard lock(mutex_);
    for (const TreeHead& head : heads_) {
      if (head.size() > index) co_return head;
    }
  }
  if (stored_ && stored_->size() > index) {
    const auto added = co_await add(*stored_);
    if (!added) co_return tl::unexpected(added.error());
    co_return *stored_;
  }
  auto head = co_await newest();
  if (head && head->size() <= index) {
    co_return fail(
        Errc::kTransient,
        fmt::format("its newest head covers {} entries only", head->size()));
  }
  co_return head;
}

Task<Result<TreeHead>> HeadAnchor::newest() {
  auto sth = co_await source_.head();
  if (!sth) co_return tl::unexpected(sth.error());
  const auto head = ctlog::verify_tree_head(key_, *sth);
  if (!head) co_return tl::unexpected(head.error());
  auto recording = store_.run([id = log_id_, sth = *sth](sql::Database& db) {
    return sql::record_head(db, id, sth);
  });
  const auto record = co_await recording;
  if (!record) co_return tl::unexpected(record.error());
  if (record->contradiction) {
    co_return fail(
        Errc::kUntrusted,
        fmt::format("the log signed two trees of {} entries", sth->size));
  }
  const auto added = co_await add(*head);
  if (!added) co_return tl::unexpected(added.error());
  co_return *largest();
}

Task<Result<void>> HeadAnchor::add(TreeHead head) {
  const auto known = largest();
  if (known && known->size() == head.size()) {
    if (known->root() == head.root()) co_return Result<void>{};
    co_return fail(
        Errc::kUntrusted,
        fmt::format("the log signed two trees of {} entries", head.size()));
  }
  if (known && head.size() > 0) {
    const bool grew = head.size() > known->size();
    const TreeHead older = grew ? *known : head;
    const TreeHead newer = grew ? head : *known;
    const auto proof =
        co_await source_.consistency_proof(older.size(), newer.size());
    if (!proof) co_return tl::unexpected(proof.error());
    const auto verified = ctlog::verify_consistency(
        older.size(), older.root(), newer.size(), newer.root(), *proof);
    // A proof of the wrong shape is as little of a proof as a wrong one.
    if (!verified) {
      co_return fail(
          Errc::kUntrusted,
          fmt::format("trees of {} and {} entries are not "
                      "consistent: {}",
                      older.size(), newer.size(), verified.error().what));
    }
  }
  const std::lock_guard lock(mutex_);
  heads_.insert(
      std::ranges::upper_bound(heads_, head.size(), {},
                               [](const TreeHead& h) { return h.size(); }),
      head);
  co_return Result<void>{};
}

}  // namespace ct::monitor
