// Large blocks of memory, mapped each for itself: they grow by moving their
// pages, without copying a byte, and a few of those let go are kept for the
// next who wants one, as the kernel has to clear every page it gives out.
// Safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ct {

struct Block {
  std::uint8_t* data = nullptr;
  std::size_t size = 0;  // bytes, whole pages
};

// What is kept is never more than this, all blocks together.
inline constexpr std::size_t kMaxKeptBlocks = 32u << 20;

// `size` bytes at least, of no particular value. Throws std::bad_alloc.
[[nodiscard]] Block take_block(std::size_t size);
// The same block, or what was in it elsewhere. Throws std::bad_alloc, and then
// `block` is as it was.
void grow_block(Block& block, std::size_t size);
void give_back_block(Block block) noexcept;

}  // namespace ct
