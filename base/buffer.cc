#include "base/buffer.h"

#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

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

Buffer::~Buffer() { std::free(data_); }

void Buffer::reserve(std::size_t n) {
  if (n > SIZE_MAX - kPadding) throw std::bad_alloc();
  const std::size_t wanted = n + kPadding;
  if (wanted <= allocated_) return;
  void* const grown = std::realloc(data_, wanted);
  if (grown == nullptr) throw std::bad_alloc();
  data_ = static_cast<std::uint8_t*>(grown);
  allocated_ = wanted;
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
