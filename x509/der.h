// A reader of DER, lenient where logs are full of oddities, strict about
// lengths. Nothing is copied: every view aliases the input.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace ct::x509 {

// Identifier octets; only low tag numbers (below 31) are read.
namespace tag {
inline constexpr std::uint8_t kBoolean = 0x01, kInteger = 0x02,
                              kBitString = 0x03, kOctetString = 0x04,
                              kNull = 0x05, kOid = 0x06, kUtf8String = 0x0c,
                              kNumericString = 0x12, kPrintableString = 0x13,
                              kT61String = 0x14, kIa5String = 0x16,
                              kUtcTime = 0x17, kGeneralizedTime = 0x18,
                              kVisibleString = 0x1a, kGeneralString = 0x1b,
                              kUniversalString = 0x1c, kBmpString = 0x1e,
                              kSequence = 0x30, kSet = 0x31;
// Context-specific, primitive and constructed.
constexpr std::uint8_t context(unsigned n) { return 0x80 | n; }
constexpr std::uint8_t context_constructed(unsigned n) { return 0xa0 | n; }
}  // namespace tag

struct Element {
  std::uint8_t tag = 0;
  ByteView body;   // contents octets
  ByteView whole;  // with identifier and length
};

// Takes elements off the front. A length that is indefinite, longer than four
// bytes or beyond the end fails, and leaves the reader where it was. Lengths
// encoded in more bytes than needed are BER; they are read and remembered.
class DerReader {
 public:
  explicit DerReader(ByteView in) : rest_(in) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] ByteView rest() const { return rest_; }
  [[nodiscard]] std::optional<std::uint8_t> peek_tag() const {
    if (rest_.empty()) return std::nullopt;
    return rest_[0];
  }
  [[nodiscard]] std::optional<Element> any();
  // The next element if it has that tag; nullopt otherwise.
  [[nodiscard]] std::optional<Element> expect(std::uint8_t tag) {
    if (rest_.empty() || rest_[0] != tag) return std::nullopt;
    return any();
  }

  // True once an element with a non-minimal length was read.
  [[nodiscard]] bool saw_ber_length() const { return saw_ber_length_; }

  // Why the next any() fails, for people: "its length is indefinite (BER)".
  // If any() would not fail, the tag must have been the wrong one.
  [[nodiscard]] std::string_view why_not() const;

 private:
  ByteView rest_;
  bool saw_ber_length_ = false;
};

// Inline: the bulk path spends its time here.
inline std::optional<Element> DerReader::any() {
  const std::uint8_t* const p = rest_.data();
  const std::size_t n = rest_.size();
  if (n < 2 || (p[0] & 0x1f) == 0x1f) return std::nullopt;
  std::size_t header = 2;
  std::size_t length = p[1];
  bool ber = false;
  if (length >= 0x80) {
    const std::size_t width = length & 0x7f;
    if (width == 0 || width > 4 || n < 2 + width) return std::nullopt;
    length = 0;
    for (std::size_t i = 0; i < width; ++i) length = length << 8 | p[2 + i];
    header += width;
    ber = p[2] == 0 || length < 0x80;
  }
  if (length > n - header) return std::nullopt;
  saw_ber_length_ |= ber;
  const Element e{p[0], rest_.subspan(header, length),
                  rest_.first(header + length)};
  rest_ = rest_.subspan(header + length);
  return e;
}

}  // namespace ct::x509
