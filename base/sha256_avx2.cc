// SHA-256 of 8 messages at once, for processors that have AVX2 alone.
#if defined(__x86_64__)

#include <immintrin.h>

#include "base/sha256_kernels.h"

#define CT_TARGET __attribute__((target("avx2")))
#define CT_INLINE CT_TARGET inline __attribute__((always_inline))

namespace ct::sha256_detail {
namespace {

struct Vector {
  using V = __m256i;
  static constexpr std::size_t kLanes = 8;

  CT_INLINE static V load(const void* p) {
    return _mm256_loadu_si256(static_cast<const V*>(p));
  }
  CT_INLINE static void store(void* p, V v) {
    _mm256_storeu_si256(static_cast<V*>(p), v);
  }
  CT_INLINE static V broadcast(std::uint32_t x) {
    return _mm256_set1_epi32(static_cast<int>(x));
  }
  CT_INLINE static V add(V a, V b) { return _mm256_add_epi32(a, b); }
  template <int kBits>
  CT_INLINE static V rotate(V x) {
    return _mm256_or_si256(_mm256_srli_epi32(x, kBits),
                           _mm256_slli_epi32(x, 32 - kBits));
  }
  template <int kBits>
  CT_INLINE static V shift(V x) {
    return _mm256_srli_epi32(x, kBits);
  }
  CT_INLINE static V xor3(V a, V b, V c) {
    return _mm256_xor_si256(_mm256_xor_si256(a, b), c);
  }
  CT_INLINE static V choose(V a, V b, V c) {
    return _mm256_xor_si256(c, _mm256_and_si256(a, _mm256_xor_si256(b, c)));
  }
  CT_INLINE static V majority(V a, V b, V c) {
    return _mm256_xor_si256(
        b, _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)));
  }

  // Transposes: element l of w[i] is word i of lane l's block.
  CT_INLINE static void load_blocks(const std::uint8_t* const* blocks,
                                    std::size_t offset, V (&w)[16]) {
    load_half(blocks, offset, w);
    load_half(blocks, offset + 32, w + 8);
  }

 private:
  CT_INLINE static void load_half(const std::uint8_t* const* blocks,
                                  std::size_t offset, V* w) {
    const V big_endian = _mm256_broadcastsi128_si256(
        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
    V rows[8];
    V pairs[8];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 8; ++i) {
      rows[i] = _mm256_shuffle_epi8(load(blocks[i] + offset), big_endian);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 8; i += 2) {
      pairs[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    // rows[4 g + j]: words j and 4 + j of four lanes from 4 g.
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 8; i += 4) {
      rows[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
      rows[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
      rows[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      rows[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
#pragma GCC unroll 16
    for (std::size_t j = 0; j < 4; ++j) {
      w[j] = _mm256_permute2x128_si256(rows[j], rows[4 + j], 0x20);
      w[4 + j] = _mm256_permute2x128_si256(rows[j], rows[4 + j], 0x31);
    }
  }
};

#include "base/sha256_wide.inl"

}  // namespace

const Kernel kAvx2 = {"avx2 x8", Vector::kLanes, compress_wide};

}  // namespace ct::sha256_detail

#endif
