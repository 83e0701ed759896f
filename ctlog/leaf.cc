#include "ctlog/leaf.h"

#include <bitset>
#include <cassert>

namespace ct::ctlog {
namespace {

constexpr std::uint8_t kLeafIndexExtension = 0;
constexpr std::size_t kLeafIndexSize = 5;

void put_vector(Bytes& out, ByteView v, std::size_t width) {
  assert(v.size() < 1ull << (8 * width));
  put_uint(out, v.size(), width);
  put_bytes(out, v);
}

tl::unexpected<Error> malformed(const char* what) {
  return fail(Errc::kMalformed, what);
}

}  // namespace

// struct {
//   Version version;           // v1(0)
//   MerkleLeafType leaf_type;  // timestamped_entry(0)
//   uint64 timestamp;
//   LogEntryType entry_type;
//   select (entry_type) {
//     case x509_entry: opaque ASN.1Cert<1..2^24-1>;
//     case precert_entry: opaque issuer_key_hash[32];
//                         opaque TBSCertificate<1..2^24-1>;
//   } signed_entry;
//   opaque CtExtensions<0..2^16-1>;
// } MerkleTreeLeaf;
Result<Leaf> parse_leaf(ByteView merkle_tree_leaf) {
  ByteReader in(merkle_tree_leaf);
  const auto version = in.uint(1);
  if (!version) return malformed("leaf: empty");
  if (*version != 0) return malformed("leaf: unknown version");
  const auto leaf_type = in.uint(1);
  if (!leaf_type) return malformed("leaf: no leaf type");
  if (*leaf_type != 0) return malformed("leaf: unknown leaf type");

  const auto timestamp = in.uint(8);
  const auto type = in.uint(2);
  if (!timestamp || !type) return malformed("leaf: truncated before its entry");
  Leaf leaf;
  leaf.timestamp = static_cast<Millis>(*timestamp);
  if (*type > 1) return malformed("leaf: unknown entry type");
  leaf.type = static_cast<EntryType>(*type);
  if (leaf.type == EntryType::kPrecert) {
    const auto hash = in.hash();
    if (!hash) return malformed("leaf: issuer key hash truncated");
    leaf.issuer_key_hash = *hash;
  }
  const auto certificate = in.vector(3);
  if (!certificate) return malformed("leaf: certificate truncated");
  leaf.certificate = *certificate;
  const auto extensions = in.vector(2);
  if (!extensions) return malformed("leaf: extensions truncated");
  leaf.extensions = *extensions;
  if (!in.empty()) return malformed("leaf: trailing bytes");
  return leaf;
}

Bytes encode_leaf(const Leaf& leaf) {
  Bytes out;
  out.reserve(2 + 8 + 2 + 32 + 3 + leaf.certificate.size() + 2 +
              leaf.extensions.size());
  put_uint(out, 0, 1);
  put_uint(out, 0, 1);
  put_uint(out, static_cast<std::uint64_t>(leaf.timestamp), 8);
  put_uint(out, static_cast<std::uint64_t>(leaf.type), 2);
  if (leaf.type == EntryType::kPrecert) put_bytes(out, leaf.issuer_key_hash);
  put_vector(out, leaf.certificate, 3);
  put_vector(out, leaf.extensions, 2);
  return out;
}

// C2SP static-ct-api: struct { uint8 type; opaque data<0..2^16-1>; }, each
// type at most once, in any order.
Result<std::optional<LeafIndex>> leaf_index_extension(ByteView extensions) {
  ByteReader in(extensions);
  std::optional<LeafIndex> index;
  std::bitset<256> seen;
  while (!in.empty()) {
    const auto type = in.uint(1);
    const auto data = in.vector(2);
    if (!type || !data) return malformed("extensions: truncated");
    if (seen.test(*type)) return malformed("extensions: a type given twice");
    seen.set(*type);
    if (*type != kLeafIndexExtension) continue;
    if (data->size() != kLeafIndexSize) {
      return malformed("extensions: leaf_index is not five bytes long");
    }
    index = ByteReader(*data).uint(kLeafIndexSize);
  }
  return index;
}

Bytes encode_leaf_index_extension(LeafIndex index) {
  assert(index < 1ull << (8 * kLeafIndexSize));
  Bytes out;
  put_uint(out, kLeafIndexExtension, 1);
  put_uint(out, kLeafIndexSize, 2);
  put_uint(out, index, kLeafIndexSize);
  return out;
}

// x509_entry:    ASN.1Cert certificate_chain<0..2^24-1>;
// precert_entry: ASN.1Cert pre_certificate;
//                ASN.1Cert precertificate_chain<0..2^24-1>;
Result<ExtraData> parse_extra_data(EntryType type, ByteView extra_data) {
  ByteReader in(extra_data);
  ExtraData extra;
  if (type == EntryType::kPrecert) {
    const auto precert = in.vector(3);
    if (!precert) return malformed("extra_data: precertificate truncated");
    extra.precertificate = *precert;
  }
  const auto chain = in.vector(3);
  if (!chain) return malformed("extra_data: chain truncated");
  if (!in.empty()) return malformed("extra_data: trailing bytes");
  ByteReader certificates(*chain);
  while (!certificates.empty()) {
    const auto certificate = certificates.vector(3);
    if (!certificate) {
      return malformed("extra_data: certificate in chain truncated");
    }
    extra.chain.push_back(*certificate);
  }
  return extra;
}

Bytes encode_extra_data(EntryType type, const ExtraData& extra) {
  Bytes out;
  if (type == EntryType::kPrecert) put_vector(out, extra.precertificate, 3);
  Bytes chain;
  for (const ByteView certificate : extra.chain) {
    put_vector(chain, certificate, 3);
  }
  put_vector(out, chain, 3);
  return out;
}

}  // namespace ct::ctlog
