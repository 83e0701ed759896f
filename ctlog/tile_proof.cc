#include "ctlog/tile_proof.h"

#include <algorithm>
#include <bit>
#include <set>

namespace ct::ctlog {
namespace {

constexpr unsigned kTileHeight = 8;  // levels of the tree that a tile spans
static_assert(std::uint64_t{1} << kTileHeight == kTileWidth);

// The largest power of two below n; n > 1.
std::uint64_t split(std::uint64_t n) { return std::bit_floor(n - 1); }

// A complete subtree of 2^k leaves is the root over `count` entries of a
// tile, from `first` on.
struct Run {
  unsigned level = 0;
  std::uint64_t tile = 0;
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

// The complete subtrees that make up `subtree`, left to right. They shrink,
// since the recursion splits at the largest power of two.
std::vector<Run> runs_of(const Subtree& subtree) {
  std::vector<Run> runs;
  LeafIndex at = subtree.begin;
  while (at < subtree.end) {
    const unsigned k =
        static_cast<unsigned>(std::bit_width(subtree.end - at)) - 1;
    const unsigned level = k / kTileHeight;
    const std::uint64_t entry = at >> (level * kTileHeight);
    runs.push_back({level, entry / kTileWidth, entry % kTileWidth,
                    std::uint64_t{1} << (k % kTileHeight)});
    at += std::uint64_t{1} << k;
  }
  return runs;
}

// The root over a power of two of nodes of one height.
Hash fold(std::span<const Hash> nodes) {
  std::vector<Hash> level(nodes.begin(), nodes.end());
  while (level.size() > 1) {
    for (std::size_t i = 0; i < level.size() / 2; ++i) {
      level[i] = node_hash(level[2 * i], level[2 * i + 1]);
    }
    level.resize(level.size() / 2);
  }
  return level.front();
}

}  // namespace

std::vector<Subtree> inclusion_subtrees(LeafIndex index, TreeSize size) {
  std::vector<Subtree> out;
  LeafIndex begin = 0;
  LeafIndex end = size;
  while (end - begin > 1) {
    const LeafIndex middle = begin + split(end - begin);
    if (index < middle) {
      out.push_back({middle, end});
      end = middle;
    } else {
      out.push_back({begin, middle});
      begin = middle;
    }
  }
  std::ranges::reverse(out);
  return out;
}

std::vector<Subtree> consistency_subtrees(TreeSize old_size,
                                          TreeSize new_size) {
  std::vector<Subtree> out;
  LeafIndex begin = 0;
  LeafIndex end = new_size;
  // SUBPROOF: `begin` moves once a left part belongs to both trees; from then
  // on the old tree's own last subtree has to be given as well.
  while (old_size != end) {
    const LeafIndex middle = begin + split(end - begin);
    if (old_size <= middle) {
      out.push_back({middle, end});
      end = middle;
    } else {
      out.push_back({begin, middle});
      begin = middle;
    }
  }
  if (begin != 0) out.push_back({begin, end});
  std::ranges::reverse(out);
  return out;
}

std::vector<Tile> tiles_of(std::span<const Subtree> subtrees, TreeSize size) {
  std::set<Tile> tiles;
  for (const Subtree& subtree : subtrees) {
    for (const Run& run : runs_of(subtree)) {
      tiles.insert(
          {run.level, run.tile, tile_width(run.level, run.tile, size)});
    }
  }
  return {tiles.begin(), tiles.end()};
}

Hash subtree_hash(const Subtree& subtree, const TileHashes& tiles) {
  std::vector<Hash> parts;
  for (const Run& run : runs_of(subtree)) {
    parts.push_back(
        fold(tiles(run.level, run.tile).subspan(run.first, run.count)));
  }
  Hash hash = parts.back();
  for (std::size_t i = parts.size() - 1; i-- > 0;) {
    hash = node_hash(parts[i], hash);
  }
  return hash;
}

}  // namespace ct::ctlog
