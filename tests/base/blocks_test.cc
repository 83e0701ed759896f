#include "base/blocks.h"

#include <cstring>
#include <vector>

#include "tests/support/catch.h"

using namespace ct;

namespace {

constexpr std::size_t kMiB = 1u << 20;

// Until none is kept.
std::vector<Block> take_all_kept() {
  std::vector<Block> taken;
  for (int i = 0; i < 32; ++i) taken.push_back(take_block(kMiB));
  return taken;
}

}  // namespace

TEST_CASE("a block grows with what is in it", "[base][blocks]") {
  Block block = take_block(kMiB);
  CHECK(block.size >= kMiB);
  std::memset(block.data, 7, block.size);
  const std::size_t before = block.size;
  grow_block(block, 5 * kMiB + 1);
  REQUIRE(block.size >= 5 * kMiB + 1);
  for (std::size_t i = 0; i < before; i += 1000) REQUIRE(block.data[i] == 7);
  std::memset(block.data, 8, block.size);
  give_back_block(block);
}

TEST_CASE("a block let go is the next one taken", "[base][blocks]") {
  for (const Block& block : take_all_kept()) give_back_block(block);
  const Block first = take_block(3 * kMiB);
  first.data[100] = 1;
  give_back_block(first);
  const Block other_size = take_block(2 * kMiB);
  CHECK(other_size.data == first.data);
  CHECK(other_size.data[100] == 1);
  give_back_block(other_size);
}

TEST_CASE("a block that was too small is taken grown", "[base][blocks]") {
  const auto others = take_all_kept();
  give_back_block(take_block(kMiB));
  const Block large = take_block(20 * kMiB);
  CHECK(large.size >= 20 * kMiB);
  std::memset(large.data, 1, large.size);
  give_back_block(large);
  for (const Block& block : others) give_back_block(block);
}

TEST_CASE("no more is kept than allowed", "[base][blocks]") {
  const auto others = take_all_kept();
  std::vector<Block> blocks;
  for (int i = 0; i < 5; ++i) {
    blocks.push_back(take_block(kMaxKeptBlocks / 4));
    blocks.back().data[0] = 1;
  }
  for (const Block& block : blocks) give_back_block(block);
  unsigned kept = 0;
  for (Block& block : blocks) {
    block = take_block(kMiB);
    kept += block.data[0] == 1;  // a fresh one is clear
  }
  CHECK(kept == 4);
  for (const Block& block : blocks) give_back_block(block);
  for (const Block& block : others) give_back_block(block);
}

TEST_CASE("sizes that do not exist are refused", "[base][blocks]") {
  CHECK_THROWS_AS(take_block(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS(take_block(SIZE_MAX / 2), std::bad_alloc);
  Block block = take_block(kMiB);
  const Block before = block;
  CHECK_THROWS_AS(grow_block(block, SIZE_MAX / 2), std::bad_alloc);
  CHECK(block.data == before.data);
  CHECK(block.size == before.size);
  give_back_block(block);
}
