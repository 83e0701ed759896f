// TileTree: the hash tiles of a tree, as a Static CT log stores them.
#pragma once

#include <vector>

#include "ctlog/merkle.h"
#include "ctlog/tile.h"

namespace ct::test {

class TileTree {
 public:
  explicit TileTree(std::vector<Hash> leaf_hashes) {
    levels_.push_back(std::move(leaf_hashes));
    while (levels_.back().size() >= ctlog::kTileWidth) {
      std::vector<Hash> above;
      const auto& below = levels_.back();
      for (std::size_t i = 0; i + ctlog::kTileWidth <= below.size();
           i += ctlog::kTileWidth) {
        std::vector<Hash> nodes(
            below.begin() + static_cast<std::ptrdiff_t>(i),
            below.begin() + static_cast<std::ptrdiff_t>(i + ctlog::kTileWidth));
        while (nodes.size() > 1) {
          for (std::size_t k = 0; k < nodes.size() / 2; ++k) {
            nodes[k] = ctlog::node_hash(nodes[2 * k], nodes[2 * k + 1]);
          }
          nodes.resize(nodes.size() / 2);
        }
        above.push_back(nodes.front());
      }
      levels_.push_back(std::move(above));
    }
  }

  // The first `width` hashes of a tile; fewer where the tree has no more.
  [[nodiscard]] std::vector<Hash> hash_tile(unsigned level, std::uint64_t index,
                                            std::uint64_t width) const {
    std::vector<Hash> out;
    if (level >= levels_.size()) return out;
    const auto& hashes = levels_[level];
    for (std::uint64_t i = index * ctlog::kTileWidth;
         out.size() < width && i < hashes.size(); ++i) {
      out.push_back(hashes[i]);
    }
    return out;
  }

 private:
  std::vector<std::vector<Hash>> levels_;
};

}  // namespace ct::test
