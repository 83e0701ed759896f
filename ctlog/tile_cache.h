// TileCache: the few hash tiles of a log that its next proofs need again.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "ctlog/tile.h"

namespace ct::ctlog {

using TileContent = std::shared_ptr<const std::vector<Hash>>;  // never null

// Safe from any thread. Tiles are shared, not copied, because a proof may
// still be read from one that is being replaced.
//
// What a log said is forgotten after a while, so that a tile that came
// damaged is asked for again and does not spoil proofs for ever.
class TileCache {
 public:
  using Clock = std::chrono::steady_clock;

  TileCache(std::size_t capacity, Clock::duration lifetime)
      : capacity_(capacity), lifetime_(lifetime) {}

  // A tile with at least `tile.width` hashes, or null.
  [[nodiscard]] TileContent find(const Tile& tile);
  // Replaces whatever is there of this tile.
  void put(unsigned level, std::uint64_t index, TileContent content);

 private:
  struct Slot {
    unsigned level;
    std::uint64_t index;
    TileContent content;
    Clock::time_point stored;
    std::uint64_t used;  // greatest: most recently
  };

  Slot* slot(unsigned level, std::uint64_t index);

  const std::size_t capacity_;
  const Clock::duration lifetime_;
  std::mutex mutex_;
  std::vector<Slot> slots_;  // guarded by mutex_
  std::uint64_t uses_ = 0;   // guarded by mutex_
};

}  // namespace ct::ctlog
