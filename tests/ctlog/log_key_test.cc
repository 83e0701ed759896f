#include "ctlog/log_key.h"

#include <atomic>
#include <thread>
#include <vector>

#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/test_key.h"

namespace ct::ctlog {
namespace {

using test::p256;
using test::rsa2048;
using test::TestKey;

constexpr std::string_view kMessage = "what the log signed";

void check_code(const Result<void>& r, Errc code) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

void check_refused(ByteView spki) {
  const auto key = LogKey::from_spki(spki);
  REQUIRE_FALSE(key);
  CHECK(key.error().code == Errc::kMalformed);
}

}  // namespace

TEST_CASE("a log's id is the hash of its key", "[ctlog][log_key]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const auto log = LogKey::from_spki(key.spki());
    REQUIRE(log);
    CHECK(log->log_id() == sha256(key.spki()));
    CHECK(std::ranges::equal(log->spki(), key.spki()));
  }
}

TEST_CASE("a signature holds for its own key and message only",
          "[ctlog][log_key]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const auto log = LogKey::from_spki(key.spki()).value();
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    CHECK(log.verify(as_bytes(kMessage), good));
    check_code(log.verify(as_bytes("what it did not"), good), Errc::kUntrusted);
    check_code(log.verify({}, good), Errc::kUntrusted);
  }
  const Bytes by_another = TestKey::p256().digitally_sign(as_bytes(kMessage));
  check_code(LogKey::from_spki(p256().spki())
                 .value()
                 .verify(as_bytes(kMessage), by_another),
             Errc::kUntrusted);
}

TEST_CASE("no byte of a signature can be changed", "[ctlog][log_key]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const auto log = LogKey::from_spki(key.spki()).value();
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    for (std::size_t at = 0; at < good.size(); at += at < 12 ? 1 : 7) {
      CAPTURE(at);
      Bytes bad = good;
      bad[at] ^= 1;
      CHECK_FALSE(log.verify(as_bytes(kMessage), bad));
    }
  }
}

TEST_CASE("a signature struct that breaks its form is malformed",
          "[ctlog][log_key]") {
  const auto log = LogKey::from_spki(p256().spki()).value();
  const Bytes good = p256().digitally_sign(as_bytes(kMessage));
  for (std::size_t n = 0; n < good.size(); ++n) {
    check_code(log.verify(as_bytes(kMessage), ByteView(good).first(n)),
               Errc::kMalformed);
  }
  Bytes bad = good;
  bad.push_back(0);
  check_code(log.verify(as_bytes(kMessage), bad), Errc::kMalformed);
  for (const std::uint8_t hash : {0, 2, 5, 8}) {
    bad = good;
    bad[0] = hash;
    check_code(log.verify(as_bytes(kMessage), bad), Errc::kMalformed);
  }
  for (const std::uint8_t algorithm : {0, 1, 2, 7}) {
    bad = good;
    bad[1] = algorithm;
    check_code(log.verify(as_bytes(kMessage), bad), Errc::kMalformed);
  }
}

TEST_CASE("bytes within the signature but behind the ECDSA value fail",
          "[ctlog][log_key]") {
  const auto log = LogKey::from_spki(p256().spki()).value();
  Bytes bad = p256().digitally_sign(as_bytes(kMessage));
  bad.push_back(0);
  ++bad[3];
  check_code(log.verify(as_bytes(kMessage), bad), Errc::kUntrusted);
  check_code(log.verify(as_bytes(kMessage), Bytes{4, 3, 0, 0}),
             Errc::kUntrusted);
}

TEST_CASE("keys that no log may have are refused", "[ctlog][log_key]") {
  check_refused({});
  check_refused(TestKey::ec("P-384").spki());
  check_refused(TestKey::ec("secp256k1").spki());
  check_refused(TestKey::rsa(1024).spki());
  check_refused(TestKey::ed25519().spki());
}

TEST_CASE("a key cut short, run on or off its curve is refused",
          "[ctlog][log_key]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const Bytes spki = key.spki();
    for (std::size_t n = 0; n < spki.size(); ++n) {
      check_refused(ByteView(spki).first(n));
    }
    Bytes longer = spki;
    longer.push_back(0);
    check_refused(longer);
  }
  Bytes off_curve = p256().spki();
  off_curve.back() ^= 1;
  check_refused(off_curve);
}

TEST_CASE("one key serves many threads", "[ctlog][log_key]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const auto log = LogKey::from_spki(key.spki()).value();
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    Bytes bad = good;
    bad.back() ^= 1;
    std::atomic<int> wrong = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, copy = log] {
          for (int i = 0; i < 5; ++i) {
            if (!copy.verify(as_bytes(kMessage), good)) ++wrong;
            if (copy.verify(as_bytes(kMessage), bad)) ++wrong;
          }
        });
      }
    }
    CHECK(wrong == 0);
  }
}

}  // namespace ct::ctlog
