#include "x509/der.h"

namespace ct::x509 {

std::string_view DerReader::why_not() const {
  DerReader probe(rest_);
  if (probe.any()) return "it has another tag";
  const std::size_t n = rest_.size();
  if (n == 0) return "it is missing";
  if ((rest_[0] & 0x1f) == 0x1f) return "its tag number is above 30";
  if (n == 1) return "it ends within its header";
  if (rest_[1] == 0x80) return "its length is indefinite (BER)";
  const std::size_t width = rest_[1] < 0x80 ? 0 : rest_[1] & 0x7f;
  if (width > 4) return "its length takes more than four bytes";
  if (n < 2 + width) return "it ends within its header";
  return "its length goes beyond the end";
}

}  // namespace ct::x509
