#include "ctlog/compact_range.h"

#include <algorithm>
#include <bit>

namespace ct::ctlog {
namespace {

// Fewer leaves than this are not worth the set-up of hashing them together.
constexpr std::size_t kBulk = 8;

}  // namespace

Result<CompactRange> CompactRange::from_nodes(TreeSize size,
                                              std::vector<Hash> nodes) {
  if (nodes.size() != static_cast<std::size_t>(std::popcount(size))) {
    return fail(Errc::kMalformed,
                "compact range of " + std::to_string(size) + " leaves has " +
                    std::to_string(nodes.size()) + " nodes instead of " +
                    std::to_string(std::popcount(size)));
  }
  CompactRange range;
  range.size_ = size;
  range.nodes_ = std::move(nodes);
  return range;
}

Hash CompactRange::root() const {
  if (nodes_.empty()) return empty_root();
  Hash acc = nodes_.back();
  for (std::size_t i = nodes_.size() - 1; i-- > 0;) {
    acc = node_hash(nodes_[i], acc);
  }
  return acc;
}

// RFC 9162, section 2.1.2.
void CompactRange::append(const Hash& leaf_hash) {
  nodes_.push_back(leaf_hash);
  for (TreeSize s = size_; s % 2 == 1; s >>= 1) {
    const Hash right = nodes_.back();
    nodes_.pop_back();
    nodes_.back() = node_hash(nodes_.back(), right);
  }
  ++size_;
}

void CompactRange::append(std::span<const Hash> leaf_hashes) {
  if (leaf_hashes.size() < kBulk) {
    for (const Hash& h : leaf_hashes) append(h);
    return;
  }
  // Level by level: what the range already has at this level comes first;
  // pairs move up, an odd last node stays.
  std::vector<Hash> level(leaf_hashes.begin(), leaf_hashes.end());
  std::vector<Hash> right_edge;  // smallest subtree first
  for (TreeSize above = size_; !level.empty(); above >>= 1) {
    if (above % 2 == 1) {
      level.insert(level.begin(), nodes_.back());
      nodes_.pop_back();
    }
    if (level.size() % 2 == 1) right_edge.push_back(level.back());
    level = parent_hashes(level);
  }
  nodes_.insert(nodes_.end(), right_edge.rbegin(), right_edge.rend());
  size_ += leaf_hashes.size();
}

Bytes CompactRange::encode() const {
  Bytes out;
  out.reserve(nodes_.size() * sizeof(Hash));
  for (const Hash& node : nodes_) put_bytes(out, node);
  return out;
}

Result<CompactRange> CompactRange::decode(TreeSize size, ByteView encoded) {
  ByteReader in(encoded);
  std::vector<Hash> nodes;
  while (const auto node = in.hash()) nodes.push_back(*node);
  if (!in.empty()) {
    return fail(Errc::kMalformed, "compact range: not a whole number of nodes");
  }
  return from_nodes(size, std::move(nodes));
}

std::vector<Hash> left_siblings(LeafIndex index, TreeSize size, Proof proof) {
  std::vector<Hash> left;
  std::uint64_t fn = index;
  std::uint64_t sn = size - 1;
  for (const Hash& p : proof) {
    // Skip the levels at which the node, being the last, has no sibling.
    while (fn % 2 == 0 && fn == sn && fn != 0) {
      fn >>= 1;
      sn >>= 1;
    }
    if (fn % 2 == 1) left.push_back(p);
    fn >>= 1;
    sn >>= 1;
  }
  std::reverse(left.begin(), left.end());
  return left;
}

Result<CompactRange> compact_range_through(const Hash& leaf, LeafIndex index,
                                           TreeSize size, Proof proof,
                                           const Hash& root) {
  if (const auto ok = verify_inclusion(leaf, index, size, proof, root); !ok) {
    return tl::unexpected(ok.error());
  }
  auto range =
      CompactRange::from_nodes(index, left_siblings(index, size, proof));
  if (range) range->append(leaf);
  return range;
}

}  // namespace ct::ctlog
