// Two libraries, one verdict: LogKey verifies with mbedTLS, BulkVerifier with
// libcrypto, and nobody may tell them apart.
#include "ctlog/bulk_verifier.h"

#include <openssl/bn.h>
#include <openssl/err.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/hex.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/test_key.h"

namespace ct::ctlog {
namespace {

using test::p256;
using test::rsa2048;
using test::TestKey;

constexpr std::string_view kMessage = "what the log signed";

enum class Verdict { kHolds, kMalformed, kUntrusted, kOther };

Verdict verdict(const Result<void>& r) {
  if (r) return Verdict::kHolds;
  if (r.error().code == Errc::kMalformed) return Verdict::kMalformed;
  if (r.error().code == Errc::kUntrusted) return Verdict::kUntrusted;
  return Verdict::kOther;
}

// One log's key, in both libraries.
class Both {
 public:
  explicit Both(const TestKey& key)
      : slow_(LogKey::from_spki(key.spki()).value()),
        fast_(BulkVerifier::from_key(slow_).value()) {}

  void check(ByteView message, ByteView digitally_signed,
             Verdict expected) const {
    CHECK(verdict(slow_.verify(message, digitally_signed)) == expected);
    CHECK(verdict(fast_.verify_digest(sha256(message), digitally_signed)) ==
          expected);
    CHECK(ERR_peek_error() == 0);
  }
  void check(const Bytes& digitally_signed, Verdict expected) const {
    check(as_bytes(kMessage), digitally_signed, expected);
  }
  [[nodiscard]] const LogKey& slow() const { return slow_; }
  [[nodiscard]] const BulkVerifier& fast() const { return fast_; }

 private:
  LogKey slow_;
  BulkVerifier fast_;
};

// The struct around any bytes.
Bytes signed_with(std::uint8_t algorithm, ByteView signature) {
  Bytes out = {4, algorithm};
  put_uint(out, signature.size(), 2);
  put_bytes(out, signature);
  return out;
}

// --- ECDSA values, encoded rightly and wrongly ---

constexpr std::string_view kOrder =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

struct BnFree {
  void operator()(BIGNUM* n) const { BN_free(n); }
};
using Number = std::unique_ptr<BIGNUM, BnFree>;

Number number(ByteView magnitude) {
  return Number(
      BN_bin2bn(magnitude.data(), static_cast<int>(magnitude.size()), nullptr));
}
Bytes magnitude(const Number& n) {
  Bytes out(static_cast<std::size_t>(BN_num_bytes(n.get())));
  BN_bn2bin(n.get(), out.data());
  return out;
}
Bytes order() { return from_hex(kOrder).value(); }
Bytes plus_order(ByteView n) {
  const Number sum(BN_new());
  BN_add(sum.get(), number(n).get(), number(order()).get());
  return magnitude(sum);
}
Bytes order_minus(ByteView n) {
  const Number difference(BN_new());
  BN_sub(difference.get(), number(order()).get(), number(n).get());
  return magnitude(difference);
}

Bytes element(std::uint8_t tag, ByteView body) {
  Bytes out = {tag, static_cast<std::uint8_t>(body.size())};
  put_bytes(out, body);
  return out;
}
// The same with its length in two bytes, which is BER.
Bytes long_element(std::uint8_t tag, ByteView body) {
  Bytes out = {tag, 0x81, static_cast<std::uint8_t>(body.size())};
  put_bytes(out, body);
  return out;
}
Bytes join(ByteView a, ByteView b) {
  Bytes out(a.begin(), a.end());
  put_bytes(out, b);
  return out;
}
// As DER wants it.
Bytes integer(Bytes magnitude) {
  if (magnitude.empty() || magnitude[0] >= 0x80) {
    magnitude.insert(magnitude.begin(), 0);
  }
  return element(2, magnitude);
}
Bytes value(ByteView r, ByteView s) { return element(0x30, join(r, s)); }

// A good signature, taken apart. Both numbers have their top bit set, which
// one in four signatures does, so that leaving out the zero makes them
// negative.
struct Parts {
  Bytes r, s;  // magnitudes
};
Parts good_parts() {
  while (true) {
    const Bytes signature = p256().sign(as_bytes(kMessage));
    ByteReader in(ByteView(signature).subspan(2));
    Parts parts;
    for (Bytes* n : {&parts.r, &parts.s}) {
      REQUIRE(in.uint(1) == 2);
      const auto body = in.vector(1).value();
      *n = magnitude(number(body));
    }
    if (parts.r[0] >= 0x80 && parts.s[0] >= 0x80) return parts;
  }
}

void check_ecdsa(ByteView signature, Verdict expected) {
  static const Both both(p256());
  both.check(signed_with(3, signature), expected);
}

}  // namespace

TEST_CASE("both libraries take good signatures", "[ctlog][bulk_verifier]") {
  for (const TestKey& key : {p256(), rsa2048(), TestKey::rsa(3072)}) {
    const Both both(key);
    for (int i = 0; i < 20; ++i) {
      const std::string message = "message " + std::to_string(i);
      both.check(as_bytes(message), key.digitally_sign(as_bytes(message)),
                 Verdict::kHolds);
    }
    both.check({}, key.digitally_sign({}), Verdict::kHolds);
  }
}

TEST_CASE("both libraries see every flipped bit", "[ctlog][bulk_verifier]") {
  const bool rsa = GENERATE(false, true);
  const TestKey& key = rsa ? rsa2048() : p256();
  const Both both(key);
  const Bytes good = key.digitally_sign(as_bytes(kMessage));
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += rsa ? 5 : 1) {
    CAPTURE(rsa, bit);
    Bytes bad = good;
    bad[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    // The first four bytes are the struct's own.
    both.check(bad, bit < 32 ? Verdict::kMalformed : Verdict::kUntrusted);
  }
}

TEST_CASE("both libraries refuse another key's, another message's signature",
          "[ctlog][bulk_verifier]") {
  for (const auto& [key, other] : {std::pair{p256(), TestKey::p256()},
                                   std::pair{rsa2048(), TestKey::rsa(2048)}}) {
    const Both both(key);
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    both.check(as_bytes("what it did not"), good, Verdict::kUntrusted);
    both.check({}, good, Verdict::kUntrusted);
    both.check(other.digitally_sign(as_bytes(kMessage)), Verdict::kUntrusted);
  }
  // Longer and shorter than the modulus.
  for (const unsigned bits : {3072u, 4096u}) {
    const TestKey other = TestKey::rsa(bits);
    const Both shorter(rsa2048()), longer(other);
    shorter.check(other.digitally_sign(as_bytes(kMessage)),
                  Verdict::kUntrusted);
    longer.check(rsa2048().digitally_sign(as_bytes(kMessage)),
                 Verdict::kUntrusted);
  }
}

TEST_CASE("both libraries go by the struct's hash, algorithm and length",
          "[ctlog][bulk_verifier]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const Both both(key);
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    for (unsigned n = 0; n < 256; ++n) {
      Bytes bad = good;
      bad[0] = static_cast<std::uint8_t>(n);
      both.check(bad, bad == good ? Verdict::kHolds : Verdict::kMalformed);
      bad = good;
      bad[1] = static_cast<std::uint8_t>(n);
      both.check(bad, bad == good ? Verdict::kHolds : Verdict::kMalformed);
    }
    for (std::size_t n = 0; n < good.size(); ++n) {
      const ByteView cut = ByteView(good).first(n);
      both.check(Bytes(cut.begin(), cut.end()), Verdict::kMalformed);
      // Cut short within the struct, which says so.
      if (n < 4) continue;
      both.check(signed_with(good[1], cut.subspan(4)), Verdict::kUntrusted);
    }
    Bytes longer = good;
    longer.push_back(0);
    both.check(longer, Verdict::kMalformed);
    both.check(signed_with(good[1], ByteView(longer).subspan(4)),
               Verdict::kUntrusted);
    Bytes shifted(ByteView(good).begin() + 4, ByteView(good).end());
    shifted.insert(shifted.begin(), 0);
    both.check(signed_with(good[1], shifted), Verdict::kUntrusted);
  }
}

