// MerkleTreeLeaf of RFC 6962, section 3.4: what a log's leaf hash covers.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ctlog/merkle.h"

namespace ct::ctlog {

enum class EntryType : std::uint16_t { kX509 = 0, kPrecert = 1 };

// Views alias the parsed bytes.
struct Leaf {
  Millis timestamp = 0;
  EntryType type = EntryType::kX509;
  Hash issuer_key_hash{};  // SHA-256 of the issuer's SPKI; precerts only
  // DER: the certificate (kX509), or the TBSCertificate without poison
  // (kPrecert). Not looked into here.
  ByteView certificate;
  ByteView extensions;  // CtExtensions, without their u16 length
};

// kMalformed: truncated, trailing bytes, or a version, leaf type or entry
// type that RFC 6962 does not know (such an entry still has a leaf hash).
[[nodiscard]] Result<Leaf> parse_leaf(ByteView merkle_tree_leaf);
// `certificate` must be below 2^24 bytes long, `extensions` below 2^16.
[[nodiscard]] Bytes encode_leaf(const Leaf& leaf);

// The leaf_index extension of a Static CT log (type 0, five bytes); nullopt
// where there is none. kMalformed: extensions that break their format.
[[nodiscard]] Result<std::optional<LeafIndex>> leaf_index_extension(
    ByteView extensions);
[[nodiscard]] Bytes encode_leaf_index_extension(LeafIndex index);

// extra_data of RFC 6962, section 4.6. Unauthenticated: the tree hash does
// not cover it. Views alias the input.
struct ExtraData {
  ByteView precertificate;      // precerts only: as submitted, with poison
  std::vector<ByteView> chain;  // issuer first; may be empty
};
[[nodiscard]] Result<ExtraData> parse_extra_data(EntryType type,
                                                 ByteView extra_data);
[[nodiscard]] Bytes encode_extra_data(EntryType type, const ExtraData& extra);

}  // namespace ct::ctlog
