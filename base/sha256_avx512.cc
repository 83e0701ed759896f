// SHA-256 of 16 messages at once: where an AVX-512 processor has no SHA
// extensions, or has slow ones.
#if defined(__x86_64__)

#include <immintrin.h>

// GCC 12's intrinsics leave registers undefined that are not read.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "base/sha256_kernels.h"

#define CT_TARGET __attribute__((target("avx512f,avx512bw")))
#define CT_INLINE CT_TARGET inline __attribute__((always_inline))

namespace ct::sha256_detail {
namespace {

struct Vector {
  using V = __m512i;
  static constexpr std::size_t kLanes = 16;

  CT_INLINE static V load(const void* p) { return _mm512_loadu_si512(p); }
  CT_INLINE static void store(void* p, V v) { _mm512_storeu_si512(p, v); }
  CT_INLINE static V broadcast(std::uint32_t x) {
    return _mm512_set1_epi32(static_cast<int>(x));
  }
  CT_INLINE static V add(V a, V b) { return _mm512_add_epi32(a, b); }
  template <int kBits>
  CT_INLINE static V rotate(V x) {
    return _mm512_ror_epi32(x, kBits);
  }
  template <int kBits>
  CT_INLINE static V shift(V x) {
    return _mm512_srli_epi32(x, kBits);
  }
  // The constants are truth tables: a is 0xf0, b is 0xcc, c is 0xaa.
  CT_INLINE static V xor3(V a, V b, V c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0x96);
  }
  CT_INLINE static V choose(V a, V b, V c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0xca);
  }
  CT_INLINE static V majority(V a, V b, V c) {
    return _mm512_ternarylogic_epi32(a, b, c, 0xe8);
  }

  // Transposes: element l of w[i] is word i of lane l's block.
  CT_INLINE static void load_blocks(const std::uint8_t* const* blocks,
                                    std::size_t offset, V (&w)[16]) {
    const V big_endian = _mm512_broadcast_i32x4(
        _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
    V rows[16];
    V pairs[16];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; ++i) {
      rows[i] = _mm512_shuffle_epi8(load(blocks[i] + offset), big_endian);
    }
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    // rows[4 g + j]: word 4 q + j of four lanes from 4 g, q the 128-bit part.
#pragma GCC unroll 16
    for (std::size_t i = 0; i < 16; i += 4) {
      rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
      rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
      rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
      rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
#pragma GCC unroll 16
    for (std::size_t j = 0; j < 4; ++j) {
      const V low01 = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0x44);
      const V high01 = _mm512_shuffle_i32x4(rows[j], rows[4 + j], 0xee);
      const V low23 = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0x44);
      const V high23 = _mm512_shuffle_i32x4(rows[8 + j], rows[12 + j], 0xee);
      w[j] = _mm512_shuffle_i32x4(low01, low23, 0x88);
      w[4 + j] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
      w[8 + j] = _mm512_shuffle_i32x4(high01, high23, 0x88);
      w[12 + j] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
    }
  }
};

#include "base/sha256_wide.inl"

}  // namespace

const Kernel kAvx512 = {"avx-512 x16", Vector::kLanes, compress_wide};

}  // namespace ct::sha256_detail

#endif
