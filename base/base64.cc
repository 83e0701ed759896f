#include "base/base64.h"

#include <vector>

#include "base/base64_kernels.h"

namespace ct {
namespace base64_detail {
namespace {

std::uint8_t value(char c) { return kValues[static_cast<std::uint8_t>(c)]; }

// Whole groups of four digits, none of them padding.
bool decode_groups(std::string_view text, std::uint8_t* out) {
  for (std::size_t i = 0; i < text.size(); i += 4, out += 3) {
    const std::uint8_t a = value(text[i]), b = value(text[i + 1]),
                       c = value(text[i + 2]), d = value(text[i + 3]);
    if ((a | b | c | d) & kNoDigit) return false;
    out[0] = static_cast<std::uint8_t>(a << 2 | b >> 4);
    out[1] = static_cast<std::uint8_t>(b << 4 | c >> 2);
    out[2] = static_cast<std::uint8_t>(c << 6 | d);
  }
  return true;
}

// The last group, which may be padded. Gives its number of bytes.
std::optional<std::size_t> decode_last(std::string_view group,
                                       std::uint8_t* out) {
  if (group[3] != '=') {
    if (!decode_groups(group, out)) return std::nullopt;
    return 3;
  }
  const std::uint8_t a = value(group[0]), b = value(group[1]);
  if ((a | b) & kNoDigit) return std::nullopt;
  out[0] = static_cast<std::uint8_t>(a << 2 | b >> 4);
  if (group[2] == '=') {
    if (b & 15) return std::nullopt;  // RFC 4648, section 3.5
    return 1;
  }
  const std::uint8_t c = value(group[2]);
  if (c & (kNoDigit | 3)) return std::nullopt;
  out[1] = static_cast<std::uint8_t>(b << 4 | c >> 2);
  return 2;
}

}  // namespace

std::span<const Kernel* const> usable_kernels() {
#if defined(__x86_64__)
  // __builtin_cpu_supports takes the system's consent into account.
  static const std::vector<const Kernel*> usable = [] {
    std::vector<const Kernel*> out;
    if (__builtin_cpu_supports("avx2")) out.push_back(&kAvx2);
    if (__builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vbmi")) {
      out.push_back(&kAvx512Vbmi);
    }
    return out;
  }();
  return usable;
#else
  return {};
#endif
}

std::optional<std::size_t> decode_with(const Kernel* kernel,
                                       std::string_view text,
                                       std::uint8_t* out) {
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return 0;
  const std::size_t body = text.size() - 4;
  Progress done{0, true};
  if (kernel != nullptr) done = kernel->decode(text.data(), body, out);
  const std::string_view rest = text.substr(done.digits, body - done.digits);
  if (!done.good || !decode_groups(rest, out + done.digits / 4 * 3)) {
    return std::nullopt;
  }
  const std::size_t written = body / 4 * 3;
  const auto last = decode_last(text.substr(body), out + written);
  if (!last) return std::nullopt;
  return written + *last;
}

}  // namespace base64_detail

using base64_detail::kAlphabet;

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const unsigned v = bytes[i] << 16 | bytes[i + 1] << 8 | bytes[i + 2];
    for (const int shift : {18, 12, 6, 0}) out += kAlphabet[v >> shift & 63];
  }
  if (const std::size_t left = bytes.size() - i; left == 1) {
    out += kAlphabet[bytes[i] >> 2];
    out += kAlphabet[bytes[i] << 4 & 63];
    out += "==";
  } else if (left == 2) {
    const unsigned v = bytes[i] << 8 | bytes[i + 1];
    out += kAlphabet[v >> 10];
    out += kAlphabet[v >> 4 & 63];
    out += kAlphabet[v << 2 & 63];
    out += '=';
  }
  return out;
}

std::optional<std::size_t> decode_base64(std::string_view text,
                                         std::uint8_t* out) {
  static const base64_detail::Kernel* const kernel = [] {
    const auto usable = base64_detail::usable_kernels();
    return usable.empty() ? nullptr : usable.back();
  }();
  return base64_detail::decode_with(kernel, text, out);
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out(base64_room(text.size()));
  const auto size = decode_base64(text, out.data());
  if (!size) return std::nullopt;
  out.resize(*size);
  return out;
}

}  // namespace ct
