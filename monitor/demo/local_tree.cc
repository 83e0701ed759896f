#include "monitor/demo/local_tree.h"

#include <algorithm>
#include <bit>
#include <cassert>

#include "base/sha256.h"

namespace ct::monitor::demo {
namespace {

// The largest power of two strictly below n, for n > 1.
std::uint64_t split_of(std::uint64_t n) { return std::bit_floor(n - 1); }

}  // namespace

void LocalTree::append(const Hash& leaf_hash) {
  levels_[0].push_back(leaf_hash);
  for (unsigned l = 0; levels_[l].size() % 2 == 0; ++l) {
    if (levels_.size() == l + 1) levels_.emplace_back();
    const auto& below = levels_[l];
    levels_[l + 1].push_back(
        sha256_node(below[below.size() - 2], below[below.size() - 1]));
  }
}

Hash LocalTree::hash_of(ctlog::LeafIndex begin, ctlog::LeafIndex end) const {
  const std::uint64_t n = end - begin;
  if (std::has_single_bit(n)) {
    const auto level = static_cast<unsigned>(std::countr_zero(n));
    return node(level, begin >> level);
  }
  const std::uint64_t k = split_of(n);
  return sha256_node(hash_of(begin, begin + k), hash_of(begin + k, end));
}

Hash LocalTree::root(ctlog::TreeSize size) const {
  assert(size <= this->size());
  return size == 0 ? ctlog::empty_root() : hash_of(0, size);
}

// PATH(m, D[n]) of section 2.1.1, from the root down.
std::vector<Hash> LocalTree::inclusion_proof(ctlog::LeafIndex index,
                                             ctlog::TreeSize size) const {
  assert(index < size && size <= this->size());
  std::vector<Hash> proof;
  std::uint64_t begin = 0, end = size;
  while (end - begin > 1) {
    const std::uint64_t middle = begin + split_of(end - begin);
    if (index < middle) {
      proof.push_back(hash_of(middle, end));
      end = middle;
    } else {
      proof.push_back(hash_of(begin, middle));
      begin = middle;
    }
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// SUBPROOF(m, D[n], b) of section 2.1.2, from the root down.
std::vector<Hash> LocalTree::consistency_proof(ctlog::TreeSize old_size,
                                               ctlog::TreeSize new_size) const {
  assert(old_size > 0 && old_size <= new_size && new_size <= size());
  std::vector<Hash> proof;
  std::uint64_t begin = 0, end = new_size;
  while (end != old_size) {
    const std::uint64_t middle = begin + split_of(end - begin);
    if (old_size <= middle) {
      proof.push_back(hash_of(middle, end));
      end = middle;
    } else {
      proof.push_back(hash_of(begin, middle));
      begin = middle;
    }
  }
  // b is false once we went right: then the old tree's own part is not known
  // to the verifier and is the first node.
  if (begin > 0) proof.push_back(hash_of(begin, end));
  std::reverse(proof.begin(), proof.end());
  return proof;
}

}  // namespace ct::monitor::demo
