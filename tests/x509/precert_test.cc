#include "x509/precert.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"

namespace ct::x509 {
namespace {

using test::MadeCertificate;

// The parsed certificate and the bytes it looks into.
struct Parsed {
  explicit Parsed(const MadeCertificate& made) : bytes(made.certificate()) {
    auto c = parse_certificate(bytes);
    REQUIRE(c);
    certificate = std::move(*c);
  }
  Parsed(const Parsed&) = delete;
  Bytes bytes;
  Certificate certificate;
};

MadeCertificate with(std::vector<Bytes> extensions) {
  MadeCertificate made;
  made.extensions = std::move(extensions);
  return made;
}

std::string log_tbs_hex(const MadeCertificate& made) {
  const Parsed p(made);
  const auto tbs = log_tbs(p.certificate);
  REQUIRE(tbs);
  return to_hex(*tbs);
}

std::string log_tbs_hex(const MadeCertificate& made,
                        const MadeCertificate& ca) {
  const Parsed p(made), signer(ca);
  const auto tbs = log_tbs(p.certificate, signer.certificate);
  REQUIRE(tbs);
  return to_hex(*tbs);
}

const Bytes kSan = test::san({test::dns("example.com")});

TEST_CASE("poison and SCT list leave, the rest stays in order",
          "[x509][precert]") {
  const Bytes a = test::subject_key_id(1), b = test::basic_constraints(false);
  const auto plain = to_hex(with({a, kSan, b}).tbs());
  CHECK(log_tbs_hex(with({a, kSan, b})) == plain);
  CHECK(log_tbs_hex(with({a, test::poison(), kSan, b})) == plain);
  CHECK(log_tbs_hex(with({test::sct_list(Bytes(300, 1)), a, kSan, b})) ==
        plain);
  CHECK(log_tbs_hex(with({a, kSan, b, test::poison(), test::poison()})) ==
        plain);
}

TEST_CASE("precertificate and final certificate are one issuance",
          "[x509][precert]") {
  const Parsed pre(with({kSan, test::poison()}));
  const Parsed final_one(with({kSan, test::sct_list(Bytes(120, 7))}));
  const Parsed other(with({kSan, test::basic_constraints(false)}));
  const auto hash = tbs_sha256(pre.certificate);
  REQUIRE(hash);
  CHECK(*hash == tbs_sha256(final_one.certificate).value());
  CHECK(*hash != tbs_sha256(other.certificate).value());
  CHECK(*hash == sha256(with({kSan}).tbs()));
  CHECK(spki_sha256(pre.certificate) == sha256(test::ec_spki()));
}

TEST_CASE("no extension left, none written", "[x509][precert]") {
  CHECK(log_tbs_hex(with({test::poison()})) == to_hex(with({}).tbs()));
}

TEST_CASE("lengths are rebuilt as DER", "[x509][precert]") {
  // Poison is what makes the TBS longer than 255 bytes.
  MadeCertificate made = with({kSan, test::poison()});
  made.spki = test::ec_spki();
  const auto tbs = *from_hex(log_tbs_hex(made));
  CHECK(tbs == with({kSan}).tbs());
  CHECK(made.tbs().size() - tbs.size() == test::poison().size());
}

TEST_CASE("unique ids stay where they are", "[x509][precert]") {
  MadeCertificate made = with({kSan, test::poison()});
  made.unique_ids = der::context(1, Bytes{0, 1});
  MadeCertificate expected = with({kSan});
  expected.unique_ids = made.unique_ids;
  CHECK(log_tbs_hex(made) == to_hex(expected.tbs()));
}

TEST_CASE("the log's TBS reparses and is stable", "[x509][precert]") {
  const Parsed p(test::realistic_certificate());
  const auto tbs = log_tbs(p.certificate);
  REQUIRE(tbs);
  const auto again = parse_tbs(*tbs);
  REQUIRE(again);
  CHECK(log_tbs(*again).value() == *tbs);
  CHECK(again->extensions.size() == p.certificate.extensions.size() - 1);
  CHECK(again->oddities.empty());
}

TEST_CASE("the bulk path finds what the parser finds", "[x509][precert]") {
  const Bytes list(120, 7), other(30, 8);
  const auto odd = [](ByteView value) {
    return der::extension("1.3.6.1.4.1.11129.2.4.2", false, value);
  };
  const std::vector<std::vector<Bytes>> cases = {
      {},
      {kSan},
      {kSan, test::sct_list(list)},
      {test::sct_list(list), test::sct_list(other)},
      {odd(der::null()), test::sct_list(other)},
      {odd({}), kSan},
      {odd(test::join({der::octet_string(list), der::null()}))},
      {der::null(), test::sct_list(list)},
      {der::sequence({der::oid("1.3.6.1.4.1.11129.2.4.2")}),
       test::sct_list(list)}};
  for (const auto& extensions : cases) {
    const Parsed p(with(extensions));
    const auto found = find_sct_list(p.bytes);
    REQUIRE(found.has_value() == p.certificate.sct_list.has_value());
    if (found) CHECK(std::ranges::equal(*found, *p.certificate.sct_list));
    const auto tbs = log_tbs(p.bytes), slow = log_tbs(p.certificate);
    REQUIRE(tbs.has_value() == slow.has_value());
    if (tbs) CHECK(*tbs == *slow);
  }
  const Bytes whole = with({kSan, test::sct_list(list)}).certificate();
  CHECK(std::ranges::equal(find_sct_list(whole).value(), list));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CHECK_FALSE(find_sct_list(ByteView(whole).first(n)));
    CHECK_FALSE(log_tbs(ByteView(whole).first(n)));
  }
}

// A precert-signing CA: issued by "Made CA 1", whose key id it names.
MadeCertificate signing_ca(std::vector<Bytes> extensions) {
  MadeCertificate ca = with(std::move(extensions));
  ca.subject = test::name({test::cn("Precert signer")});
  return ca;
}

TEST_CASE("a precert-signing CA lends its issuer and key id",
          "[x509][precert]") {
  const auto pre = [](std::vector<Bytes> extensions) {
    MadeCertificate made = with(std::move(extensions));
    made.issuer = test::name({test::cn("Precert signer")});
    return made;
  };
  const Bytes aki1 = test::authority_key_id(1),
              aki2 = test::authority_key_id(2);

  SECTION("replaced in place, with its criticality") {
    CHECK(log_tbs_hex(pre({aki1, test::poison(), kSan}),
                      signing_ca({kSan, aki2})) ==
          to_hex(with({aki2, kSan}).tbs()));
    const auto critical = [](std::uint8_t fill) {
      return der::extension("2.5.29.35", true,
                            der::sequence({der::context(0, Bytes(20, fill))}));
    };
    CHECK(log_tbs_hex(pre({critical(1), test::poison(), kSan}),
                      signing_ca({aki2})) ==
          to_hex(with({critical(2), kSan}).tbs()));
  }
  SECTION("dropped") {
    CHECK(log_tbs_hex(pre({aki1, test::poison(), kSan}), signing_ca({kSan})) ==
          to_hex(with({kSan}).tbs()));
  }
  SECTION("appended") {
    CHECK(log_tbs_hex(pre({kSan, test::poison()}), signing_ca({aki2})) ==
          to_hex(with({kSan, aki2}).tbs()));
  }
  SECTION("neither has one") {
    CHECK(log_tbs_hex(pre({kSan, test::poison()}), signing_ca({kSan})) ==
          to_hex(with({kSan}).tbs()));
  }
}

TEST_CASE("what does not parse is not rebuilt", "[x509][precert]") {
  MadeCertificate odd = with({kSan, der::null()});
  const Parsed p(odd);
  const auto tbs = log_tbs(p.certificate);
  REQUIRE_FALSE(tbs);
  CHECK(tbs.error().code == Errc::kMalformed);

  MadeCertificate twice = with({kSan});
  twice.unique_ids = der::context_constructed(3, der::sequence({kSan}));
  const Parsed q(twice);
  CHECK_FALSE(log_tbs(q.certificate));
  CHECK_FALSE(tbs_sha256(q.certificate));
  CHECK_FALSE(log_tbs(Certificate{}));

  const Parsed good(with({kSan}));
  CHECK_FALSE(log_tbs(good.certificate, q.certificate));
  CHECK_FALSE(log_tbs(good.certificate, p.certificate));
}

}  // namespace
}  // namespace ct::x509
