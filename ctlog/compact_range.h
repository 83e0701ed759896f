// CompactRange: all that must be kept of a tree's first `size` leaves in
// order to extend it and to know its root: one hash per set bit of `size`,
// that is 64 at most, largest subtree first (RFC 9162, section 2.1.2).
#pragma once

#include <span>
#include <vector>

#include "ctlog/merkle.h"

namespace ct::ctlog {

class CompactRange {
 public:
  CompactRange() = default;  // the empty tree

  // kMalformed: not as many nodes as `size` has bits set.
  [[nodiscard]] static Result<CompactRange> from_nodes(TreeSize size,
                                                       std::vector<Hash> nodes);

  [[nodiscard]] TreeSize size() const { return size_; }
  [[nodiscard]] std::span<const Hash> nodes() const { return nodes_; }
  [[nodiscard]] Hash root() const;

  void append(const Hash& leaf_hash);
  void append(std::span<const Hash> leaf_hashes);

  // The nodes, 32 bytes each, as stored with a log's position.
  [[nodiscard]] Bytes encode() const;
  [[nodiscard]] static Result<CompactRange> decode(TreeSize size,
                                                   ByteView encoded);

  friend bool operator==(const CompactRange&, const CompactRange&) = default;

 private:
  TreeSize size_ = 0;
  std::vector<Hash> nodes_;
};

// The left siblings in an inclusion proof that verify_inclusion accepted:
// the nodes of the compact range of the first `index` leaves.
[[nodiscard]] std::vector<Hash> left_siblings(LeafIndex index, TreeSize size,
                                              Proof proof);

// Starting in the middle of a log: checks the inclusion proof of leaf
// `index` in the tree (`size`, `root`) and takes from it the compact range of
// the first index + 1 leaves. Codes as for verify_inclusion.
[[nodiscard]] Result<CompactRange> compact_range_through(const Hash& leaf,
                                                         LeafIndex index,
                                                         TreeSize size,
                                                         Proof proof,
                                                         const Hash& root);

}  // namespace ct::ctlog
