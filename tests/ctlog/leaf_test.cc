#include "ctlog/leaf.h"

#include <algorithm>

#include "base/hex.h"
#include "tests/support/catch.h"

namespace ct::ctlog {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// The signed inputs of two SCTs, which are leaves byte for byte.
const char* const kX509Leaf =
    "0000"
    "00000000000004d2"
    "0000"
    "00000b"
    "6365727469666963617465"
    "0000";
const char* const kPrecertLeaf =
    "0000"
    "00000000000004d2"
    "0001"
    "69616d617075626c69636b657973686174776f66697665736978646967657374"
    "000003"
    "746273"
    "0000";

template <class T>
void check_malformed(const Result<T>& r) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
}

// No shorter and no longer input may pass for the same thing.
template <class F>
void check_lengths(ByteView good, F parse) {
  REQUIRE(parse(good));
  for (std::size_t n = 0; n < good.size(); ++n) {
    CAPTURE(n);
    check_malformed(parse(good.first(n)));
  }
  Bytes longer(good.begin(), good.end());
  longer.push_back(0);
  check_malformed(parse(longer));
}

}  // namespace

TEST_CASE("an x509 leaf is read field by field", "[ctlog][leaf]") {
  const Bytes in = hex(kX509Leaf);
  const auto leaf = parse_leaf(in);
  REQUIRE(leaf);
  CHECK(leaf->timestamp == 1234);
  CHECK(leaf->type == EntryType::kX509);
  CHECK(as_text(leaf->certificate) == "certificate");
  CHECK(leaf->extensions.empty());
  CHECK(encode_leaf(*leaf) == in);
}

TEST_CASE("a precert leaf is read field by field", "[ctlog][leaf]") {
  const Bytes in = hex(kPrecertLeaf);
  const auto leaf = parse_leaf(in);
  REQUIRE(leaf);
  CHECK(leaf->type == EntryType::kPrecert);
  CHECK(as_text(leaf->issuer_key_hash) == "iamapublickeyshatwofivesixdigest");
  CHECK(as_text(leaf->certificate) == "tbs");
  CHECK(encode_leaf(*leaf) == in);
}

TEST_CASE("a leaf cut short or run on is malformed", "[ctlog][leaf]") {
  check_lengths(hex(kX509Leaf), parse_leaf);
  check_lengths(hex(kPrecertLeaf), parse_leaf);
}

TEST_CASE("a leaf with a length one off is malformed", "[ctlog][leaf]") {
  for (const int delta : {-1, 1}) {
    Bytes leaf = hex(kX509Leaf);
    leaf[14] = std::uint8_t(leaf[14] + delta);
    check_malformed(parse_leaf(leaf));
  }
  Bytes leaf = hex(kX509Leaf);
  leaf.back() = 1;
  check_malformed(parse_leaf(leaf));
}

TEST_CASE("versions and types of the future are malformed, not guessed",
          "[ctlog][leaf]") {
  for (const std::size_t at : {0u, 1u, 10u, 11u}) {
    Bytes leaf = hex(kX509Leaf);
    leaf[at] = 2;
    check_malformed(parse_leaf(leaf));
  }
}

TEST_CASE("any timestamp goes through a leaf unchanged", "[ctlog][leaf]") {
  for (const std::uint8_t top : {0x00, 0x7f, 0x80, 0xff}) {
    Bytes in = hex(kX509Leaf);
    in[2] = top;
    const auto leaf = parse_leaf(in);
    REQUIRE(leaf);
    CHECK(encode_leaf(*leaf) == in);
  }
}

TEST_CASE("the leaf index of a Static CT log is found", "[ctlog][leaf]") {
  CHECK(encode_leaf_index_extension(3) == hex("0000050000000003"));
  for (const LeafIndex index : {0ull, 255ull, 1ull << 32, (1ull << 40) - 1}) {
    const auto found = leaf_index_extension(encode_leaf_index_extension(index));
    REQUIRE(found);
    CHECK(*found == index);
  }
}

TEST_CASE("leaf_index may stand among unknown extensions, or be missing",
          "[ctlog][leaf]") {
  const auto none = leaf_index_extension({});
  REQUIRE(none);
  CHECK_FALSE(none->has_value());
  const auto unknown = leaf_index_extension(hex("0700020102"));
  REQUIRE(unknown);
  CHECK_FALSE(unknown->has_value());
  for (const char* text : {"07000201020000050000000009080000",
                           "08000000000500000000090700020102"}) {
    const auto found = leaf_index_extension(hex(text));
    REQUIRE(found);
    CHECK(*found == LeafIndex{9});
  }
}

TEST_CASE("extensions that break their format are malformed", "[ctlog][leaf]") {
  for (const char* text :
       {"00", "0000", "000005", "00000500000000", "0000040000000000",
        "0000060000000000ff", "00000500000000030000050000000003",
        "07000007000000000500000000ff", "000005000000000300"}) {
    CAPTURE(text);
    check_malformed(leaf_index_extension(hex(text)));
  }
}

TEST_CASE("extra_data of either type goes through unchanged", "[ctlog][leaf]") {
  const Bytes x509 =
      hex("00000a"
          "000002"
          "aabb"
          "000002"
          "ccdd");
  const auto a = parse_extra_data(EntryType::kX509, x509);
  REQUIRE(a);
  CHECK(a->precertificate.empty());
  REQUIRE(a->chain.size() == 2);
  CHECK(std::ranges::equal(a->chain[1], hex("ccdd")));
  CHECK(encode_extra_data(EntryType::kX509, *a) == x509);

  const Bytes precert =
      hex("000003"
          "010203"
          "000005"
          "000002"
          "aabb");
  const auto b = parse_extra_data(EntryType::kPrecert, precert);
  REQUIRE(b);
  CHECK(std::ranges::equal(b->precertificate, hex("010203")));
  REQUIRE(b->chain.size() == 1);
  CHECK(encode_extra_data(EntryType::kPrecert, *b) == precert);

  for (const auto& [type, data] : {std::pair{EntryType::kX509, x509},
                                   std::pair{EntryType::kPrecert, precert}}) {
    check_lengths(data, [type = type](ByteView in) {
      return parse_extra_data(type, in);
    });
  }
}

TEST_CASE("an empty chain is legal", "[ctlog][leaf]") {
  const auto extra = parse_extra_data(EntryType::kX509, hex("000000"));
  REQUIRE(extra);
  CHECK(extra->chain.empty());
}

TEST_CASE("a certificate that runs over its chain is malformed",
          "[ctlog][leaf]") {
  check_malformed(parse_extra_data(EntryType::kX509, hex("000005000003aabb")));
  check_malformed(parse_extra_data(EntryType::kX509, hex("00000100")));
}

}  // namespace ct::ctlog
