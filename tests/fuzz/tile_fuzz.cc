#include <algorithm>

#include "ctlog/tile.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

namespace {

bool is_precert(ct::ByteView timestamped_entry) {
  return timestamped_entry[9] == 1;
}

void put_leaf(ct::Bytes& out, const TileLeaf& leaf) {
  ct::put_bytes(out, leaf.timestamped_entry);
  if (is_precert(leaf.timestamped_entry)) {
    ct::put_uint(out, leaf.precertificate.size(), 3);
    ct::put_bytes(out, leaf.precertificate);
  }
  ct::put_uint(out, leaf.chain_fingerprints.size(), 2);
  ct::put_bytes(out, leaf.chain_fingerprints);
}

}  // namespace

// The first byte is the tile's width less one, the rest is the tile.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  if (n == 0) return 0;
  const std::uint64_t width = data[0] + 1u;
  const ct::ByteView tile(data + 1, n - 1);
  const auto leaves = parse_data_tile(tile, width);
  if (!leaves) return 0;

  // Nothing lost, nothing added, and each leaf is one that can be hashed.
  require(leaves->size() == width);
  ct::Bytes again;
  for (const TileLeaf& leaf : *leaves) {
    put_leaf(again, leaf);
    ct::Bytes merkle_tree_leaf{0, 0};
    ct::put_bytes(merkle_tree_leaf, leaf.timestamped_entry);
    require(parse_leaf(merkle_tree_leaf).has_value());
  }
  require(std::ranges::equal(again, tile));
  return 0;
}
