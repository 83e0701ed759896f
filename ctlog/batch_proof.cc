#include "ctlog/batch_proof.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace ct::ctlog {
namespace {

// The node of `range` that is the root of 2^level leaves; that bit of its
// size must be set.
const Hash& range_node(const CompactRange& range, unsigned level) {
  return range.nodes()[static_cast<std::size_t>(
      std::popcount(range.size() >> level) - 1)];
}

std::string describe(LeafIndex begin, LeafIndex end) {
  return "entries [" + std::to_string(begin) + ", " + std::to_string(end) + ")";
}

}  // namespace

Result<TiedBatch> TiedBatch::tie(CompactRange before,
                                 std::vector<Hash> leaf_hashes,
                                 const TreeHead& head, Proof last_leaf_proof) {
  const LeafIndex begin = before.size();
  if (leaf_hashes.empty()) {
    return fail(Errc::kInternal, "a batch of no entries cannot be tied");
  }
  if (begin > head.size() || leaf_hashes.size() > head.size() - begin) {
    return fail(Errc::kMalformed, "entries from " + std::to_string(begin) +
                                      " on reach beyond "
                                      "the head of size " +
                                      std::to_string(head.size()));
  }
  const LeafIndex last = begin + leaf_hashes.size() - 1;
  const std::string batch = describe(begin, last + 1);

  CompactRange after = before;
  after.append(std::span(leaf_hashes).first(leaf_hashes.size() - 1));
  // The left siblings of the last leaf, as our own range has them.
  std::vector<Hash> proof(after.nodes().rbegin(), after.nodes().rend());
  after.append(leaf_hashes.back());

  if (last + 1 == head.size()) {
    if (after.root() != head.root()) {
      return fail(Errc::kUntrusted,
                  batch + " do not give the root of the signed head");
    }
    // Nothing is right of the last leaf: `proof` is its whole proof.
  } else {
    const auto included = verify_inclusion(
        leaf_hashes.back(), last, head.size(), last_leaf_proof, head.root());
    if (!included) return fail_in(batch, included.error());
    auto left = left_siblings(last, head.size(), last_leaf_proof);
    std::reverse(left.begin(), left.end());
    if (left != proof) {
      return fail(Errc::kUntrusted,
                  batch +
                      " or what came before them are not those of the "
                      "signed head, though their last one is");
    }
    proof.assign(last_leaf_proof.begin(), last_leaf_proof.end());
  }
  return TiedBatch(std::move(before), std::move(after), std::move(leaf_hashes),
                   head, std::move(proof));
}

// Levels of nodes that are complete, lie below end() and hold a leaf of the
// batch; the first of a level may reach back before begin(), where its left
// half is a node of `before_`.
void TiedBatch::hash_levels() const {
  levels_.push_back(leaves_);
  for (unsigned level = 0;
       levels_[level].size() > 1 || (begin() >> level) % 2 == 1; ++level) {
    std::vector<Hash> nodes;
    if ((begin() >> level) % 2 == 1) {
      nodes.reserve(levels_[level].size() + 1);
      nodes.push_back(range_node(before_, level));
      nodes.insert(nodes.end(), levels_[level].begin(), levels_[level].end());
      nodes = parent_hashes(nodes);
    } else {
      nodes = parent_hashes(levels_[level]);
    }
    if (nodes.empty()) break;
    levels_.push_back(std::move(nodes));
  }
}

// Node `number` of `level`: complete, wholly left of end(), and a sibling on
// the way from a leaf of the batch to the root.
const Hash& TiedBatch::inner_node(unsigned level, std::uint64_t number) const {
  const std::uint64_t first = begin() >> level;
  if (number < first) return range_node(before_, level);
  return levels_[level][number - first];
}

std::vector<Hash> TiedBatch::inclusion_proof(LeafIndex index) const {
  assert(index >= begin() && index < end());
  const LeafIndex last = end() - 1;
  if (index == last) return last_leaf_proof_;
  if (levels_.empty()) hash_levels();

  // Below `meet`, where the ways of `index` and `last` to the root join, our
  // siblings are complete nodes left of `last`'s way.
  const unsigned meet = static_cast<unsigned>(std::bit_width(index ^ last));
  std::vector<Hash> proof;
  for (unsigned level = 0; level + 1 < meet; ++level) {
    proof.push_back(inner_node(level, (index >> level) ^ 1));
  }
  // Just below it the sibling is `last`'s own ancestor.
  Hash ancestor = leaves_.back();
  auto sibling = last_leaf_proof_.begin();
  std::uint64_t fn = last;
  std::uint64_t sn = head_.size() - 1;
  for (unsigned level = 0; level + 1 < meet; ++level) {
    if (fn % 2 == 1) {
      ancestor = node_hash(*sibling++, ancestor);
    } else if (fn != sn) {
      ancestor = node_hash(ancestor, *sibling++);
    }  // else it has no sibling here and moves up as it is
    fn >>= 1;
    sn >>= 1;
  }
  proof.push_back(ancestor);
  // From there on the ways are one; `last` came from the right.
  assert(fn % 2 == 1);
  proof.insert(proof.end(), sibling + 1, last_leaf_proof_.end());
  return proof;
}

}  // namespace ct::ctlog
