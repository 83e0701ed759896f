#include "ctlog/merkle.h"

#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"
#include "tests/support/shared_data.h"

namespace ct::ctlog {
namespace {

using test::ReferenceTree;

// The customary eight leaves and the roots of their first n.
constexpr std::array kLeaves = {"",
                                "00",
                                "10",
                                "2021",
                                "3031",
                                "40414243",
                                "5051525354555657",
                                "606162636465666768696a6b6c6d6e6f"};
constexpr std::array kRoots = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
constexpr const char* kNode01 =
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
constexpr const char* kNode45 =
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a";
constexpr const char* kNode67 =
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";

Hash hex(std::string_view text) { return hash_from_hex(text).value(); }

Hash leaf_of(std::string_view hex_input) {
  return leaf_hash(from_hex(hex_input).value());
}

std::vector<Hash> customary_leaves() {
  std::vector<Hash> leaves;
  for (const char* input : kLeaves) leaves.push_back(leaf_of(input));
  return leaves;
}

void check_code(const Result<void>& r, Errc code) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

// Every way in which an inclusion proof can be wrong must be refused.
void check_inclusion_mutations(const Hash& leaf, LeafIndex index, TreeSize size,
                               const std::vector<Hash>& proof,
                               const Hash& root) {
  for (std::size_t node = 0; node < proof.size(); ++node) {
    auto bad = proof;
    bad[node][31] ^= 1;
    check_code(verify_inclusion(leaf, index, size, bad, root),
               Errc::kUntrusted);
    bad = proof;
    bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(node));
    check_code(verify_inclusion(leaf, index, size, bad, root),
               Errc::kMalformed);
  }
  for (std::size_t at = 0; at <= proof.size(); ++at) {
    auto bad = proof;
    bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(at), root);
    check_code(verify_inclusion(leaf, index, size, bad, root),
               Errc::kMalformed);
  }
  Hash other = leaf;
  other[0] ^= 0x80;
  check_code(verify_inclusion(other, index, size, proof, root),
             Errc::kUntrusted);
  other = root;
  other[0] ^= 0x80;
  check_code(verify_inclusion(leaf, index, size, proof, other),
             Errc::kUntrusted);
  CHECK_FALSE(verify_inclusion(leaf, index + 1, size, proof, root));
  CHECK_FALSE(verify_inclusion(leaf, index - 1, size, proof, root));
  CHECK_FALSE(verify_inclusion(leaf, index ^ 2, size, proof, root));
  CHECK_FALSE(verify_inclusion(leaf, index, size * 2, proof, root));
  CHECK_FALSE(verify_inclusion(leaf, index, index, proof, root));
}

}  // namespace

TEST_CASE("the customary leaves give the known roots", "[ctlog][merkle]") {
  const auto leaves = customary_leaves();
  CHECK(empty_root() == hex(kRoots[0]));
  for (std::size_t n = 1; n < kRoots.size(); ++n) {
    const ReferenceTree tree(
        std::vector<Hash>(leaves.begin(), leaves.begin() + long(n)));
    CHECK(tree.root() == hex(kRoots[n]));
  }
  CHECK(node_hash(leaves[0], leaves[1]) == hex(kNode01));
}

TEST_CASE("hashing many at once gives what one by one gives",
          "[ctlog][merkle]") {
  std::vector<Bytes> data;
  for (std::size_t n = 0; n < 70; ++n) data.emplace_back(n * 13, n);
  const std::vector<ByteView> views(data.begin(), data.end());
  std::vector<Hash> hashes;
  leaf_hashes(views, hashes);
  REQUIRE(hashes.size() == data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    CHECK(hashes[i] == leaf_hash(data[i]));
  }
  for (const std::size_t n : {0u, 1u, 2u, 3u, 8u, 69u, 70u}) {
    const auto parents = parent_hashes(std::span(hashes).first(n));
    REQUIRE(parents.size() == n / 2);
    for (std::size_t i = 0; i < parents.size(); ++i) {
      CHECK(parents[i] == node_hash(hashes[2 * i], hashes[2 * i + 1]));
    }
  }
}

