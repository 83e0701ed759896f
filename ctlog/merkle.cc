#include "ctlog/merkle.h"

#include <bit>
#include <cassert>

#include "base/sha256.h"

namespace ct::ctlog {
namespace {

constexpr std::uint8_t kLeafPrefix[] = {0};
constexpr std::uint8_t kNodePrefix[] = {1};

std::string in_tree(std::uint64_t what, TreeSize size) {
  return std::to_string(what) + " in a tree of " + std::to_string(size);
}

// Goes up one level, the last part of step 4 in both algorithms of RFC 9162:
// `fn` is our node's number, `sn` the last node's.
void climb(std::uint64_t& fn, std::uint64_t& sn) {
  if (fn % 2 == 0) {
    // Our node is the last one and has no sibling here: it moves up as it is
    // until it is a right child, or the root.
    while (fn != 0 && fn % 2 == 0) {
      fn >>= 1;
      sn >>= 1;
    }
  }
  fn >>= 1;
  sn >>= 1;
}

}  // namespace

Hash leaf_hash(ByteView leaf) { return sha256(kLeafPrefix, leaf); }

Hash node_hash(const Hash& left, const Hash& right) {
  return sha256_node(left, right);
}

const Hash& empty_root() {
  static const Hash root = sha256(ByteView());
  return root;
}

void leaf_hashes(std::span<const ByteView> leaves, std::vector<Hash>& hashes) {
  hashes.resize(leaves.size());
  sha256_many(kLeafPrefix, leaves, hashes.data());
}

std::vector<Hash> parent_hashes(std::span<const Hash> nodes) {
  std::vector<Hash> parents(nodes.size() / 2);
  std::vector<ByteView> pairs(parents.size());
  static_assert(sizeof(Hash[2]) == 64, "siblings must lie side by side");
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = ByteView(nodes[2 * i].data(), 64);
  }
  sha256_many(kNodePrefix, pairs, parents.data());
  return parents;
}

// RFC 9162, section 2.1.3.2.
Result<void> verify_inclusion(const Hash& leaf, LeafIndex index, TreeSize size,
                              Proof proof, const Hash& root) {
  if (index >= size) {  // 1
    return fail(Errc::kMalformed,
                "inclusion proof: no leaf " + in_tree(index, size));
  }
  std::uint64_t fn = index;  // 2
  std::uint64_t sn = size - 1;
  Hash r = leaf;                 // 3
  for (const Hash& p : proof) {  // 4
    if (sn == 0) {
      return fail(Errc::kMalformed,
                  "inclusion proof: too long for leaf " + in_tree(index, size));
    }
    if (fn % 2 == 1 || fn == sn) {
      r = node_hash(p, r);
      climb(fn, sn);
    } else {
      r = node_hash(r, p);
      fn >>= 1;
      sn >>= 1;
    }
  }
  if (sn != 0) {  // 5
    return fail(Errc::kMalformed,
                "inclusion proof: too short for leaf " + in_tree(index, size));
  }
  if (r != root) {
    return fail(Errc::kUntrusted, "inclusion proof: leaf " +
                                      in_tree(index, size) +
                                      " leads to another root");
  }
  return {};
}

// RFC 9162, section 2.1.4.2.
Result<void> verify_consistency(TreeSize old_size, const Hash& old_root,
                                TreeSize new_size, const Hash& new_root,
                                Proof proof) {
  const auto error = [&](Errc code, const char* what) {
    return fail(code, "consistency proof from " + std::to_string(old_size) +
                          " to " + std::to_string(new_size) + ": " + what);
  };
  if (old_size == 0) return error(Errc::kMalformed, "proves nothing");
  if (old_size > new_size) return error(Errc::kMalformed, "runs backwards");
  if (old_size == new_size) {
    if (!proof.empty()) return error(Errc::kMalformed, "too long");
    if (old_root != new_root) return error(Errc::kUntrusted, "roots differ");
    return {};
  }
  // 1, 2: of a power of two the old root itself is the first node.
  const bool from_root = std::has_single_bit(old_size);
  if (!from_root) {
    if (proof.empty()) return error(Errc::kMalformed, "too short");
  }
  std::uint64_t fn = old_size - 1;  // 3
  std::uint64_t sn = new_size - 1;
  while (fn % 2 == 1) {  // 4
    fn >>= 1;
    sn >>= 1;
  }
  Hash fr = from_root ? old_root : proof[0];  // 5
  Hash sr = fr;
  for (const Hash& c : proof.subspan(from_root ? 0 : 1)) {  // 6
    if (sn == 0) return error(Errc::kMalformed, "too long");
    if (fn % 2 == 1 || fn == sn) {
      fr = node_hash(c, fr);
      sr = node_hash(c, sr);
      climb(fn, sn);
    } else {
      sr = node_hash(sr, c);
      fn >>= 1;
      sn >>= 1;
    }
  }
  if (sn != 0) return error(Errc::kMalformed, "too short");  // 7
  if (fr != old_root) {
    return error(Errc::kUntrusted, "does not lead to the old root");
  }
  if (sr != new_root) {
    return error(Errc::kUntrusted, "does not lead to the new root");
  }
  return {};
}

}  // namespace ct::ctlog
