// Proofs of RFC 6962, section 2.1, put together from hash tiles.
//
// A proof is a list of subtree hashes. Each subtree splits into complete ones
// of 2^k leaves, and the hash of such a one is the root over a run of entries
// of a single tile. Pure functions: which tiles are needed, then the proof
// from those tiles.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "ctlog/tile.h"

namespace ct::ctlog {

// The leaves [begin, end) of a tree, as the recursion of section 2.1 cuts it.
struct Subtree {
  LeafIndex begin = 0;
  LeafIndex end = 0;
  friend bool operator==(const Subtree&, const Subtree&) = default;
};

// What PATH(index, D[size]) consists of, lowest first; index < size.
[[nodiscard]] std::vector<Subtree> inclusion_subtrees(LeafIndex index,
                                                      TreeSize size);
// What PROOF(old_size, D[new_size]) consists of; 0 < old_size <= new_size.
[[nodiscard]] std::vector<Subtree> consistency_subtrees(TreeSize old_size,
                                                        TreeSize new_size);

// The tiles that hold the hashes of `subtrees` in a tree of `size` leaves,
// each once, with the width that the tree gives them.
[[nodiscard]] std::vector<Tile> tiles_of(std::span<const Subtree> subtrees,
                                         TreeSize size);

// Gives the hashes of a tile, at least as many as tiles_of asked for.
using TileHashes =
    std::function<std::span<const Hash>(unsigned level, std::uint64_t index)>;

[[nodiscard]] Hash subtree_hash(const Subtree& subtree,
                                const TileHashes& tiles);

}  // namespace ct::ctlog