TEST_CASE("an ECDSA signature may have any s, but only one encoding",
          "[ctlog][bulk_verifier]") {
  const auto [r, s] = good_parts();
  const Bytes whole = value(integer(r), integer(s));
  check_ecdsa(whole, Verdict::kHolds);
  // RFC 6962 asks for no low s.
  check_ecdsa(value(integer(r), integer(order_minus(s))), Verdict::kHolds);

  const auto padded = [](const Bytes& n) {
    return element(2, join(Bytes{0, 0}, n));
  };
  const auto negative = [](const Bytes& n) { return element(2, n); };
  const auto long_length = [](const Bytes& n) {
    return long_element(2, join(Bytes{0}, n));
  };
  for (const auto& wrong : std::vector<std::function<Bytes(const Bytes&)>>{
           padded, negative, long_length}) {
    check_ecdsa(value(wrong(r), integer(s)), Verdict::kUntrusted);
    check_ecdsa(value(integer(r), wrong(s)), Verdict::kUntrusted);
  }
  const Bytes body = join(integer(r), integer(s));
  const Bytes end = {0, 0};
  for (const Bytes& bad :
       {long_element(0x30, body), element(0x31, body), element(0x10, body),
        join(join(Bytes{0x30, 0x80}, body), end),  // indefinite length
        element(0x30, join(body, end)), join(whole, end),
        element(0x30, join(body, integer({1}))), element(0x30, integer(r)),
        element(0x30, join(element(4, r), integer(s))), body, Bytes{},
        Bytes{0x30}, Bytes{0x30, 0}, value({}, {}),
        value(element(2, {}), integer(s)), value(integer(r), element(2, {})),
        value(Bytes{2}, integer(s)), value(integer(s), integer(r)),
        signed_with(3, whole)}) {
    CAPTURE(to_hex(bad));
    check_ecdsa(bad, Verdict::kUntrusted);
  }
}

