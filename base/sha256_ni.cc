// SHA-256 with the SHA extensions of x86.
//
// An instruction does two rounds and its result is ready after four cycles,
// yet another can begin after two: messages are interleaved to fill the gap.
#if defined(__x86_64__)

#include <immintrin.h>

#include "base/sha256_kernels.h"

#define CT_TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define CT_INLINE CT_TARGET inline __attribute__((always_inline))

namespace ct::sha256_detail {
namespace {

// The state as the instructions want it.
struct Halves {
  __m128i abef;
  __m128i cdgh;
};

CT_INLINE Halves load_state(const std::uint32_t* state, std::size_t lanes) {
  const auto word = [&](std::size_t w) {
    return static_cast<int>(state[w * lanes]);
  };
  return {_mm_set_epi32(word(0), word(1), word(4), word(5)),
          _mm_set_epi32(word(2), word(3), word(6), word(7))};
}

CT_INLINE void store_state(const Halves& s, std::uint32_t* state,
                           std::size_t lanes) {
  const auto put = [&](std::size_t w, int v) {
    state[w * lanes] = static_cast<std::uint32_t>(v);
  };
  put(0, _mm_extract_epi32(s.abef, 3));
  put(1, _mm_extract_epi32(s.abef, 2));
  put(4, _mm_extract_epi32(s.abef, 1));
  put(5, _mm_extract_epi32(s.abef, 0));
  put(2, _mm_extract_epi32(s.cdgh, 3));
  put(3, _mm_extract_epi32(s.cdgh, 2));
  put(6, _mm_extract_epi32(s.cdgh, 1));
  put(7, _mm_extract_epi32(s.cdgh, 0));
}

template <std::size_t kLanes>
CT_INLINE void compress(std::uint32_t* state, const std::uint8_t* const* blocks,
                        std::size_t n) {
  const __m128i big_endian =
      _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* const constants =
      reinterpret_cast<const __m128i*>(kRoundConstants);
  Halves s[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) s[l] = load_state(state + l, kLanes);

  for (std::size_t b = 0; b < n; ++b) {
    __m128i m[4][kLanes];  // the last 16 words of each schedule
    Halves before[kLanes];
    for (std::size_t l = 0; l < kLanes; ++l) before[l] = s[l];
#pragma GCC unroll 16
    for (std::size_t four = 0; four < 16; ++four) {
      const __m128i k = _mm_load_si128(constants + four);
#pragma GCC unroll 4
      for (std::size_t l = 0; l < kLanes; ++l) {
        __m128i& w = m[four % 4][l];
        const __m128i w4 = m[(four + 1) % 4][l];  // four words later
        const __m128i w8 = m[(four + 2) % 4][l];
        const __m128i w12 = m[(four + 3) % 4][l];
        if (four < 4) {
          w = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(
                                   blocks[l] + b * kBlock + four * 16)),
                               big_endian);
        } else {
          w = _mm_sha256msg1_epu32(w, w4);
          w = _mm_add_epi32(w, _mm_alignr_epi8(w12, w8, 4));
          w = _mm_sha256msg2_epu32(w, w12);
        }
        const __m128i wk = _mm_add_epi32(w, k);
        s[l].cdgh = _mm_sha256rnds2_epu32(s[l].cdgh, s[l].abef, wk);
        s[l].abef = _mm_sha256rnds2_epu32(s[l].abef, s[l].cdgh,
                                          _mm_shuffle_epi32(wk, 0x0e));
      }
    }
    for (std::size_t l = 0; l < kLanes; ++l) {
      s[l].abef = _mm_add_epi32(s[l].abef, before[l].abef);
      s[l].cdgh = _mm_add_epi32(s[l].cdgh, before[l].cdgh);
    }
  }
  for (std::size_t l = 0; l < kLanes; ++l) store_state(s[l], state + l, kLanes);
}

CT_TARGET void compress1(std::uint32_t* state,
                         const std::uint8_t* const* blocks, std::size_t n) {
  compress<1>(state, blocks, n);
}

CT_TARGET void compress4(std::uint32_t* state,
                         const std::uint8_t* const* blocks, std::size_t n) {
  compress<4>(state, blocks, n);
}

}  // namespace

const Kernel kShaNi1 = {"sha-ni", 1, compress1};
const Kernel kShaNi4 = {"sha-ni x4", 4, compress4};

}  // namespace ct::sha256_detail

#endif
