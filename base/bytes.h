// Views of bytes, and big-endian reading and writing of wire formats.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace ct {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using Hash = std::array<std::uint8_t, 32>;  // SHA-256

[[nodiscard]] inline ByteView as_bytes(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteView b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

// Takes big-endian fields off the front of hostile bytes. Every read is
// bounds-checked; a failed read returns nullopt and leaves the reader as it
// was. The views it gives alias the input.
class ByteReader {
 public:
  explicit ByteReader(ByteView in) : rest_(in) {}

  [[nodiscard]] std::size_t size() const { return rest_.size(); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] ByteView rest() const { return rest_; }

  // An unsigned integer of `width` bytes (1 to 8).
  [[nodiscard]] std::optional<std::uint64_t> uint(std::size_t width) {
    if (rest_.size() < width) return std::nullopt;
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < width; ++i) v = v << 8 | rest_[i];
    rest_ = rest_.subspan(width);
    return v;
  }
  [[nodiscard]] std::optional<ByteView> bytes(std::size_t n) {
    if (rest_.size() < n) return std::nullopt;
    const ByteView out = rest_.first(n);
    rest_ = rest_.subspan(n);
    return out;
  }
  // A vector of TLS presentation language: a length of `width` bytes, then
  // that many bytes.
  [[nodiscard]] std::optional<ByteView> vector(std::size_t width) {
    const ByteView before = rest_;
    if (const auto n = uint(width)) {
      if (const auto out = bytes(*n)) return out;
    }
    rest_ = before;
    return std::nullopt;
  }
  [[nodiscard]] std::optional<Hash> hash() {
    const auto b = bytes(32);
    if (!b) return std::nullopt;
    Hash h;
    std::copy(b->begin(), b->end(), h.begin());
    return h;
  }

 private:
  ByteView rest_;
};

// Appends `v` to `out` as `width` big-endian bytes.
inline void put_uint(Bytes& out, std::uint64_t v, std::size_t width) {
  for (std::size_t i = width; i-- > 0;) {
    out.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
}
inline void put_bytes(Bytes& out, ByteView b) {
  out.insert(out.end(), b.begin(), b.end());
}

}  // namespace ct
