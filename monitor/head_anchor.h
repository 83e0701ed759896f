// HeadAnchor: signed heads of one log that proofs may lead to.
//
// The best are those that the database holds: entries were read up to them.
// Any other is believed as a follower believes it: the log has signed it, has
// signed no other tree of that size that we know of, and proves that it is
// consistent with what was verified before.
#pragma once

#include <mutex>
#include <vector>

#include "ctlog/log_source.h"
#include "monitor/store_thread.h"
#include "sql/logs.h"

namespace ct::monitor {

// Its tasks may run side by side. Everything it is given outlives them.
class HeadAnchor {
 public:
  HeadAnchor(StoreThread& store, ctlog::LogSource& source, ctlog::LogKey key,
             const sql::LogRow& row);

  // A head above that entry, the log's newest if none is known.
  //
  // kUntrusted: the log contradicts itself. kTransient also: its newest head
  // does not reach so far.
  Task<Result<ctlog::TreeHead>> above(ctlog::LeafIndex index);
  // Asks the log for its newest head, and gives the largest known.
  Task<Result<ctlog::TreeHead>> newest();

 private:
  // Believes `head` if it is consistent with the largest that is believed.
  Task<Result<void>> add(ctlog::TreeHead head);
  [[nodiscard]] std::optional<ctlog::TreeHead> largest() const;

  StoreThread& store_;
  ctlog::LogSource& source_;
  const ctlog::LogKey key_;
  const Hash log_id_;
  // The largest whose signature held; nothing is known of its consistency.
  const std::optional<ctlog::TreeHead> stored_;
  mutable std::mutex mutex_;            // guards the next
  std::vector<ctlog::TreeHead> heads_;  // believed; by size, the least first
};

}  // namespace ct::monitor
