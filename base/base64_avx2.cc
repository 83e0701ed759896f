// Base64 decoding, 32 digits at a time.
#if defined(__x86_64__)

#include <immintrin.h>

#include "base/base64_kernels.h"

#define CT_TARGET __attribute__((target("avx2")))
#define CT_INLINE CT_TARGET inline __attribute__((always_inline))

namespace ct::base64_detail {
namespace {

using Table = std::array<std::uint8_t, 16>;

// The halves of a byte are looked up apart from each other. Upper halves whose
// digits have the same lower halves share a bit: 4 and 6 ("A" to "O"), 5 and 7
// ("P" to "Z"). Those without digits have one that is always set.
constexpr Table kHighClass = [] {
  Table out;
  out.fill(16);
  out[2] = 1;
  out[3] = 2;
  out[4] = out[6] = 4;
  out[5] = out[7] = 8;
  return out;
}();

// By lower half: the classes it makes no digit with.
constexpr Table kBadClasses = [] {
  Table out;
  out.fill(16);
  for (unsigned low = 0; low < 16; ++low) {
    for (const unsigned high : {2, 3, 4, 5}) {
      if (kValues[high << 4 | low] == kNoDigit) out[low] |= kHighClass[high];
    }
  }
  return out;
}();

// By upper half: what to add to get the value. "/" shares its upper half with
// "+" and is sent to 1, which has no digits.
constexpr Table kOffset = [] {
  Table out{};
  const auto offset = [](unsigned char c) {
    return static_cast<std::uint8_t>(kValues[c] - c);
  };
  out[1] = offset('/');
  out[2] = offset('+');
  out[3] = offset('0');
  out[4] = out[5] = offset('A');
  out[6] = out[7] = offset('a');
  return out;
}();

CT_INLINE __m256i both_lanes(const Table& table) {
  return _mm256_broadcastsi128_si256(
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data())));
}

// Four values of six bits become three bytes, big-endian.
CT_INLINE __m256i pack(__m256i values) {
  const __m256i pairs =
      _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
  const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
  const __m256i order = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
  return _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(fours, order),
                                     _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7));
}

CT_TARGET Progress decode(const char* text, std::size_t n, std::uint8_t* out) {
  const __m256i high_class = both_lanes(kHighClass);
  const __m256i bad_classes = both_lanes(kBadClasses);
  const __m256i offset = both_lanes(kOffset);
  const __m256i half = _mm256_set1_epi8(0x0f);
  __m256i bad = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 32 <= n; i += 32, out += 24) {
    const __m256i c =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + i));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi32(c, 4), half);
    const __m256i low = _mm256_and_si256(c, half);
    bad = _mm256_or_si256(
        bad, _mm256_and_si256(_mm256_shuffle_epi8(high_class, high),
                              _mm256_shuffle_epi8(bad_classes, low)));
    // Equal is minus one.
    const __m256i slash = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('/'));
    const __m256i values = _mm256_add_epi8(
        c, _mm256_shuffle_epi8(offset, _mm256_add_epi8(high, slash)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), pack(values));
  }
  return {i, _mm256_testz_si256(bad, bad) == 1};
}

}  // namespace

const Kernel kAvx2 = {"avx2", decode};

}  // namespace ct::base64_detail

#endif
