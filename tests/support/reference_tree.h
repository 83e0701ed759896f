// ReferenceTree: the Merkle tree of RFC 6962, section 2.1, by the recursion
// given there and nothing clever, to hold our own code against.
#pragma once

#include <bit>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/sha256.h"
#include "ctlog/merkle.h"

namespace ct::test {

class ReferenceTree {
 public:
  // `size` leaves with data of their own.
  explicit ReferenceTree(ctlog::TreeSize size) {
    for (ctlog::TreeSize i = 0; i < size; ++i) {
      Bytes data{0};  // the prefix of leaves
      put_uint(data, i * 7919, 8);
      leaves_.push_back(sha256(data));
    }
  }
  // These leaf hashes.
  explicit ReferenceTree(std::vector<Hash> leaves)
      : leaves_(std::move(leaves)) {}

  [[nodiscard]] ctlog::TreeSize size() const { return leaves_.size(); }
  [[nodiscard]] const Hash& leaf(ctlog::LeafIndex i) const {
    return leaves_[i];
  }
  [[nodiscard]] std::vector<Hash> leaves(ctlog::LeafIndex begin,
                                         ctlog::LeafIndex end) const {
    return {leaves_.begin() + static_cast<std::ptrdiff_t>(begin),
            leaves_.begin() + static_cast<std::ptrdiff_t>(end)};
  }
  [[nodiscard]] Hash root() const { return root(size()); }
  // Of the first `size` leaves.
  [[nodiscard]] Hash root(ctlog::TreeSize size) const { return mth(0, size); }

  // PATH(index, D[size]).
  [[nodiscard]] std::vector<Hash> inclusion_proof(ctlog::LeafIndex i) const {
    return inclusion_proof(i, size());
  }
  [[nodiscard]] std::vector<Hash> inclusion_proof(ctlog::LeafIndex i,
                                                  ctlog::TreeSize size) const {
    return path(i, 0, size);
  }
  // PROOF(old_size, D[size]), 0 < old_size <= size.
  [[nodiscard]] std::vector<Hash> consistency_proof(
      ctlog::TreeSize old_size) const {
    return consistency_proof(old_size, size());
  }
  [[nodiscard]] std::vector<Hash> consistency_proof(
      ctlog::TreeSize old_size, ctlog::TreeSize size) const {
    return subproof(old_size, 0, size, true);
  }

 private:
  // The largest power of two below n, n > 1.
  static std::size_t split(std::size_t n) { return std::bit_floor(n - 1); }

  // MTH(D[begin:begin+n]), remembered: the tests ask for the same again.
  Hash mth(std::size_t begin, std::size_t n) const {
    if (n == 0) return sha256(ByteView());
    if (n == 1) return leaves_[begin];
    const auto known = memory_.find({begin, n});
    if (known != memory_.end()) return known->second;
    const std::size_t k = split(n);
    Bytes node{1};
    put_bytes(node, mth(begin, k));
    put_bytes(node, mth(begin + k, n - k));
    return memory_[{begin, n}] = sha256(node);
  }
  std::vector<Hash> path(std::size_t m, std::size_t begin,
                         std::size_t n) const {
    if (n == 1) return {};
    const std::size_t k = split(n);
    std::vector<Hash> out;
    if (m < k) {
      out = path(m, begin, k);
      out.push_back(mth(begin + k, n - k));
    } else {
      out = path(m - k, begin + k, n - k);
      out.push_back(mth(begin, k));
    }
    return out;
  }
  std::vector<Hash> subproof(std::size_t m, std::size_t begin, std::size_t n,
                             bool known) const {
    if (m == n) {
      if (known) return {};
      return {mth(begin, n)};
    }
    const std::size_t k = split(n);
    std::vector<Hash> out;
    if (m <= k) {
      out = subproof(m, begin, k, known);
      out.push_back(mth(begin + k, n - k));
    } else {
      out = subproof(m - k, begin + k, n - k, false);
      out.push_back(mth(begin, k));
    }
    return out;
  }

  std::vector<Hash> leaves_;
  mutable std::map<std::pair<std::size_t, std::size_t>, Hash> memory_;
};

}  // namespace ct::test