TEST_CASE("the published proofs of the customary tree hold",
          "[ctlog][merkle]") {
  const auto leaves = customary_leaves();
  CHECK(verify_inclusion(leaves[5], 5, 8,
                         std::vector{leaves[4], hex(kNode67), hex(kRoots[4])},
                         hex(kRoots[8])));
  CHECK(verify_consistency(
      6, hex(kRoots[6]), 8, hex(kRoots[8]),
      std::vector{hex(kNode45), hex(kNode67), hex(kRoots[4])}));
  CHECK(verify_consistency(3, hex(kRoots[3]), 7, hex(kRoots[7]),
                           std::vector{leaves[2], leaves[3], hex(kRoots[2]),
                                       hex("837dbb152e9b079010717e84e865da4ebc0"
                                           "fa198a806d59d31bf15accef22d0e")}));
}

TEST_CASE("the reference tree's proofs have the lengths the RFC draws",
          "[ctlog][merkle]") {
  const ReferenceTree tree(7);  // section 2.1.3
  CHECK(tree.consistency_proof(4).size() == 1);
  CHECK(tree.consistency_proof(3).size() == 4);
  CHECK(tree.consistency_proof(6).size() == 3);
  CHECK(tree.inclusion_proof(6).size() == 2);
}

TEST_CASE("an inclusion proof holds for its own leaf only", "[ctlog][merkle]") {
  const TreeSize size = GENERATE(range(1, 34));
  const ReferenceTree tree(size);
  for (LeafIndex i = 0; i < size; ++i) {
    CAPTURE(size, i);
    const auto proof = tree.inclusion_proof(i);
    CHECK(verify_inclusion(tree.leaf(i), i, size, proof, tree.root()));
    check_inclusion_mutations(tree.leaf(i), i, size, proof, tree.root());
  }
}

TEST_CASE("a leaf beyond the tree is malformed", "[ctlog][merkle]") {
  const ReferenceTree tree(1);
  for (const LeafIndex i : {LeafIndex{1}, ~LeafIndex{0}}) {
    check_code(verify_inclusion(tree.leaf(0), i, 1, {}, tree.root()),
               Errc::kMalformed);
  }
  check_code(verify_inclusion(tree.leaf(0), 0, 0, {}, empty_root()),
             Errc::kMalformed);
}

TEST_CASE("a proof in the largest tree ends", "[ctlog][merkle]") {
  const std::vector<Hash> proof(64, empty_root());
  check_code(
      verify_inclusion(empty_root(), 5, ~TreeSize{0}, proof, empty_root()),
      Errc::kUntrusted);
  check_code(verify_consistency(5, empty_root(), ~TreeSize{0}, empty_root(),
                                std::vector<Hash>(1000, empty_root())),
             Errc::kMalformed);
}

TEST_CASE("a consistency proof holds for its own two trees only",
          "[ctlog][merkle]") {
  const TreeSize size = GENERATE(range(1, 34));
  const ReferenceTree tree(size);
  const Hash root = tree.root();
  for (TreeSize old = 1; old <= size; ++old) {
    CAPTURE(old, size);
    const auto proof = tree.consistency_proof(old);
    const Hash old_root = tree.root(old);
    CHECK(verify_consistency(old, old_root, size, root, proof));
    for (std::size_t node = 0; node < proof.size(); ++node) {
      auto bad = proof;
      bad[node][0] ^= 1;
      check_code(verify_consistency(old, old_root, size, root, bad),
                 Errc::kUntrusted);
      bad = proof;
      bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(node));
      check_code(verify_consistency(old, old_root, size, root, bad),
                 Errc::kMalformed);
    }
    for (std::size_t at = 0; at <= proof.size(); ++at) {
      auto bad = proof;
      bad.insert(bad.begin() + static_cast<std::ptrdiff_t>(at), root);
      check_code(verify_consistency(old, old_root, size, root, bad),
                 Errc::kMalformed);
    }
    Hash other = root;
    other[5] ^= 4;
    check_code(verify_consistency(old, other, size, root, proof),
               Errc::kUntrusted);
    check_code(verify_consistency(old, old_root, size, other, proof),
               Errc::kUntrusted);
    if (old != size) {
      CHECK_FALSE(verify_consistency(old, root, size, old_root, proof));
      CHECK_FALSE(verify_consistency(old + 1, old_root, size, root, proof));
    }
  }
}

