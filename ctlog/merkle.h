// Merkle tree hashing and proof checks of RFC 6962, section 2.1.
//
// Pure functions: no I/O, no clock, no state; safe from any thread.
// Arguments come from the log and are hostile. Only a tree head whose
// signature was checked (ctlog/tree_head.h) may supply `root`.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ct::ctlog {

using Proof = std::span<const Hash>;  // lowest node first
using LeafIndex = std::uint64_t;      // from 0
using TreeSize = std::uint64_t;       // a count

// SHA-256(0x00 || leaf), `leaf` being a serialized MerkleTreeLeaf.
[[nodiscard]] Hash leaf_hash(ByteView leaf);

// SHA-256(0x01 || left || right).
[[nodiscard]] Hash node_hash(const Hash& left, const Hash& right);

// leaf_hash of each leaf into `hashes`, all at once: several times faster.
void leaf_hashes(std::span<const ByteView> leaves, std::vector<Hash>& hashes);

// node_hash of nodes 0 and 1, 2 and 3 …: the level above. An odd last node is
// left out.
[[nodiscard]] std::vector<Hash> parent_hashes(std::span<const Hash> nodes);

// SHA-256 of nothing: the root of the empty tree.
[[nodiscard]] const Hash& empty_root();

// Checks that `leaf` is number `index` in the tree (`size`, `root`).
//
// kMalformed: `index` not below `size`, or a proof of the wrong length.
// kUntrusted: well formed, but leads to another root.
[[nodiscard]] Result<void> verify_inclusion(const Hash& leaf, LeafIndex index,
                                            TreeSize size, Proof proof,
                                            const Hash& root);

// Checks that (`old_size`, `old_root`) is a prefix of (`new_size`, `new_root`).
// Codes as above. `old_size` 0 is kMalformed: it proves nothing, and
// implementations disagree about it. Equal sizes need an empty proof and
// equal roots.
[[nodiscard]] Result<void> verify_consistency(TreeSize old_size,
                                              const Hash& old_root,
                                              TreeSize new_size,
                                              const Hash& new_root,
                                              Proof proof);

}  // namespace ct::ctlog
