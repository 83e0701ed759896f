#include "base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/blocks.h"

namespace ct {

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      allocated_(std::exchange(other.allocated_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(allocated_, other.allocated_);
  return *this;
}

Buffer::~Buffer() { free(); }

void Buffer::free() {
  if (allocated_ < kLarge) {
    std::free(data_);
  } else {
    give_back_block({data_, allocated_});
  }
}

void Buffer::reserve(std::size_t n) {
  if (n > SIZE_MAX - kPadding) throw std::bad_alloc();
  const std::size_t wanted = n + kPadding;
  if (wanted <= allocated_) return;
  Block block{data_, allocated_};
  if (wanted < kLarge) {
    block.data = static_cast<std::uint8_t*>(std::realloc(data_, wanted));
    if (block.data == nullptr) throw std::bad_alloc();
    block.size = wanted;
  } else if (allocated_ >= kLarge) {
    grow_block(block, wanted);
  } else {
    block = take_block(wanted);
    if (size_ > 0) std::memcpy(block.data, data_, size_);
    std::free(data_);
  }
  data_ = block.data;
  allocated_ = block.size;
}

std::uint8_t* Buffer::extend(std::size_t n) {
  if (n > SIZE_MAX / 2 - size_) throw std::bad_alloc();
  const std::size_t size = size_ + n;
  if (size + kPadding > allocated_) {
    // By half as much again, so that many small pieces cost few moves.
    reserve(std::max(size, size_ + size_ / 2));
  }
  std::uint8_t* const begin = data_ + size_;
  size_ = size;
  return begin;
}

void Buffer::append(ByteView bytes) {
  std::uint8_t* const to = extend(bytes.size());
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
}

}  // namespace ct