TEST_CASE("no consistency is proven from nothing, or backwards",
          "[ctlog][merkle]") {
  const ReferenceTree tree(5);
  check_code(verify_consistency(0, empty_root(), 5, tree.root(), {}),
             Errc::kMalformed);
  check_code(verify_consistency(0, empty_root(), 0, empty_root(), {}),
             Errc::kMalformed);
  check_code(verify_consistency(5, tree.root(), 4, tree.root(4),
                                tree.consistency_proof(4)),
             Errc::kMalformed);
}

namespace {

// Some probes give a hash of another length, which our types cannot hold: a
// stand-in takes its place, equal to that of the same bytes only; that of no
// bytes equals nothing.
Hash hash_of(const nlohmann::json& base64) {
  const auto bytes = from_base64(base64.get<std::string>());
  if (!bytes || bytes->size() != sizeof(Hash)) {
    static std::uint64_t count = 0;
    Bytes other = bytes.value_or(Bytes());
    if (other.empty()) put_uint(other, ++count, 8);
    return sha256(other);
  }
  Hash h;
  std::copy(bytes->begin(), bytes->end(), h.begin());
  return h;
}

std::vector<Hash> proof_of(const nlohmann::json& list) {
  std::vector<Hash> proof;
  if (list.is_array()) {
    for (const auto& node : list) proof.push_back(hash_of(node));
  }
  return proof;
}

template <class F>
std::size_t for_each_probe(const char* folder, F f) {
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           test::shared_path(folder))) {
    if (entry.path().extension() != ".json") continue;
    CAPTURE(entry.path().string());
    f(nlohmann::json::parse(test::read_file(entry.path())));
    ++n;
  }
  return n;
}

}  // namespace

TEST_CASE("recorded inclusion probes are judged as their makers do",
          "[ctlog][merkle]") {
  if (!test::have_shared_data()) return;
  const auto n = for_each_probe(
      "merkle/transparency-dev/inclusion", [](const nlohmann::json& probe) {
        const auto r = verify_inclusion(
            hash_of(probe["leafHash"]), probe["leafIdx"].get<LeafIndex>(),
            probe["treeSize"].get<TreeSize>(), proof_of(probe["proof"]),
            hash_of(probe["root"]));
        CHECK(r.has_value() != probe["wantErr"].get<bool>());
      });
  CHECK(n == 76);
}

TEST_CASE("recorded consistency probes are judged as their makers do",
          "[ctlog][merkle]") {
  if (!test::have_shared_data()) return;
  const auto n = for_each_probe(
      "merkle/transparency-dev/consistency", [](const nlohmann::json& probe) {
        const auto r = verify_consistency(
            probe["size1"].get<TreeSize>(), hash_of(probe["root1"]),
            probe["size2"].get<TreeSize>(), hash_of(probe["root2"]),
            proof_of(probe["proof"]));
        // From size 0 we refuse whatever the makers say.
        const bool want = !probe["wantErr"].get<bool>() && probe["size1"] != 0;
        CHECK(r.has_value() == want);
      });
  CHECK(n == 67);
}

TEST_CASE("the recorded reference tree is ours, node by node",
          "[ctlog][merkle]") {
  if (!test::have_shared_data()) return;
  const auto data =
      nlohmann::json::parse(test::shared_file("merkle/rfc6962-reference.json"));
  std::vector<Hash> level;
  for (const auto& input : data["leaf_inputs_hex"]) {
    level.push_back(leaf_of(input.get<std::string>()));
  }
  const ReferenceTree tree(level);
  for (const auto& expected : data["node_hashes_hex"]) {
    REQUIRE(expected.size() == level.size());
    for (std::size_t i = 0; i < level.size(); ++i) {
      CHECK(level[i] == hex(expected[i].get<std::string>()));
    }
    level = parent_hashes(level);
  }
  CHECK(level.empty());
  for (TreeSize n = 0; n < data["root_hashes_hex"].size(); ++n) {
    CHECK(tree.root(n) == hex(data["root_hashes_hex"][n].get<std::string>()));
  }
}

}  // namespace ct::ctlog