TEST_CASE("numbers out of range make no ECDSA signature",
          "[ctlog][bulk_verifier]") {
  const auto [r, s] = good_parts();
  const Bytes zero = {0}, one = {1}, n = order();
  const Bytes huge(32, 0xff), longer(40, 0x7f);
  for (const Bytes& bad : {zero, n, huge, longer, plus_order(one)}) {
    CAPTURE(to_hex(bad));
    check_ecdsa(value(integer(bad), integer(s)), Verdict::kUntrusted);
    check_ecdsa(value(integer(r), integer(bad)), Verdict::kUntrusted);
    check_ecdsa(value(integer(bad), integer(bad)), Verdict::kUntrusted);
  }
  // The same numbers modulo n.
  check_ecdsa(value(integer(plus_order(r)), integer(s)), Verdict::kUntrusted);
  check_ecdsa(value(integer(r), integer(plus_order(s))), Verdict::kUntrusted);
  check_ecdsa(value(integer(one), integer(one)), Verdict::kUntrusted);
}

TEST_CASE("a length of one byte is below 128", "[ctlog][bulk_verifier]") {
  const auto opens = [](std::size_t each) {
    const Bytes n(each, 0x7f);
    const Bytes whole = signed_with(3, value(integer(n), integer(n)));
    return open_digitally_signed(whole, SignatureAlgorithm::kEcdsa);
  };
  CHECK(opens(61));
  CHECK_FALSE(opens(62));
}

TEST_CASE("numbers that are no signature of the RSA key's are refused by both",
          "[ctlog][bulk_verifier]") {
  const Both both(rsa2048());
  const std::size_t size = 256;
  for (const std::uint8_t fill : {0x00, 0x01, 0xff}) {
    both.check(signed_with(1, Bytes(size, fill)), Verdict::kUntrusted);
  }
  both.check(signed_with(1, {}), Verdict::kUntrusted);
}

TEST_CASE("an SCT is digested as its log did it", "[ctlog][bulk_verifier]") {
  const Bytes tbs(300, 0x30), other_tbs(2000, 0x31);
  const Bytes index = encode_leaf_index_extension(77);
  SignedPrecert entry;
  for (const TestKey& log : {p256(), rsa2048()}) {
    const Both both(log);
    for (const Bytes& bytes : {tbs, other_tbs, tbs}) {
      for (const Bytes& extensions : {index, Bytes{}}) {
        Leaf leaf;
        leaf.type = EntryType::kPrecert;
        leaf.issuer_key_hash.fill(7);
        leaf.certificate = bytes;
        leaf.timestamp = 1'700'000'000'000;
        leaf.extensions = extensions;
        const Bytes wire =
            test::sct_over(log, encode_leaf(leaf), leaf.timestamp, extensions);
        const auto sct = parse_sct(wire).value();
        REQUIRE(entry.assign(leaf.issuer_key_hash, bytes));
        CHECK(entry.digest(sct) == sha256(encode_leaf(leaf)));
        CHECK(both.fast().verify(sct, entry));

        const auto fails = [&](const SignedCertificateTimestamp& s,
                               Verdict expected) {
          CHECK(verdict(both.fast().verify(s, entry)) == expected);
          CHECK(verdict(verify_sct(both.slow(), s, leaf)) == expected);
        };
        auto bad = sct;
        bad.timestamp ^= 1ll << 56;
        fails(bad, Verdict::kUntrusted);
        bad = sct;
        bad.extensions = ByteView(tbs).first(3);
        fails(bad, Verdict::kUntrusted);
        bad = sct;
        bad.log_id[0] ^= 1;
        fails(bad, Verdict::kMalformed);
        bad = sct;
        bad.signature = bad.signature.first(7);
        fails(bad, Verdict::kMalformed);
        const Bytes huge(1u << 16);
        bad = sct;
        bad.extensions = huge;
        fails(bad, Verdict::kMalformed);

        Hash other = leaf.issuer_key_hash;
        other[31] ^= 1;
        REQUIRE(entry.assign(other, bytes));
        CHECK(verdict(both.fast().verify(sct, entry)) == Verdict::kUntrusted);
      }
    }
  }
  const auto too_long = entry.assign({}, Bytes(1u << 24));
  REQUIRE_FALSE(too_long);
  CHECK(too_long.error().code == Errc::kMalformed);
}

TEST_CASE("one verifier serves many threads side by side",
          "[ctlog][bulk_verifier]") {
  for (const TestKey& key : {p256(), rsa2048()}) {
    const Both both(key);
    const Bytes good = key.digitally_sign(as_bytes(kMessage));
    Bytes bad = good;
    bad.back() ^= 1;
    const Hash digest = sha256(as_bytes(kMessage));
    std::atomic<int> wrong = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, copy = both.fast()] {
          for (int i = 0; i < 50; ++i) {
            if (!copy.verify_digest(digest, good)) ++wrong;
            if (copy.verify_digest(digest, bad)) ++wrong;
          }
        });
      }
    }
    CHECK(wrong == 0);
  }
}

}  // namespace ct::ctlog
