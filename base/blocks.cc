#include "base/blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace ct {
namespace {

constexpr std::size_t kPage = 4096;  // or a multiple: mmap rounds up

std::size_t whole_pages(std::size_t size) {
  if (size > SIZE_MAX - kPage) throw std::bad_alloc();
  return (size + kPage - 1) / kPage * kPage;
}

// Those let go, the last one on top: it is the likeliest to be in the cache.
class Kept {
 public:
  static Kept& instance() {
    // Never destroyed: buffers may outlive whatever else is static.
    static auto* const kept = new Kept;
    return *kept;
  }

  // One that is large enough, or else any; none has no data.
  Block take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    if (blocks_.empty()) return {};
    auto found =
        std::find_if(blocks_.rbegin(), blocks_.rend(),
                     [size](const Block& block) { return block.size >= size; });
    if (found == blocks_.rend()) found = blocks_.rbegin();
    const Block block = *found;
    blocks_.erase(std::next(found).base());
    bytes_ -= block.size;
    return block;
  }

  // False if there are enough.
  bool put(Block block) noexcept {
    const std::lock_guard lock(mutex_);
    if (blocks_.size() == kMost || block.size > kMaxKeptBlocks - bytes_) {
      return false;
    }
    blocks_.push_back(block);  // room was reserved
    bytes_ += block.size;
    return true;
  }

 private:
  static constexpr std::size_t kMost = 16;
  Kept() { blocks_.reserve(kMost); }

  std::mutex mutex_;
  std::vector<Block> blocks_;  // guarded by mutex_, as is the next
  std::size_t bytes_ = 0;
};

void resize(Block& block, std::size_t size) {
  void* const moved = ::mremap(block.data, block.size, size, MREMAP_MAYMOVE);
  if (moved == MAP_FAILED) throw std::bad_alloc();
  block = {static_cast<std::uint8_t*>(moved), size};
}

}  // namespace

Block take_block(std::size_t size) {
  size = whole_pages(size);
  if (Block block = Kept::instance().take(size); block.data != nullptr) {
    try {
      grow_block(block, size);
      return block;
    } catch (...) {
      ::munmap(block.data, block.size);
      throw;
    }
  }
  void* const fresh = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (fresh == MAP_FAILED) throw std::bad_alloc();
  return {static_cast<std::uint8_t*>(fresh), size};
}

void grow_block(Block& block, std::size_t size) {
  size = whole_pages(size);
  if (size > block.size) resize(block, size);
}

void give_back_block(Block block) noexcept {
  if (block.data == nullptr) return;
  if (!Kept::instance().put(block)) ::munmap(block.data, block.size);
}

}  // namespace ct
