// Buffer: bytes received from outside, grown in place.
//
// Grows without copying once it has kLarge bytes (base/blocks.h), and keeps
// kPadding writable bytes behind the end so that simdjson and our own vector
// code may read past it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace ct {

class Buffer {
 public:
  static constexpr std::size_t kPadding = 64;
  static constexpr std::size_t kLarge = 256u << 10;

  Buffer() = default;
  explicit Buffer(std::string_view text) { append(as_bytes(text)); }
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  void reserve(std::size_t n);
  void append(ByteView bytes);
  // `n` bytes more, of no particular value, for the caller to write.
  [[nodiscard]] std::uint8_t* extend(std::size_t n);
  // Lets go of the last `n` bytes; `n` is at most size().
  void cut(std::size_t n) { size_ -= n; }
  void clear() { size_ = 0; }

  [[nodiscard]] std::size_t size() const { return size_; }
  // Bytes allocated; at least size() + kPadding once anything was appended.
  [[nodiscard]] std::size_t allocated() const { return allocated_; }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }
  [[nodiscard]] ByteView view() const { return {data_, size_}; }
  [[nodiscard]] std::string_view text() const { return as_text(view()); }

 private:
  void free();

  // malloc'd while fewer than kLarge bytes are allocated, else a block.
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t allocated_ = 0;
};

}  // namespace ct
