#include "ctlog/digitally_signed.h"

namespace ct::ctlog {
namespace {

constexpr std::uint64_t kSha256 = 4;

// A positive INTEGER in DER, its length in one byte: X.690, sections 8.3.2
// and 10.1.
bool take_positive_integer(ByteReader& in) {
  const auto tag = in.uint(1);
  const auto value = in.vector(1);
  if (!tag || *tag != 0x02 || !value || value->empty()) return false;
  const bool negative = (*value)[0] >= 0x80;
  const bool padded =
      value->size() > 1 && (*value)[0] == 0 && (*value)[1] < 0x80;
  return !negative && !padded;
}

// ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }. No length of a P-256
// signature reaches 128, so each takes one byte.
bool is_ecdsa_value(ByteView signature) {
  ByteReader in(signature);
  const auto tag = in.uint(1);
  const auto body = in.vector(1);
  if (!tag || *tag != 0x30 || !body || body->size() >= 0x80 || !in.empty()) {
    return false;
  }
  ByteReader numbers(*body);
  return take_positive_integer(numbers) && take_positive_integer(numbers) &&
         numbers.empty();
}

}  // namespace

// struct {
//   HashAlgorithm hash;            // sha256(4)
//   SignatureAlgorithm signature;  // rsa(1), ecdsa(3)
//   opaque signature<0..2^16-1>;
// } DigitallySigned;
Result<ByteView> open_digitally_signed(ByteView digitally_signed,
                                       SignatureAlgorithm algorithm) {
  ByteReader in(digitally_signed);
  const auto hash = in.uint(1);
  const auto named = in.uint(1);
  const auto signature = in.vector(2);
  if (!hash || !named || !signature) {
    return fail(Errc::kMalformed, "signature: truncated");
  }
  if (!in.empty()) return fail(Errc::kMalformed, "signature: trailing bytes");
  if (*hash != kSha256) {
    return fail(Errc::kMalformed, "signature: not over SHA-256");
  }
  if (*named != static_cast<std::uint64_t>(algorithm)) {
    return fail(Errc::kMalformed,
                "signature: not of the algorithm of the log's key");
  }
  if (algorithm == SignatureAlgorithm::kEcdsa && !is_ecdsa_value(*signature)) {
    return fail(Errc::kUntrusted, "signature: not ECDSA's two numbers in DER");
  }
  return *signature;
}

}  // namespace ct::ctlog
