#include "base/sha256.h"

#include <mbedtls/md.h>

#include <random>

#include "base/hex.h"
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

TEST_CASE("many hashes at once are those one by one", "[base][sha256]") {
  static std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const Bytes prefix = random_bytes(random() % 17);
    std::vector<Bytes> messages(random() % 40);
    for (auto& m : messages) m = random_bytes(random() % 3000);
    const std::vector<ByteView> views(messages.begin(), messages.end());
    std::vector<Hash> out(views.size());
    sha256_many(prefix, views, out.data());
    for (std::size_t i = 0; i < views.size(); ++i) {
      if (out[i] != reference(prefix, views[i])) {
        FAIL("message " << i << " of " << views.size() << ", "
                        << views[i].size() << " bytes");
      }
    }
  }
  SUCCEED();
}

TEST_CASE("every length hashes as mbedTLS hashes it", "[base][sha256]") {
  const Bytes bytes = random_bytes(4096);
  std::vector<ByteView> views;
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    views.push_back(ByteView(bytes).first(n));
  }
  const Bytes prefix = {0};
  std::vector<Hash> out(views.size());
  sha256_many(prefix, views, out.data());
  for (std::size_t n = 0; n < views.size(); ++n) {
    if (out[n] != reference(prefix, views[n]) ||
        sha256(views[n]) != reference({}, views[n]) ||
        sha256(prefix, views[n]) != out[n]) {
      FAIL("length " << n);
    }
  }
  SUCCEED();
}
