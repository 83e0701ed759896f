// A fast hash of short strings, seeded for each process so that nobody can
// prepare strings that collide in our tables. Not for anything stored.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace ct::monitor {

struct HashSeeds {
  std::uint64_t start, data, length;
};

// Chosen once, at random, before main.
extern const HashSeeds kHashSeeds;

namespace detail {

inline std::uint64_t multiply_fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^
         static_cast<std::uint64_t>(product >> 64);
}

// Up to eight bytes as a number; different strings of one length give
// different numbers.
inline std::uint64_t load_tail(const char* p, std::size_t n) {
  if (n == 8) {
    std::uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
  }
  if (n >= 4) {
    std::uint32_t low, high;
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + n - 4, 4);
    return std::uint64_t{high} << 32 | low;
  }
  if (n == 0) return 0;
  const auto byte = [&](std::size_t i) {
    return std::uint64_t{static_cast<std::uint8_t>(p[i])};
  };
  return byte(0) << 16 | byte(n / 2) << 8 | byte(n - 1);
}

}  // namespace detail

// Hashes `text` on top of `before`, the hash of what came before it. The
// length goes in too: "a" then "bc" is not "ab" then "c".
inline std::uint64_t seeded_hash(std::string_view text, std::uint64_t before) {
  std::uint64_t h = before;
  std::size_t n = text.size();
  while (n > 8) {
    n -= 8;
    h = detail::multiply_fold(h ^ detail::load_tail(text.data() + n, 8),
                              kHashSeeds.data);
  }
  return detail::multiply_fold(h ^ detail::load_tail(text.data(), n),
                               kHashSeeds.length ^ text.size() << 1);
}
inline std::uint64_t seeded_hash_start() { return kHashSeeds.start; }

}  // namespace ct::monitor
