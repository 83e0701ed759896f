#include "ctlog/tree_head.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/base64.h"
#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_key.h"

namespace ct::ctlog {
namespace {

using test::TestKey;

constexpr TreeSize kSize = 1234;
constexpr Millis kTime = 1'700'000'000'123;

Hash some_root() {
  Hash root;
  root.fill(0xfb);  // its base64 is full of '+' and '/'
  return root;
}

void check_malformed(std::string_view json) {
  CAPTURE(std::string(json.substr(0, 200)));
  const auto sth = parse_sth(json);
  REQUIRE_FALSE(sth);
  CHECK(sth.error().code == Errc::kMalformed);
}

void check_code(const Result<TreeHead>& r, Errc code) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

std::string replaced(std::string text, std::string_view what,
                     std::string_view by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

}  // namespace

TEST_CASE("the signed input is laid out as the RFC says",
          "[ctlog][tree_head]") {
  Hash root;
  std::ranges::copy(as_bytes("imustbeexactlythirtytwobyteslong"), root.begin());
  CHECK(to_hex(tree_head_input(6, 2345, root)) ==
        "00010000000000000929000000000000000669"
        "6d757374626565786163746c7974686972747974776f62797465736c6f6e67");
}

TEST_CASE("a head known to hold holds", "[ctlog][tree_head]") {
  const auto key = LogKey::from_spki(
      from_base64("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAES0AfBkjr7b8b19p5Gk8plSA"
                  "N16wWXZyhYsH6FMCEUK60t7pem/ckoPX8hupuaiJzJS0ZQ0SEoJGlFxkUFwf"
                  "t5g==")
          .value());
  REQUIRE(key);
  CHECK(to_hex(key->log_id()) ==
        "b69d879e3f2c4402556dcda2f6b2e02ff6b6df4789c53000e14f4b125ae847aa");
  SignedTreeHead sth;
  sth.size = 42;
  sth.timestamp = 1348589667204;
  sth.root =
      hash_from_hex(
          "18041bd4665083001fba8c5411d2d748e8abbfdcdfd9218cb02b68a78e7d4c23")
          .value();
  sth.signature =
      from_hex(
          "040300483046022100befd8060563763a5e49ba53e6443c13f7624fd6403178113"
          "736e16012aca983e022100f572568dbfe9a86490eb915c4ee16ad5ecd708fed35e"
          "d4e5cd1b2c3f087b4130")
          .value();
  const auto head = verify_tree_head(*key, sth);
  REQUIRE(head);
  CHECK(head->size() == 42);
  CHECK(head->timestamp() == sth.timestamp);
  CHECK(head->root() == sth.root);
}

TEST_CASE("a get-sth reply is read and kept as it came", "[ctlog][tree_head]") {
  const TestKey log = TestKey::p256();
  const std::string json = test::sth_json(log, kSize, kTime, some_root());
  const auto sth = parse_sth(json);
  REQUIRE(sth);
  CHECK(sth->size == kSize);
  CHECK(sth->timestamp == kTime);
  CHECK(sth->root == some_root());
  CHECK(sth->wire == json);
  CHECK(verify_tree_head(LogKey::from_spki(log.spki()).value(), *sth));
}

TEST_CASE("JSON may be spelt in any legal way", "[ctlog][tree_head]") {
  const TestKey log = TestKey::p256();
  const auto key = LogKey::from_spki(log.spki()).value();
  const std::string json = test::sth_json(log, kSize, kTime, some_root());
  for (const std::string& spelling :
       {replaced(json, "/", "\\/"), replaced(json, ",", " ,\n\t"),
        replaced(json, "{", "{\"extra\":[1,{\"tree_size\":2}],"),
        replaced(json, "tree_size", "tree\\u005fsize"), " " + json + "\n"}) {
    CAPTURE(spelling);
    const auto sth = parse_sth(spelling);
    REQUIRE(sth);
    CHECK(verify_tree_head(key, *sth));
  }
}

TEST_CASE("a reply cut short or run on is malformed", "[ctlog][tree_head]") {
  const std::string json =
      test::sth_json(TestKey::p256(), kSize, kTime, some_root());
  for (std::size_t n = 0; n < json.size(); ++n) {
    check_malformed(std::string_view(json).substr(0, n));
  }
  check_malformed(json + "x");
  check_malformed(json + json);
}

TEST_CASE("a reply with a member missing or of another kind is malformed",
          "[ctlog][tree_head]") {
  const std::string json =
      test::sth_json(TestKey::p256(), kSize, kTime, some_root());
  const std::string size = "\"tree_size\":1234";
  const std::string time = "\"timestamp\":1700000000123";
  for (const char* other :
       {"-1", "1.5", "1e3", "\"1234\"", "null", "true", "[]",
        "9223372036854775808", "18446744073709551616", "01"}) {
    CAPTURE(other);
    check_malformed(
        replaced(json, size, std::string("\"tree_size\":") + other));
    check_malformed(
        replaced(json, time, std::string("\"timestamp\":") + other));
  }
  for (const char* name :
       {"tree_size", "timestamp", "sha256_root_hash", "tree_head_signature"}) {
    check_malformed(replaced(json, name, "other"));
  }
  check_malformed(replaced(json, to_base64(some_root()), "AAAA"));
  check_malformed(replaced(json, to_base64(some_root()), "!"));
  check_malformed(replaced(json, "\"" + to_base64(some_root()) + "\"", "7"));
  check_malformed("[" + json + "]");
  check_malformed("\"" + to_base64(some_root()) + "\"");
  check_malformed("<html>502 Bad Gateway</html>");
}

TEST_CASE("a reply of unreasonable size or depth is malformed",
          "[ctlog][tree_head]") {
  const std::string json =
      test::sth_json(TestKey::p256(), kSize, kTime, some_root());
  check_malformed(json + std::string(1u << 20, ' '));
  check_malformed(replaced(
      json, "{",
      "{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + ","));
}

TEST_CASE("a head with anything changed is not trusted", "[ctlog][tree_head]") {
  const TestKey log = TestKey::p256();
  const auto key = LogKey::from_spki(log.spki()).value();
  const auto good =
      parse_sth(test::sth_json(log, kSize, kTime, some_root())).value();
  SignedTreeHead bad = good;
  bad.size += 1;
  check_code(verify_tree_head(key, bad), Errc::kUntrusted);
  bad = good;
  bad.timestamp -= 1;
  check_code(verify_tree_head(key, bad), Errc::kUntrusted);
  bad = good;
  bad.root[31] ^= 1;
  check_code(verify_tree_head(key, bad), Errc::kUntrusted);
  bad = good;
  bad.signature.back() ^= 1;
  check_code(verify_tree_head(key, bad), Errc::kUntrusted);
  bad.signature.pop_back();
  check_code(verify_tree_head(key, bad), Errc::kMalformed);
  check_code(
      verify_tree_head(LogKey::from_spki(TestKey::p256().spki()).value(), good),
      Errc::kUntrusted);
}

TEST_CASE("the head of an empty tree has the empty root",
          "[ctlog][tree_head]") {
  const TestKey log = TestKey::p256();
  const auto key = LogKey::from_spki(log.spki()).value();
  CHECK(verify_tree_head(
      key, parse_sth(test::sth_json(log, 0, kTime, empty_root())).value()));
  check_code(
      verify_tree_head(
          key, parse_sth(test::sth_json(log, 0, kTime, some_root())).value()),
      Errc::kUntrusted);
}

namespace {

LogKey key_of_base64(const std::string& text) {
  std::string trimmed;
  for (const char c : text) {
    if (c > ' ') trimmed += c;
  }
  return LogKey::from_spki(from_base64(trimmed).value()).value();
}

LogKey key_of_pem(const std::string& pem) {
  std::istringstream lines(pem);
  std::string base64;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("-")) base64 += line;
  }
  return key_of_base64(base64);
}

// The recorded head holds, and with one bit flipped in any field does not.
void check_recorded(const LogKey& key, const std::string& json) {
  const auto sth = parse_sth(json);
  REQUIRE(sth);
  REQUIRE(verify_tree_head(key, *sth));
  for (unsigned bit = 0; bit < 64; bit += 9) {
    SignedTreeHead bad = *sth;
    bad.size ^= TreeSize{1} << bit;
    CHECK_FALSE(verify_tree_head(key, bad));
    bad = *sth;
    bad.timestamp ^= Millis{1} << bit;
    CHECK_FALSE(verify_tree_head(key, bad));
    bad = *sth;
    bad.root[bit / 2] ^= std::uint8_t(1u << (bit % 8));
    CHECK_FALSE(verify_tree_head(key, bad));
    bad = *sth;
    bad.signature[bad.signature.size() - 1 - bit] ^= 1;
    CHECK_FALSE(verify_tree_head(key, bad));
  }
}

}  // namespace

TEST_CASE("recorded heads of production logs hold", "[ctlog][tree_head]") {
  if (!test::have_shared_data()) return;
  const auto file = [](const char* name) {
    return test::shared_file(std::string("logs/") + name);
  };
  const auto listed = [&](const char* name) {
    return key_of_base64(
        nlohmann::json::parse(file(name))["key"].get<std::string>());
  };
  check_recorded(key_of_base64(file("rocketeer-2015/log-key.b64")),
                 file("rocketeer-2015/get-sth.json"));
  check_recorded(key_of_base64(file("venafi-rsa-2015/log-key.b64")),
                 file("venafi-rsa-2015/get-sth.json"));
  check_recorded(key_of_base64(file("pilot-2015/log-key.b64")),
                 file("pilot-2015/get-sth.json"));
  check_recorded(key_of_pem(file("pilot-2013/log-key.pem")),
                 file("pilot-2014/get-sth.json"));
  check_recorded(listed("argon2020/log.json"), file("argon2020/get-sth.json"));
  check_recorded(listed("argon2024/log.json"), file("argon2024/get-sth.json"));
}

TEST_CASE("all of a recorded series of heads hold", "[ctlog][tree_head]") {
  if (!test::have_shared_data()) return;
  const auto key = key_of_pem(test::shared_file("logs/pilot-2013/log-key.pem"));
  std::istringstream lines(
      test::shared_file("logs/pilot-2013/sth-series.jsonl"));
  std::size_t holding = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto sth = parse_sth(line);
    REQUIRE(sth);
    if (verify_tree_head(key, *sth)) ++holding;
  }
  CHECK(holding == 606);
}

TEST_CASE("recorded proofs of a production log lead to its head",
          "[ctlog][tree_head]") {
  if (!test::have_shared_data()) return;
  const auto json = [](const std::string& name) {
    return nlohmann::json::parse(test::shared_file("logs/argon2020/" + name));
  };
  const auto hash = [](const nlohmann::json& text) {
    const auto bytes = from_base64(text.get<std::string>()).value();
    Hash h{};
    REQUIRE(bytes.size() == h.size());
    std::ranges::copy(bytes, h.begin());
    return h;
  };
  const auto proof = [&](const nlohmann::json& list) {
    std::vector<Hash> nodes;
    for (const auto& node : list) nodes.push_back(hash(node));
    return nodes;
  };
  const auto key = key_of_base64(json("log.json")["key"].get<std::string>());
  const auto head =
      verify_tree_head(
          key,
          parse_sth(test::shared_file("logs/argon2020/get-sth.json")).value())
          .value();

  const auto entries = json("get-entries-start-10000-end-10000.json");
  const Hash leaf = leaf_hash(
      from_base64(entries["entries"][0]["leaf_input"].get<std::string>())
          .value());
  auto path = proof(
      json("get-proof-by-hash-tree-size-961984011-hash-nCs3mfIydh9x4CKyQ-2Bu2"
           "xtmpxmFggA5MLymHwNQSlLg-3D.json")["audit_path"]);
  CHECK(verify_inclusion(leaf, 10000, head.size(), path, head.root()));
  path[7][0] ^= 1;
  CHECK_FALSE(verify_inclusion(leaf, 10000, head.size(), path, head.root()));

  const auto old = json("old-tree.json");
  auto links =
      proof(json("get-sth-consistency-first-3654490-second-961984011.json")
                ["consistency"]);
  const auto old_size = old["tree_size"].get<TreeSize>();
  const Hash old_root = hash(old["sha256_root_hash"]);
  CHECK(
      verify_consistency(old_size, old_root, head.size(), head.root(), links));
  links[3][9] ^= 1;
  CHECK_FALSE(
      verify_consistency(old_size, old_root, head.size(), head.root(), links));
}

}  // namespace ct::ctlog
