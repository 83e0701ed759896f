#include "ctlog/tile.h"

#include <algorithm>

#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"

namespace ct::ctlog {
namespace {

struct Made {
  Bytes timestamped_entry;
  Bytes tile_leaf;
};

// Leaf `i` of a generated tile; every third is a precertificate.
Made make_leaf(std::uint64_t i) {
  const bool precert = i % 3 == 0;
  const Bytes certificate(20 + i % 7, std::uint8_t(i));
  Leaf leaf;
  leaf.timestamp = Millis(1'700'000'000'000 + i);
  leaf.type = precert ? EntryType::kPrecert : EntryType::kX509;
  leaf.issuer_key_hash.fill(std::uint8_t(i));
  leaf.certificate = certificate;
  const Bytes extensions = encode_leaf_index_extension(i);
  leaf.extensions = extensions;
  const Bytes whole = encode_leaf(leaf);

  Made made;
  made.timestamped_entry.assign(whole.begin() + 2, whole.end());
  made.tile_leaf = made.timestamped_entry;
  if (precert) {
    put_uint(made.tile_leaf, 5, 3);
    put_bytes(made.tile_leaf, as_bytes("whole"));
  }
  const Bytes chain((i % 4) * 32, std::uint8_t(0x40 + i));
  put_uint(made.tile_leaf, chain.size(), 2);
  put_bytes(made.tile_leaf, chain);
  return made;
}

Bytes make_tile(std::uint64_t width) {
  Bytes tile;
  for (std::uint64_t i = 0; i < width; ++i) {
    put_bytes(tile, make_leaf(i).tile_leaf);
  }
  return tile;
}

void check_malformed(const Result<std::vector<TileLeaf>>& r) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
}

}  // namespace

TEST_CASE("tile paths are grouped by three digits", "[ctlog][tile]") {
  CHECK(tile_path({0, 5, 256}) == "tile/0/005");
  CHECK(tile_path({0, 999, 256}) == "tile/0/999");
  CHECK(tile_path({1, 1000, 256}) == "tile/1/x001/000");
  CHECK(tile_path({2, 1'234'067, 256}) == "tile/2/x001/x234/067");
  CHECK(tile_path({1, 1'234'067, 12}) == "tile/1/x001/x234/067.p/12");
  CHECK(tile_path({5, 0, 1}) == "tile/5/000.p/1");
  CHECK(data_tile_path(1234, 256) == "tile/data/x001/234");
  CHECK(data_tile_path(3, 10) == "tile/data/003.p/10");
}

TEST_CASE("tile widths follow from the size of the tree", "[ctlog][tile]") {
  CHECK(tile_width(0, 0, 0) == 0);
  CHECK(tile_width(0, 0, 255) == 255);
  CHECK(tile_width(1, 0, 255) == 0);
  CHECK(tile_width(0, 0, 256) == 256);
  CHECK(tile_width(0, 1, 256) == 0);
  CHECK(tile_width(1, 0, 256) == 1);
  const TreeSize size = 70'000;
  CHECK(tile_width(0, 272, size) == 256);
  CHECK(tile_width(0, 273, size) == 112);
  CHECK(tile_width(0, 274, size) == 0);
  CHECK(tile_width(1, 0, size) == 256);
  CHECK(tile_width(1, 1, size) == 17);
  CHECK(tile_width(1, 2, size) == 0);
  CHECK(tile_width(2, 0, size) == 1);
  CHECK(tile_width(3, 0, size) == 0);
  CHECK(tile_width(7, 0, ~TreeSize{0}) == 255);
  CHECK(tile_width(8, 0, ~TreeSize{0}) == 0);
}

TEST_CASE("a data tile gives back its leaves", "[ctlog][tile]") {
  const std::uint64_t width = GENERATE(1, 2, 13, 255, 256);
  const Bytes tile = make_tile(width);
  const auto leaves = parse_data_tile(tile, width);
  REQUIRE(leaves);
  REQUIRE(leaves->size() == width);
  for (std::uint64_t i = 0; i < width; ++i) {
    const TileLeaf& leaf = (*leaves)[i];
    CHECK(std::ranges::equal(leaf.timestamped_entry,
                             make_leaf(i).timestamped_entry));
    CHECK(as_text(leaf.precertificate) == (i % 3 == 0 ? "whole" : ""));
    CHECK(leaf.chain_fingerprints.size() == (i % 4) * 32);
  }
}

TEST_CASE("a data tile of another width is malformed", "[ctlog][tile]") {
  const Bytes tile = make_tile(5);
  for (const std::uint64_t width : {0, 4, 6, 256, 257}) {
    CAPTURE(width);
    check_malformed(parse_data_tile(tile, width));
  }
}

TEST_CASE("a data tile cut short or run on is malformed", "[ctlog][tile]") {
  const Bytes tile = make_tile(4);
  for (std::size_t n = 0; n < tile.size(); ++n) {
    CAPTURE(n);
    check_malformed(parse_data_tile(ByteView(tile).first(n), 4));
  }
  Bytes longer = tile;
  longer.push_back(0);
  check_malformed(parse_data_tile(longer, 4));
}

TEST_CASE("fingerprints are counted in bytes, whole ones only",
          "[ctlog][tile]") {
  Bytes tile = make_leaf(1).tile_leaf;  // x509, one fingerprint
  const std::size_t length_at = tile.size() - 32 - 1;
  REQUIRE(tile[length_at] == 32);
  tile[length_at] = 31;
  tile.pop_back();
  check_malformed(parse_data_tile(tile, 1));
  // One fingerprint, its length given as the number one.
  tile = make_leaf(1).tile_leaf;
  tile[length_at] = 1;
  check_malformed(parse_data_tile(tile, 1));
}

TEST_CASE("an entry of unknown type makes a data tile malformed",
          "[ctlog][tile]") {
  Bytes tile = make_leaf(1).tile_leaf;
  tile[9] = 2;
  check_malformed(parse_data_tile(tile, 1));
}

TEST_CASE("the leaves of recorded data tiles hash to the hash tiles",
          "[ctlog][tile]") {
  if (!test::have_shared_data()) return;
  const auto [index, width] = GENERATE(table<std::uint64_t, std::uint64_t>(
      {{0, 256}, {1, 256}, {3, 256}, {3, 10}}));
  const std::string log = "static/navigli2025h2/";
  const std::string data =
      test::shared_file(log + data_tile_path(index, width));
  const std::string hashes =
      test::shared_file(log + tile_path({0, index, width}));
  const auto leaves = parse_data_tile(as_bytes(data), width);
  REQUIRE(leaves);
  ByteReader expected(as_bytes(hashes));
  for (std::uint64_t i = 0; i < width; ++i) {
    CAPTURE(index, i);
    Bytes leaf{0, 0};
    put_bytes(leaf, (*leaves)[i].timestamped_entry);
    CHECK(leaf_hash(leaf) == expected.hash());
    const auto parsed = parse_leaf(leaf);
    REQUIRE(parsed);
    CHECK(encode_leaf(*parsed) == leaf);
    const auto position = leaf_index_extension(parsed->extensions);
    REQUIRE(position);
    CHECK(*position == index * kTileWidth + i);
  }
  CHECK(expected.empty());
}

}  // namespace ct::ctlog
