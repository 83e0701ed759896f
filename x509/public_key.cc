#include <bit>

#include "x509/decode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

struct Algorithm {
  std::string_view oid;  // contents octets
  KeyType type;
  unsigned bits;  // 0: to be read from the key
  std::string_view name;
};

constexpr Algorithm kAlgorithms[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv, KeyType::kRsa, 0, "RSA"},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"sv, KeyType::kRsa, 0, "RSA-PSS"},
    {"\x2a\x86\x48\xce\x3d\x02\x01"sv, KeyType::kEc, 0, "EC"},
    {"\x2b\x65\x70"sv, KeyType::kEd25519, 256, "Ed25519"},
    {"\x2b\x65\x71"sv, KeyType::kEd448, 456, "Ed448"},
    {"\x2a\x86\x48\xce\x38\x04\x01"sv, KeyType::kDsa, 0, "DSA"},
};

// 2.16.840.1.101.3.4.3.n (FIPS 204 and 205): n from 17 on.
constexpr auto kNistSignatures = "\x60\x86\x48\x01\x65\x03\x04\x03"sv;
constexpr std::uint8_t kFirstNistSignature = 17;
constexpr std::string_view kNistNames[] = {
    "ML-DSA-44",          "ML-DSA-65",          "ML-DSA-87",
    "SLH-DSA-SHA2-128s",  "SLH-DSA-SHA2-128f",  "SLH-DSA-SHA2-192s",
    "SLH-DSA-SHA2-192f",  "SLH-DSA-SHA2-256s",  "SLH-DSA-SHA2-256f",
    "SLH-DSA-SHAKE-128s", "SLH-DSA-SHAKE-128f", "SLH-DSA-SHAKE-192s",
    "SLH-DSA-SHAKE-192f", "SLH-DSA-SHAKE-256s", "SLH-DSA-SHAKE-256f",
    "HashML-DSA-44",      "HashML-DSA-65",      "HashML-DSA-87"};

struct Curve {
  std::string_view oid;
  unsigned bits;
  std::string_view name;
};
constexpr Curve kCurves[] = {
    {"\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, 256, "P-256"},
    {"\x2b\x81\x04\x00\x22"sv, 384, "P-384"},
    {"\x2b\x81\x04\x00\x23"sv, 521, "P-521"},
    {"\x2b\x81\x04\x00\x21"sv, 224, "P-224"},
    {"\x2a\x86\x48\xce\x3d\x03\x01\x01"sv, 192, "P-192"},
    {"\x2b\x81\x04\x00\x0a"sv, 256, "secp256k1"},
    {"\x2b\x24\x03\x03\x02\x08\x01\x01\x07"sv, 256, "brainpoolP256r1"},
    {"\x2b\x24\x03\x03\x02\x08\x01\x01\x09"sv, 320, "brainpoolP320r1"},
    {"\x2b\x24\x03\x03\x02\x08\x01\x01\x0b"sv, 384, "brainpoolP384r1"},
    {"\x2b\x24\x03\x03\x02\x08\x01\x01\x0d"sv, 512, "brainpoolP512r1"},
    {"\x2a\x81\x1c\xcf\x55\x01\x82\x2d"sv, 256, "SM2"},
};

const Algorithm* find_algorithm(ByteView id) {
  for (const auto& a : kAlgorithms) {
    if (oid::is(id, a.oid)) return &a;
  }
  return nullptr;
}

const Curve* find_curve(ByteView id) {
  for (const auto& c : kCurves) {
    if (oid::is(id, c.oid)) return &c;
  }
  return nullptr;
}

std::optional<std::string_view> nist_name(ByteView id) {
  if (id.size() != kNistSignatures.size() + 1 ||
      !as_text(id).starts_with(kNistSignatures)) {
    return std::nullopt;
  }
  const std::size_t n = id.back() - std::size_t{kFirstNistSignature};
  if (n >= std::size(kNistNames)) return std::nullopt;
  return kNistNames[n];
}

unsigned bit_length(ByteView big_endian) {
  while (!big_endian.empty() && big_endian[0] == 0) {
    big_endian = big_endian.subspan(1);
  }
  if (big_endian.empty()) return 0;
  return static_cast<unsigned>(8 * (big_endian.size() - 1) +
                               std::bit_width(big_endian[0]));
}

// The first INTEGER of a SEQUENCE: RSAPublicKey's modulus, Dss-Parms' p.
unsigned first_integer_bits(ByteView sequence, Oddities& oddities) {
  const auto seq = DerReader(sequence).expect(tag::kSequence);
  const auto n = seq ? DerReader(seq->body).expect(tag::kInteger)
                     : std::optional<Element>();
  if (!n || n->body.empty()) {
    oddities.add("the public key does not parse");
    return 0;
  }
  if (n->body[0] >= 0x80)
    oddities.add("the public key holds a negative number");
  return bit_length(n->body);
}

// SpecifiedECDomain ::= SEQUENCE { version, SEQUENCE { fieldType OID,
// prime INTEGER }, … } (RFC 3279, section 2.3.5)
unsigned explicit_field_bits(ByteView domain) {
  DerReader in(domain);
  const auto version = in.expect(tag::kInteger);
  const auto field = in.expect(tag::kSequence);
  if (!version || !field) return 0;
  DerReader f(field->body);
  const auto type = f.expect(tag::kOid);
  const auto prime = f.expect(tag::kInteger);
  return type && prime ? bit_length(prime->body) : 0;
}

void read_curve(DerReader& parameters, PublicKeyInfo& key, Oddities& oddities) {
  const auto p = parameters.any();
  if (p && p->tag == tag::kOid) {
    key.curve_oid = p->body;
    if (const Curve* curve = find_curve(p->body)) key.bits = curve->bits;
    return;
  }
  oddities.add("the key's curve is not a named one");
  if (p && p->tag == tag::kSequence) key.bits = explicit_field_bits(p->body);
}

}  // namespace

