#include "ctlog/batch_proof.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"

namespace ct::ctlog {
namespace {

using test::ReferenceTree;

CompactRange range_of(const ReferenceTree& tree, TreeSize size) {
  CompactRange range;
  range.append(tree.leaves(0, size));
  return range;
}

TreeHead head_of(const ReferenceTree& tree, TreeSize size) {
  return TreeHead::already_verified(size, 1, tree.root(size));
}

// The proof a log gives of the batch's last leaf; none at the head.
std::vector<Hash> last_proof(const ReferenceTree& tree, LeafIndex end,
                             TreeSize size) {
  if (end == size) return {};
  return tree.inclusion_proof(end - 1, size);
}

// Ties [begin, end) of the first `size` leaves and compares every proof.
void check_batch(const ReferenceTree& tree, LeafIndex begin, LeafIndex end,
                 TreeSize size) {
  CAPTURE(begin, end, size);
  const auto batch =
      TiedBatch::tie(range_of(tree, begin), tree.leaves(begin, end),
                     head_of(tree, size), last_proof(tree, end, size));
  REQUIRE(batch);
  REQUIRE(batch->begin() == begin);
  REQUIRE(batch->end() == end);
  REQUIRE(batch->after() == range_of(tree, end));
  for (LeafIndex i = begin; i < end; ++i) {
    if (batch->inclusion_proof(i) != tree.inclusion_proof(i, size)) {
      FAIL("another proof of leaf " << i);
    }
  }
}

void check_code(const Result<TiedBatch>& r, Errc code) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

}  // namespace

TEST_CASE("a batch proves each of its leaves, wherever it lies",
          "[ctlog][batch_proof]") {
  const TreeSize size = GENERATE(range(1, 25));
  const ReferenceTree tree(size);
  for (LeafIndex begin = 0; begin < size; ++begin) {
    for (LeafIndex end = begin + 1; end <= size; ++end) {
      check_batch(tree, begin, end, size);
    }
  }
}

TEST_CASE("large batches in large trees prove their leaves",
          "[ctlog][batch_proof]") {
  const ReferenceTree tree(3000);
  std::mt19937 random(1998);
  for (int round = 0; round < 60; ++round) {
    const TreeSize size = 1 + random() % tree.size();
    const LeafIndex begin = random() % size;
    const LeafIndex end = begin + 1 + random() % (size - begin);
    check_batch(tree, begin, end, size);
  }
  check_batch(tree, 0, 2048, 2048);
  check_batch(tree, 1024, 2048, 2049);
  check_batch(tree, 1023, 2049, 3000);
}

TEST_CASE("the proofs of a batch hold for its leaves only",
          "[ctlog][batch_proof]") {
  const ReferenceTree tree(21);
  const auto batch = TiedBatch::tie(range_of(tree, 5), tree.leaves(5, 14),
                                    head_of(tree, 21), last_proof(tree, 14, 21))
                         .value();
  for (LeafIndex i = 5; i < 14; ++i) {
    const auto proof = batch.inclusion_proof(i);
    CHECK(verify_inclusion(tree.leaf(i), i, 21, proof, tree.root()));
    CHECK_FALSE(verify_inclusion(tree.leaf(i - 1), i, 21, proof, tree.root()));
  }
}

TEST_CASE("a copied batch proves what the original does",
          "[ctlog][batch_proof]") {
  const ReferenceTree tree(9);
  const auto batch = TiedBatch::tie(range_of(tree, 2), tree.leaves(2, 7),
                                    head_of(tree, 9), last_proof(tree, 7, 9))
                         .value();
  const auto proof = batch.inclusion_proof(3);
  const TiedBatch copy = batch;
  CHECK(copy.inclusion_proof(3) == proof);
  CHECK(copy.inclusion_proof(5) == batch.inclusion_proof(5));
}

TEST_CASE("a batch with any leaf changed is not tied", "[ctlog][batch_proof]") {
  const TreeSize size = 19;
  const ReferenceTree tree(size);
  for (LeafIndex begin = 0; begin < size; ++begin) {
    for (LeafIndex end = begin + 1; end <= size; ++end) {
      for (std::size_t i = 0; i < end - begin; ++i) {
        CAPTURE(begin, end, i);
        auto leaves = tree.leaves(begin, end);
        leaves[i][0] ^= 1;
        check_code(
            TiedBatch::tie(range_of(tree, begin), leaves, head_of(tree, size),
                           last_proof(tree, end, size)),
            Errc::kUntrusted);
      }
    }
  }
}

TEST_CASE("a batch behind another past is not tied", "[ctlog][batch_proof]") {
  const TreeSize size = 19;
  const ReferenceTree tree(size);
  for (LeafIndex begin = 1; begin < size; ++begin) {
    const CompactRange range = range_of(tree, begin);
    for (std::size_t node = 0; node < range.nodes().size(); ++node) {
      std::vector<Hash> nodes(range.nodes().begin(), range.nodes().end());
      nodes[node][31] ^= 0x80;
      for (LeafIndex end = begin + 1; end <= size; ++end) {
        CAPTURE(begin, end, node);
        check_code(
            TiedBatch::tie(CompactRange::from_nodes(begin, nodes).value(),
                           tree.leaves(begin, end), head_of(tree, size),
                           last_proof(tree, end, size)),
            Errc::kUntrusted);
      }
    }
  }
}

TEST_CASE("a batch with any node of its proof changed is not tied",
          "[ctlog][batch_proof]") {
  const TreeSize size = 19;
  const ReferenceTree tree(size);
  for (LeafIndex begin = 0; begin < size; ++begin) {
    for (LeafIndex end = begin + 1; end < size; ++end) {
      CAPTURE(begin, end);
      const auto tie = [&](const std::vector<Hash>& proof) {
        return TiedBatch::tie(range_of(tree, begin), tree.leaves(begin, end),
                              head_of(tree, size), proof);
      };
      const auto proof = last_proof(tree, end, size);
      for (std::size_t node = 0; node < proof.size(); ++node) {
        auto bad = proof;
        bad[node][7] ^= 1;
        check_code(tie(bad), Errc::kUntrusted);
        bad = proof;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(node));
        check_code(tie(bad), Errc::kMalformed);
      }
      auto longer = proof;
      longer.push_back(tree.root());
      check_code(tie(longer), Errc::kMalformed);
      check_code(tie({}), Errc::kMalformed);
    }
  }
}

TEST_CASE("a batch is tied to the head's own root and size only",
          "[ctlog][batch_proof]") {
  const ReferenceTree tree(20);
  for (const LeafIndex end : {12u, 13u, 20u}) {
    CAPTURE(end);
    Hash other = tree.root();
    other[0] ^= 1;
    check_code(TiedBatch::tie(range_of(tree, 9), tree.leaves(9, end),
                              TreeHead::already_verified(20, 1, other),
                              last_proof(tree, end, 20)),
               Errc::kUntrusted);
  }
  check_code(TiedBatch::tie(range_of(tree, 9), tree.leaves(9, 20),
                            head_of(tree, 19), {}),
             Errc::kMalformed);
  check_code(TiedBatch::tie(range_of(tree, 20), tree.leaves(0, 1),
                            head_of(tree, 19), {}),
             Errc::kMalformed);
}

TEST_CASE("a batch of no entries is our own mistake", "[ctlog][batch_proof]") {
  const ReferenceTree tree(4);
  check_code(TiedBatch::tie(range_of(tree, 2), {}, head_of(tree, 4), {}),
             Errc::kInternal);
}

}  // namespace ct::ctlog
