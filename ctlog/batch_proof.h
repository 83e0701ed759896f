// Tying a batch of entries to a signed tree head, and proving each of them.
//
// A batch is the leaves [begin, end) of a log whose first `begin` leaves are
// known by their compact range. It is tied to the head (size, root) either by
// ending there, or by the inclusion proof of its last leaf: that proof's left
// siblings must be the nodes of our own compact range, its right siblings
// then lead to the root. Once tied, an inclusion proof of every leaf of the
// batch follows from what is already here, without another request.
#pragma once

#include <span>
#include <vector>

#include "ctlog/compact_range.h"
#include "ctlog/tree_head.h"

namespace ct::ctlog {

class TiedBatch {
 public:
  // `before`: compact range of the leaves [0, begin). `leaf_hashes`: those of
  // [begin, end), at least one (else kInternal). `last_leaf_proof`: inclusion
  // proof of leaf end - 1 in `head`; not looked at when end == head.size,
  // where none is needed.
  //
  // kMalformed: the batch ends beyond the head, or the proof's length is wrong
  // kUntrusted: the batch does not lead to the head's root
  [[nodiscard]] static Result<TiedBatch> tie(CompactRange before,
                                             std::vector<Hash> leaf_hashes,
                                             const TreeHead& head,
                                             Proof last_leaf_proof);

  // Compact range of [0, end): the position to go on from.
  [[nodiscard]] const CompactRange& after() const { return after_; }
  [[nodiscard]] LeafIndex begin() const { return before_.size(); }
  [[nodiscard]] LeafIndex end() const { return after_.size(); }
  [[nodiscard]] const TreeHead& head() const { return head_; }

  // Inclusion proof of leaf `index`, in [begin, end), in head(). The first
  // call hashes the nodes between the leaves, so two threads may not call it
  // on one object at a time; a batch that is never asked pays nothing.
  [[nodiscard]] std::vector<Hash> inclusion_proof(LeafIndex index) const;

 private:
  TiedBatch(CompactRange before, CompactRange after, std::vector<Hash> leaves,
            const TreeHead& head, std::vector<Hash> last_leaf_proof)
      : before_(std::move(before)),
        after_(std::move(after)),
        leaves_(std::move(leaves)),
        head_(head),
        last_leaf_proof_(std::move(last_leaf_proof)) {}

  void hash_levels() const;
  [[nodiscard]] const Hash& inner_node(unsigned level,
                                       std::uint64_t number) const;

  // Constant after construction, but for levels_.
  CompactRange before_;
  CompactRange after_;
  std::vector<Hash> leaves_;
  TreeHead head_;
  std::vector<Hash> last_leaf_proof_;
  // Filled by the first inclusion_proof: level by level the complete nodes
  // left of end() that hold a leaf of the batch, from node begin() >> level.
  mutable std::vector<std::vector<Hash>> levels_;
};

}  // namespace ct::ctlog
