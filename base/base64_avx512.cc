// Base64 decoding, 64 digits at a time: with AVX-512 VBMI all 128 characters
// fit a table of two registers.
#if defined(__x86_64__)

#include <immintrin.h>

// GCC 12's intrinsics leave registers undefined that are not read.
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include "base/base64_kernels.h"

#define CT_TARGET __attribute__((target("avx512f,avx512bw,avx512vbmi")))
#define CT_INLINE CT_TARGET inline __attribute__((always_inline))

namespace ct::base64_detail {
namespace {

// Three bytes of each four, big-endian.
constexpr auto kOrder = [] {
  std::array<std::uint8_t, 64> out{};
  for (std::size_t i = 0; i < 48; ++i) {
    out[i] = static_cast<std::uint8_t>(i / 3 * 4 + 2 - i % 3);
  }
  return out;
}();

class Decoder {
 public:
  CT_INLINE Decoder()
      : lower_(_mm512_loadu_si512(kValues.data())),
        upper_(_mm512_loadu_si512(kValues.data() + 64)),
        order_(_mm512_loadu_si512(kOrder.data())),
        bad_(_mm512_setzero_si512()) {}

  // Of the 64 bytes it gives, 48 count.
  CT_INLINE __m512i decode(__m512i c) {
    const __m512i values = _mm512_permutex2var_epi8(lower_, c, upper_);
    // The table is looked up by seven bits; the eighth must not be set.
    bad_ = _mm512_ternarylogic_epi32(bad_, values, c, 0xfe);  // a | b | c
    const __m512i pairs =
        _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
    const __m512i fours =
        _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00011000));
    return _mm512_permutexvar_epi8(order_, fours);
  }
  CT_INLINE bool good() const { return _mm512_movepi8_mask(bad_) == 0; }

 private:
  const __m512i lower_;
  const __m512i upper_;
  const __m512i order_;
  __m512i bad_;
};

CT_TARGET Progress decode(const char* text, std::size_t n, std::uint8_t* out) {
  Decoder decoder;
  std::size_t i = 0;
  for (; i + 64 <= n; i += 64, out += 48) {
    _mm512_storeu_si512(out, decoder.decode(_mm512_loadu_si512(text + i)));
  }
  if (i < n) {
    const __mmask64 there = (__mmask64{1} << (n - i)) - 1;
    const __m512i c =
        _mm512_mask_loadu_epi8(_mm512_set1_epi8('A'), there, text + i);
    const __mmask64 wanted = (__mmask64{1} << (n - i) / 4 * 3) - 1;
    _mm512_mask_storeu_epi8(out, wanted, decoder.decode(c));
  }
  return {n, decoder.good()};
}

}  // namespace

const Kernel kAvx512Vbmi = {"avx-512 vbmi", decode};

}  // namespace ct::base64_detail

#endif
