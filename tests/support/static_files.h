// StaticFiles: all the files a Static CT log of made-up entries would serve.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ctlog/tile.h"
#include "tests/support/test_key.h"
#include "tests/support/tile_tree.h"

namespace ct::test {

class StaticFiles {
 public:
  explicit StaticFiles(ctlog::TreeSize size)
      : leaves_(make_leaves(size)), tiles_(hash_all(leaves_)) {}

  [[nodiscard]] ctlog::TreeSize size() const { return leaves_.size(); }
  // MerkleTreeLeaf `i`.
  [[nodiscard]] const Bytes& leaf(ctlog::LeafIndex i) const {
    return leaves_[i];
  }
  [[nodiscard]] std::vector<Hash> leaf_hashes() const {
    return hash_all(leaves_);
  }

  // The TileLeaf of `leaf`, without precertificate, with one fingerprint.
  [[nodiscard]] static std::string tile_leaf(const Bytes& leaf) {
    Bytes out(leaf.begin() + 2, leaf.end());
    put_uint(out, 32, 2);
    out.insert(out.end(), 32, 0xcc);
    return std::string(as_text(out));
  }
  [[nodiscard]] std::string data_tile(std::uint64_t index,
                                      std::uint64_t width) const {
    std::string out;
    for (std::uint64_t i = 0; i < width; ++i) {
      out += tile_leaf(leaves_.at(index * ctlog::kTileWidth + i));
    }
    return out;
  }
  [[nodiscard]] std::string hash_tile(unsigned level, std::uint64_t index,
                                      std::uint64_t width) const {
    std::string out;
    for (const Hash& hash : tiles_.hash_tile(level, index, width)) {
      out += as_text(hash);
    }
    return out;
  }
  // What a tree of `size` leaves consists of: path to content. Nothing else
  // may be asked for by who holds the head of that tree only.
  [[nodiscard]] std::map<std::string, std::string> tiles(
      ctlog::TreeSize size) const {
    std::map<std::string, std::string> files;
    for (unsigned level = 0; ctlog::tile_width(level, 0, size) > 0; ++level) {
      for (std::uint64_t i = 0;; ++i) {
        const std::uint64_t width = ctlog::tile_width(level, i, size);
        if (width == 0) break;
        files[ctlog::tile_path({level, i, width})] = hash_tile(level, i, width);
        if (level == 0) {
          files[ctlog::data_tile_path(i, width)] = data_tile(i, width);
        }
      }
    }
    return files;
  }

 private:
  static std::vector<Bytes> make_leaves(ctlog::TreeSize size) {
    std::vector<Bytes> leaves;
    for (ctlog::LeafIndex i = 0; i < size; ++i) {
      Bytes certificate;
      put_uint(certificate, i, 4);
      const Bytes index = ctlog::encode_leaf_index_extension(i);
      ctlog::Leaf leaf;
      leaf.timestamp = 1'700'000'000'000 + static_cast<Millis>(i);
      leaf.certificate = certificate;
      leaf.extensions = index;
      leaves.push_back(ctlog::encode_leaf(leaf));
    }
    return leaves;
  }
  static std::vector<Hash> hash_all(const std::vector<Bytes>& leaves) {
    std::vector<Hash> hashes;
    for (const Bytes& leaf : leaves) hashes.push_back(ctlog::leaf_hash(leaf));
    return hashes;
  }

  std::vector<Bytes> leaves_;
  TileTree tiles_;
};

}  // namespace ct::test
