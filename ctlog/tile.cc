#include "ctlog/tile.h"

namespace ct::ctlog {
namespace {

// C2SP tlog-tiles: three digits a path element, all but the last behind 'x';
// a partial tile's width behind ".p/".
std::string index_path(std::uint64_t index, std::uint64_t width) {
  const auto group = [](std::uint64_t n) {
    const std::string digits = std::to_string(n % 1000);
    return std::string(3 - digits.size(), '0') + digits;
  };
  std::string path = group(index);
  while ((index /= 1000) != 0) path = "x" + group(index) + "/" + path;
  if (width != kTileWidth) path += ".p/" + std::to_string(width);
  return path;
}

// C2SP static-ct-api:
// struct {
//   TimestampedEntry timestamped_entry;  // RFC 6962, section 3.4
//   select (entry_type) {
//     case x509_entry: Empty;
//     case precert_entry: ASN.1Cert pre_certificate;
//   };
//   Fingerprint certificate_chain<0..2^16-1>;  // the length counts bytes
// } TileLeaf;
//
// nullopt: truncated, or of a type whose length cannot be known. Leaves `in`
// behind the leaf.
std::optional<TileLeaf> take_leaf(ByteReader& in) {
  TileLeaf leaf;
  const ByteView start = in.rest();
  const auto timestamp = in.uint(8);
  const auto type = in.uint(2);
  if (!timestamp || !type || *type > 1) return std::nullopt;
  const bool precert = static_cast<EntryType>(*type) == EntryType::kPrecert;
  if (precert && !in.hash()) return std::nullopt;
  if (!in.vector(3) || !in.vector(2)) return std::nullopt;
  leaf.timestamped_entry = start.first(start.size() - in.size());
  if (precert) {
    const auto precertificate = in.vector(3);
    if (!precertificate) return std::nullopt;
    leaf.precertificate = *precertificate;
  }
  const auto chain = in.vector(2);
  if (!chain || chain->size() % sizeof(Hash) != 0) return std::nullopt;
  leaf.chain_fingerprints = *chain;
  return leaf;
}

}  // namespace

std::string tile_path(const Tile& tile) {
  return "tile/" + std::to_string(tile.level) + "/" +
         index_path(tile.index, tile.width);
}

std::string data_tile_path(std::uint64_t index, std::uint64_t width) {
  return "tile/data/" + index_path(index, width);
}

std::uint64_t tile_width(unsigned level, std::uint64_t index, TreeSize size) {
  if (level >= 8) return 0;  // 256^8 exceeds any size
  const std::uint64_t hashes = size >> (8 * level);
  const std::uint64_t full = hashes / kTileWidth;
  if (index < full) return kTileWidth;
  return index == full ? hashes % kTileWidth : 0;
}

Result<std::vector<TileLeaf>> parse_data_tile(ByteView tile,
                                              std::uint64_t width) {
  if (width == 0 || width > kTileWidth) {
    return fail(Errc::kMalformed,
                "data tile: no tile is " + std::to_string(width) + " wide");
  }
  ByteReader in(tile);
  std::vector<TileLeaf> leaves;
  leaves.reserve(width);
  for (std::uint64_t i = 0; i < width; ++i) {
    const auto leaf = take_leaf(in);
    if (!leaf) {
      return fail(Errc::kMalformed, "data tile: leaf " + std::to_string(i) +
                                        " of " + std::to_string(width) +
                                        " is truncated or of unknown type");
    }
    leaves.push_back(*leaf);
  }
  if (!in.empty()) {
    return fail(Errc::kMalformed, "data tile: " + std::to_string(in.size()) +
                                      " bytes behind leaf " +
                                      std::to_string(width - 1));
  }
  return leaves;
}

}  // namespace ct::ctlog
