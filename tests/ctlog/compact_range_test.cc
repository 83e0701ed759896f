#include "ctlog/compact_range.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"

namespace ct::ctlog {
namespace {

using test::ReferenceTree;

CompactRange range_of(const ReferenceTree& tree, TreeSize size) {
  CompactRange range;
  for (LeafIndex i = 0; i < size; ++i) range.append(tree.leaf(i));
  return range;
}

}  // namespace

TEST_CASE("a range's root is that of the tree it stands for",
          "[ctlog][compact_range]") {
  const ReferenceTree tree(130);
  CompactRange range;
  CHECK(range.root() == empty_root());
  for (TreeSize size = 1; size <= tree.size(); ++size) {
    range.append(tree.leaf(size - 1));
    CAPTURE(size);
    CHECK(range.size() == size);
    CHECK(range.nodes().size() == std::size_t(std::popcount(size)));
    CHECK(range.root() == tree.root(size));
  }
}

TEST_CASE("appending many leaves equals appending them one by one",
          "[ctlog][compact_range]") {
  const ReferenceTree tree(80);
  for (TreeSize begin = 0; begin <= tree.size(); ++begin) {
    for (TreeSize end = begin; end <= tree.size(); ++end) {
      CompactRange range = range_of(tree, begin);
      range.append(tree.leaves(begin, end));
      if (range != range_of(tree, end)) {
        FAIL("appending [" << begin << ", " << end << ") differs");
      }
    }
  }
  SUCCEED();
}

TEST_CASE("large batches of any size give the same range",
          "[ctlog][compact_range]") {
  std::mt19937 random(20240229);
  const ReferenceTree tree(5000);
  CompactRange one_by_one;
  CompactRange batched;
  while (batched.size() < tree.size()) {
    const LeafIndex begin = batched.size();
    const LeafIndex end =
        std::min<TreeSize>(tree.size(), begin + random() % 700);
    batched.append(tree.leaves(begin, end));
    for (LeafIndex i = begin; i < end; ++i) one_by_one.append(tree.leaf(i));
    CAPTURE(begin, end);
    REQUIRE(batched == one_by_one);
  }
  CHECK(batched.root() == tree.root());
}

TEST_CASE("a range goes through its encoding unchanged",
          "[ctlog][compact_range]") {
  const ReferenceTree tree(100);
  for (const TreeSize size : {0u, 1u, 2u, 63u, 64u, 100u}) {
    const CompactRange range = range_of(tree, size);
    const auto back = CompactRange::decode(size, range.encode());
    REQUIRE(back);
    CHECK(*back == range);
  }
}

TEST_CASE("a stored range of another length is refused",
          "[ctlog][compact_range]") {
  const ReferenceTree tree(7);
  const CompactRange range = range_of(tree, 7);
  const Bytes encoded = range.encode();
  for (std::size_t n = 0; n < encoded.size(); ++n) {
    const auto r = CompactRange::decode(7, ByteView(encoded).first(n));
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kMalformed);
  }
  Bytes longer = encoded;
  longer.resize(longer.size() + 1);
  CHECK_FALSE(CompactRange::decode(7, longer));
  longer.resize(longer.size() + 31);
  CHECK_FALSE(CompactRange::decode(7, longer));
  CHECK_FALSE(CompactRange::decode(6, encoded));
  CHECK_FALSE(CompactRange::decode(0, encoded));
  CHECK_FALSE(CompactRange::from_nodes(1, {}));
}

TEST_CASE("the left siblings of a proof are the range before its leaf",
          "[ctlog][compact_range]") {
  const TreeSize size = GENERATE(range(1, 40));
  const ReferenceTree tree(size);
  for (LeafIndex i = 0; i < size; ++i) {
    CAPTURE(size, i);
    const auto proof = tree.inclusion_proof(i);
    const auto before = range_of(tree, i);
    CHECK(left_siblings(i, size, proof) ==
          std::vector<Hash>(before.nodes().begin(), before.nodes().end()));

    const auto through =
        compact_range_through(tree.leaf(i), i, size, proof, tree.root());
    REQUIRE(through);
    CHECK(*through == range_of(tree, i + 1));
  }
}

TEST_CASE("no range is taken from a proof that does not hold",
          "[ctlog][compact_range]") {
  const ReferenceTree tree(13);
  auto proof = tree.inclusion_proof(6);
  proof[1][3] ^= 1;
  const auto bad =
      compact_range_through(tree.leaf(6), 6, 13, proof, tree.root());
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::kUntrusted);
  proof.pop_back();
  const auto truncated =
      compact_range_through(tree.leaf(6), 6, 13, proof, tree.root());
  REQUIRE_FALSE(truncated);
  CHECK(truncated.error().code == Errc::kMalformed);
  CHECK_FALSE(compact_range_through(tree.leaf(6), 13, 13, {}, tree.root()));
}

}  // namespace ct::ctlog
