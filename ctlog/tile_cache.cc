#include "ctlog/tile_cache.h"

#include <algorithm>

namespace ct::ctlog {

TileContent TileCache::find(const Tile& tile) {
  const std::lock_guard lock(mutex_);
  Slot* const found = slot(tile.level, tile.index);
  if (found == nullptr || found->content->size() < tile.width ||
      Clock::now() - found->stored > lifetime_) {
    return nullptr;
  }
  found->used = ++uses_;
  return found->content;
}

void TileCache::put(unsigned level, std::uint64_t index, TileContent content) {
  const std::lock_guard lock(mutex_);
  Slot* place = slot(level, index);
  if (place == nullptr && slots_.size() < capacity_) {
    place = &slots_.emplace_back();
  } else if (place == nullptr) {
    place = &*std::ranges::min_element(slots_, {}, &Slot::used);
  }
  *place = {level, index, std::move(content), Clock::now(), ++uses_};
}

TileCache::Slot* TileCache::slot(unsigned level, std::uint64_t index) {
  const auto it = std::ranges::find_if(slots_, [&](const Slot& s) {
    return s.level == level && s.index == index;
  });
  return it == slots_.end() ? nullptr : &*it;
}

}  // namespace ct::ctlog