// SubjectPublicKeyInfo ::= SEQUENCE {
//   algorithm SEQUENCE { OID, parameters ANY OPTIONAL },
//   subjectPublicKey BIT STRING }
PublicKeyInfo decode_spki(const Element& spki, Oddities& oddities) {
  PublicKeyInfo key;
  key.spki = spki.whole;
  DerReader in(spki.body);
  const auto algorithm = in.expect(tag::kSequence);
  const auto bits = in.expect(tag::kBitString);
  if (!algorithm || !bits || bits->body.empty()) {
    oddities.add("the public key does not parse");
  }
  if (!in.empty()) oddities.add("bytes behind the public key");
  if (!algorithm) return key;
  DerReader parameters(algorithm->body);
  const auto id = parameters.expect(tag::kOid);
  if (!id || id->body.empty()) {
    oddities.add("the public key does not parse");
    return key;
  }
  key.algorithm_oid = id->body;
  if (const auto name = nist_name(id->body)) {
    key.type =
        name->find("ML-DSA") != name->npos ? KeyType::kMlDsa : KeyType::kSlhDsa;
    return key;
  }
  const Algorithm* const known = find_algorithm(id->body);
  if (known == nullptr) return key;
  key.type = known->type;
  key.bits = known->bits;
  if (key.type == KeyType::kRsa && bits && !bits->body.empty()) {
    key.bits = first_integer_bits(bits->body.subspan(1), oddities);
  } else if (key.type == KeyType::kEc) {
    read_curve(parameters, key, oddities);
  } else if (key.type == KeyType::kDsa && !parameters.empty()) {
    // Parameters may be inherited from the issuer's key.
    key.bits = first_integer_bits(parameters.rest(), oddities);
  }
  return key;
}

std::string describe_key(const PublicKeyInfo& key) {
  if (key.algorithm_oid.empty()) return "unreadable key";
  if (const auto name = nist_name(key.algorithm_oid)) return std::string(*name);
  const Algorithm* const known = find_algorithm(key.algorithm_oid);
  if (known == nullptr) return "unknown key " + format_oid(key.algorithm_oid);
  std::string out(known->name);
  if (key.type == KeyType::kEc) {
    if (const Curve* curve = find_curve(key.curve_oid)) {
      return out + " " + std::string(curve->name);
    }
    if (!key.curve_oid.empty()) return out + " " + format_oid(key.curve_oid);
    out += " with explicit parameters,";
  }
  if (known->bits == 0 && key.bits != 0) out += " " + std::to_string(key.bits);
  return out;
}

}  // namespace ct::x509
