// Tiles of the Static CT API: their paths, and what is in them.
#pragma once

#include <string>
#include <vector>

#include "ctlog/leaf.h"

namespace ct::ctlog {

inline constexpr std::uint64_t kTileWidth = 256;

// Hash tile `index` of `level` (0: leaf hashes), `width` hashes wide; 256 is
// a full tile.
struct Tile {
  unsigned level = 0;
  std::uint64_t index = 0;
  std::uint64_t width = kTileWidth;
  friend auto operator<=>(const Tile&, const Tile&) = default;
};

// "tile/1/x001/x234/067.p/12"; full tiles carry no ".p/".
[[nodiscard]] std::string tile_path(const Tile& tile);
// "tile/data/x001/234".
[[nodiscard]] std::string data_tile_path(std::uint64_t index,
                                         std::uint64_t width);

// The width of tile (level, index) in a tree of `size` leaves; 0: not there.
[[nodiscard]] std::uint64_t tile_width(unsigned level, std::uint64_t index,
                                       TreeSize size);

// One TileLeaf. Views alias the parsed tile.
struct TileLeaf {
  // TimestampedEntry: a MerkleTreeLeaf less its first two bytes, 00 00.
  ByteView timestamped_entry;
  ByteView precertificate;      // precerts only; unauthenticated
  ByteView chain_fingerprints;  // SHA-256 each, issuer first; unauthenticated
};

// kMalformed unless the tile holds exactly `width` leaves and nothing else.
[[nodiscard]] Result<std::vector<TileLeaf>> parse_data_tile(
    ByteView tile, std::uint64_t width);

}  // namespace ct::ctlog
