// LocalTree: a whole Merkle tree in memory (RFC 6962, section 2.1), with the
// proofs a log hands out about every size it ever had.
#pragma once

#include <vector>

#include "ctlog/merkle.h"

namespace ct::monitor::demo {

// Not synchronized. Sizes and indexes beyond what is there are the caller's
// mistake (assert).
class LocalTree {
 public:
  void append(const Hash& leaf_hash);

  [[nodiscard]] ctlog::TreeSize size() const { return levels_[0].size(); }
  [[nodiscard]] Hash root(ctlog::TreeSize size) const;
  // Root of the full subtree over leaves [index << level, (index+1) << level).
  [[nodiscard]] const Hash& node(unsigned level, std::uint64_t index) const {
    return levels_[level][index];
  }
  [[nodiscard]] std::vector<Hash> inclusion_proof(ctlog::LeafIndex index,
                                                  ctlog::TreeSize size) const;
  [[nodiscard]] std::vector<Hash> consistency_proof(
      ctlog::TreeSize old_size, ctlog::TreeSize new_size) const;

 private:
  // MTH(D[begin:end]) of section 2.1; `begin` starts a subtree of that size.
  Hash hash_of(ctlog::LeafIndex begin, ctlog::LeafIndex end) const;

  // [l][i] is node(l, i); only full subtrees are kept.
  std::vector<std::vector<Hash>> levels_ = std::vector<std::vector<Hash>>(1);
};

}  // namespace ct::monitor::demo
