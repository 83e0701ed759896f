#include "ctlog/tile_proof.h"

#include <map>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"
#include "tests/support/tile_tree.h"

namespace ct::ctlog {
namespace {

// The proof that `subtrees` gives from the tiles of `tree`, reading no hash
// that a tree of `size` leaves does not hold.
std::vector<Hash> proof_of(const test::TileTree& tree,
                           const std::vector<Subtree>& subtrees,
                           TreeSize size) {
  std::map<std::pair<unsigned, std::uint64_t>, std::vector<Hash>> tiles;
  for (const Tile& tile : tiles_of(subtrees, size)) {
    REQUIRE(tile.width > 0);
    const auto content = tree.hash_tile(tile.level, tile.index, tile.width);
    CHECK(tiles.emplace(std::pair(tile.level, tile.index), content).second);
  }
  std::vector<Hash> proof;
  for (const Subtree& subtree : subtrees) {
    proof.push_back(
        subtree_hash(subtree, [&](unsigned level, std::uint64_t index) {
          return std::span<const Hash>(tiles.at({level, index}));
        }));
  }
  return proof;
}

void check_inclusion(const test::TileTree& tiles,
                     const test::ReferenceTree& tree, LeafIndex index,
                     TreeSize size) {
  CAPTURE(index, size);
  CHECK(proof_of(tiles, inclusion_subtrees(index, size), size) ==
        tree.inclusion_proof(index, size));
}

void check_consistency(const test::TileTree& tiles,
                       const test::ReferenceTree& tree, TreeSize old_size,
                       TreeSize size) {
  CAPTURE(old_size, size);
  CHECK(proof_of(tiles, consistency_subtrees(old_size, size), size) ==
        tree.consistency_proof(old_size, size));
}

TEST_CASE("tiles give the RFC's proofs for every place in a small tree",
          "[ctlog][tile_proof]") {
  const test::ReferenceTree tree(40);
  const test::TileTree tiles(tree.leaves(0, 40));
  for (TreeSize size = 1; size <= 40; ++size) {
    for (LeafIndex i = 0; i < size; ++i) {
      check_inclusion(tiles, tree, i, size);
      check_consistency(tiles, tree, i + 1, size);
    }
  }
}

TEST_CASE("tiles give the RFC's proofs across tile and level boundaries",
          "[ctlog][tile_proof]") {
  constexpr TreeSize kSize = 70'000;  // three levels: 65,536 is a full tile
  static const test::ReferenceTree tree(kSize);
  static const test::TileTree tiles(tree.leaves(0, kSize));
  const TreeSize size = GENERATE(255, 256, 257, 511, 512, 513, 4096, 5000,
                                 65'535, 65'536, 65'537, 65'792, 70'000);
  std::vector<LeafIndex> places = {0,        1,        size / 2, size - 2,
                                   size - 1, size / 3, 255,      256,
                                   257,      65'535,   65'536};
  std::mt19937 random(static_cast<unsigned>(size));
  for (int i = 0; i < 40; ++i) places.push_back(random() % size);
  for (const LeafIndex place : places) {
    if (place >= size) continue;
    check_inclusion(tiles, tree, place, size);
    check_consistency(tiles, tree, place + 1, size);
  }
}

TEST_CASE("a proof asks for few tiles, each once", "[ctlog][tile_proof]") {
  // Two billion leaves: four levels, and at most one tile of each on the way
  // up, one at the right edge.
  constexpr TreeSize kSize = 2'000'000'123;
  for (const LeafIndex index : {LeafIndex{0}, kSize / 3, kSize - 1}) {
    const auto tiles = tiles_of(inclusion_subtrees(index, kSize), kSize);
    CHECK(tiles.size() <= 8);
    for (const Tile& tile : tiles) {
      CHECK(tile.width == tile_width(tile.level, tile.index, kSize));
    }
  }
}

TEST_CASE("proofs in the largest trees have an end", "[ctlog][tile_proof]") {
  constexpr TreeSize kSize = ~TreeSize{0};
  CHECK(inclusion_subtrees(0, kSize).size() == 64);
  CHECK(inclusion_subtrees(kSize - 1, kSize).size() == 63);
  CHECK(consistency_subtrees(1, kSize).size() == 64);
  CHECK(consistency_subtrees(kSize, kSize).empty());
}

}  // namespace
}  // namespace ct::ctlog
