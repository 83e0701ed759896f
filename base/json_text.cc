#include "base/json_text.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <vector>

#include "base/json_text_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace ct {
namespace json_text_detail {
namespace {

std::size_t length_plain(std::string_view text) {
  return static_cast<std::size_t>(
      std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) std::size_t length_avx2(std::string_view text) {
  std::size_t i = 0;
  for (; i + 32 <= text.size(); i += 32) {
    const __m256i c =
        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + i));
    const __m256i quote = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('"'));
    const __m256i escape = _mm256_cmpeq_epi8(c, _mm256_set1_epi8('\\'));
    const __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(' '), c);
    const auto ends = static_cast<std::uint32_t>(_mm256_movemask_epi8(
        _mm256_or_si256(_mm256_or_si256(quote, escape), low)));
    if (ends != 0) return i + static_cast<std::size_t>(std::countr_zero(ends));
  }
  return i + length_plain(text.substr(i));
}

__attribute__((target("avx512bw"), always_inline)) inline __mmask64 ends(
    __m512i c) {
  return _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('"')) |
         _mm512_cmpeq_epi8_mask(c, _mm512_set1_epi8('\\')) |
         _mm512_cmplt_epi8_mask(c, _mm512_set1_epi8(' '));
}

__attribute__((target("avx512bw"))) std::size_t length_avx512(
    std::string_view text) {
  std::size_t i = 0;
  for (; i + 64 <= text.size(); i += 64) {
    const __mmask64 found = ends(_mm512_loadu_si512(text.data() + i));
    if (found != 0) {
      return i + static_cast<std::size_t>(std::countr_zero(found));
    }
  }
  // Fewer than 64 are left, and what is not there is zero, which ends it.
  const __mmask64 there = (__mmask64{1} << (text.size() - i)) - 1;
  const __mmask64 found = ends(_mm512_maskz_loadu_epi8(there, text.data() + i));
  return i + static_cast<std::size_t>(std::countr_zero(found));
}

#endif

}  // namespace

std::span<const Kernel> usable_kernels() {
  static const std::vector<Kernel> usable = [] {
    std::vector<Kernel> out = {{"plain", length_plain}};
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) out.push_back({"avx2", length_avx2});
    if (__builtin_cpu_supports("avx512bw")) {
      out.push_back({"avx-512", length_avx512});
    }
#endif
    return out;
  }();
  return usable;
}

}  // namespace json_text_detail

std::size_t plain_text_length(std::string_view text) {
  static const auto length = json_text_detail::usable_kernels().back().length;
  return length(text);
}

}  // namespace ct
