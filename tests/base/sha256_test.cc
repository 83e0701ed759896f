#include "base/sha256.h"

#include <mbedtls/md.h>

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/hex.h"
#include "base/sha256_kernels.h"
#include "tests/support/catch.h"

using namespace ct;

namespace {

Hash reference(ByteView prefix, ByteView message) {
  Bytes all(prefix.begin(), prefix.end());
  all.insert(all.end(), message.begin(), message.end());
  Hash out;
  REQUIRE(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), all.data(),
                     all.size(), out.data()) == 0);
  return out;
}

Bytes random_bytes(std::size_t n) {
  static std::mt19937 random(7);
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

}  // namespace

TEST_CASE("the examples of FIPS 180-4", "[base][sha256]") {
  CHECK(to_hex(sha256({})) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(to_hex(sha256(as_bytes("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(to_hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijk"),
                      as_bytes("ijkljklmklmnlmnomnopnopq"))) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("a node hash is that of 0x01, left and right", "[base][sha256]") {
  const Hash left = sha256(as_bytes("left"));
  const Hash right = sha256(as_bytes("right"));
  Bytes both = {1};
  put_bytes(both, left);
  put_bytes(both, right);
  CHECK(sha256_node(left, right) == reference({}, both));
  CHECK(sha256_node(left, right) != sha256_node(right, left));
}

TEST_CASE("a level of nodes is made of the one below", "[base][sha256]") {
  for (const std::size_t n : {0u, 1u, 2u, 5u, 63u, 64u, 65u, 130u}) {
    std::vector<Hash> level;
    for (std::size_t i = 0; i < 2 * n; ++i) {
      level.push_back(sha256(Bytes{static_cast<std::uint8_t>(i)}));
    }
    std::vector<Hash> want;
    for (std::size_t i = 0; i < n; ++i) {
      want.push_back(sha256_node(level[2 * i], level[2 * i + 1]));
    }
    sha256_nodes(level, level.data());
    level.resize(n);
    CHECK(level == want);
  }
}

namespace {

// How many hashes come out wrong, by one of the ways to make them.
using Many = std::function<void(ByteView, std::span<const ByteView>, Hash*)>;

struct Way {
  std::string name;
  Many hash;
};

// The public one, and each kernel of this machine, ending alone or not.
std::vector<Way> ways() {
  using namespace sha256_detail;
  std::vector<Way> out = {{"sha256_many", sha256_many}};
  for (const Kernel* const kernel : usable_kernels()) {
    const auto with = [kernel](const Kernel* single) {
      return [=](ByteView prefix, std::span<const ByteView> messages,
                 Hash* hashes) {
        hash_lanes(*kernel, single, prefix, messages, hashes);
      };
    };
    out.push_back({kernel->name, with(nullptr)});
    if (usable_kernels().front()->lanes == 1) {
      out.push_back({std::string(kernel->name) + " and one",
                     with(usable_kernels().front())});
    }
  }
  return out;
}

}  // namespace

TEST_CASE("every kernel hashes every length as mbedTLS does",
          "[base][sha256]") {
  const Bytes bytes = random_bytes(4096);
  const Bytes prefix = {0};
  std::vector<ByteView> views;
  std::vector<Hash> want;
  std::vector<Hash> want_prefixed;
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    views.push_back(ByteView(bytes).first(n));
    want.push_back(reference({}, views.back()));
    want_prefixed.push_back(reference(prefix, views.back()));
  }
  for (const Way& way : ways()) {
    CAPTURE(way.name);
    std::vector<Hash> out(views.size());
    way.hash({}, views, out.data());
    CHECK(out == want);
    way.hash(prefix, views, out.data());
    CHECK(out == want_prefixed);
  }
  for (std::size_t n = 0; n < views.size(); ++n) {
    if (sha256(views[n]) != want[n] ||
        sha256(prefix, views[n]) != want_prefixed[n] ||
        sha256(views[n].first(n / 2), views[n].subspan(n / 2)) != want[n]) {
      FAIL("length " << n);
    }
  }
}

TEST_CASE("every kernel hashes batches of unequal lengths", "[base][sha256]") {
  std::mt19937 random(3);
  for (int round = 0; round < 150; ++round) {
    const Bytes prefix = random_bytes(random() % 17);
    const std::size_t longest = std::size_t{1} << random() % 13;
    std::vector<Bytes> messages(random() % 70);
    for (auto& m : messages) m = random_bytes(random() % longest);
    const std::vector<ByteView> views(messages.begin(), messages.end());
    std::vector<Hash> want;
    for (const ByteView view : views) want.push_back(reference(prefix, view));
    for (const Way& way : ways()) {
      CAPTURE(way.name, round);
      std::vector<Hash> out(views.size());
      way.hash(prefix, views, out.data());
      REQUIRE(out == want);
    }
  }
}
