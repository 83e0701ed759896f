#include "monitor/demo/local_ca.h"

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/sha256.h"
#include "tests/support/catch.h"
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/precert.h"

namespace ct::monitor::demo {
namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* p) const {
    free(p);
  }
};
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Chain = std::unique_ptr<STACK_OF(X509), Free<[](STACK_OF(X509) * s) {
                                sk_X509_pop_free(s, X509_free);
                              }>>;

// OpenSSL's reading; null unless it takes every byte.
Certificate read(ByteView der) {
  const std::uint8_t* p = der.data();
  Certificate c(d2i_X509(nullptr, &p, static_cast<long>(der.size())));
  if (p != der.data() + der.size()) c.reset();
  return c;
}

bool signed_by(ByteView certificate, ByteView issuer) {
  const Certificate c = read(certificate), i = read(issuer);
  return c && i && X509_verify(c.get(), X509_get0_pubkey(i.get())) == 1;
}

// OpenSSL's verdict on leaf and chain under the root, as a TLS client's.
std::string verdict(const LocalCa& ca, ByteView leaf) {
  const std::unique_ptr<X509_STORE, Free<X509_STORE_free>> store(
      X509_STORE_new());
  const Certificate root = read(ca.root());
  X509_STORE_add_cert(store.get(), root.get());
  const Chain chain(sk_X509_new_null());
  sk_X509_push(chain.get(), read(ca.intermediate()).release());
  const std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>> context(
      X509_STORE_CTX_new());
  const Certificate certificate = read(leaf);
  if (!certificate) return "not a certificate";
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(),
                      chain.get());
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  X509_verify_cert(context.get());
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

CertificateSpec spec_for(std::string_view name) {
  CertificateSpec spec;
  spec.names = dns_names({name});
  spec.common_name = name;
  return spec;
}

Bytes log_tbs(ByteView der) {
  const auto certificate = x509::parse_certificate(der);
  REQUIRE(certificate);
  const auto tbs = x509::log_tbs(*certificate);
  REQUIRE(tbs);
  return *tbs;
}

}  // namespace

TEST_CASE("OpenSSL accepts what the local CA issues", "[monitor][local_ca]") {
  const LocalCa ca({"Test Trust", GENERATE(SigningKey::Kind::kP256,
                                           SigningKey::Kind::kRsa2048)});
  const Bytes leaf = ca.issue(spec_for("www.example.com"));

  CHECK(verdict(ca, leaf) == "ok");
  const Certificate read_leaf = read(leaf);
  REQUIRE(read_leaf);
  CHECK(X509_check_host(read_leaf.get(), "www.example.com", 0, 0, nullptr) ==
        1);
  CHECK(X509_check_host(read_leaf.get(), "example.com", 0, 0, nullptr) == 0);

  const LocalCa other({"Other Trust"});
  CHECK(verdict(other, leaf) != "ok");
}

TEST_CASE("a final certificate carries its SCT list and stays valid",
          "[monitor][local_ca]") {
  const LocalCa ca({});
  const Issuance issuance = ca.precertify(spec_for("www.example.com"));
  const std::vector<Bytes> scts = {Bytes(50, 1), Bytes(60, 2)};
  const Bytes final = ca.finish(issuance, scts);

  CHECK(verdict(ca, final) == "ok");
  // The poison is critical and unknown to every client: RFC 6962, section 3.1.
  CHECK(verdict(ca, issuance.precertificate) == "unhandled critical extension");
  CHECK(signed_by(issuance.precertificate, ca.intermediate()));

  const auto parsed = x509::parse_certificate(final);
  REQUIRE(parsed);
  REQUIRE(parsed->sct_list);
  CHECK(parsed->sct_list->size() == 2 + 2 + 50 + 2 + 60);
  CHECK_FALSE(parsed->has_poison);
  CHECK(x509::parse_certificate(issuance.precertificate)->has_poison);
}

TEST_CASE("precertificate and final certificate share the TBS that logs hash",
          "[monitor][local_ca]") {
  const LocalCa ca({});
  const Issuance issuance = ca.precertify(spec_for("www.example.com"));
  const Bytes final = ca.finish(issuance, std::vector<Bytes>{Bytes(50, 1)});

  CHECK(log_tbs(issuance.precertificate) == issuance.tbs);
  CHECK(log_tbs(final) == issuance.tbs);

  const Issuance another = ca.precertify(spec_for("www.example.com"));
  CHECK(another.tbs != issuance.tbs);  // its serial is its own
}

TEST_CASE("a precert signing CA leads to the issuing CA's TBS",
          "[monitor][local_ca]") {
  const LocalCa ca({});
  const Issuance issuance = ca.precertify(spec_for("www.example.com"),
                                          PrecertSigner::kPrecertSigningCa);
  CHECK(signed_by(issuance.precertificate, ca.precert_signing_ca()));
  CHECK_FALSE(signed_by(issuance.precertificate, ca.intermediate()));
  CHECK(issuance.chain == std::vector<Bytes>{ca.precert_signing_ca(),
                                             ca.intermediate(), ca.root()});

  const auto precert = x509::parse_certificate(issuance.precertificate);
  const auto signer = x509::parse_certificate(ca.precert_signing_ca());
  REQUIRE(precert);
  REQUIRE(signer);
  CHECK(signer->is_precert_signing_ca);
  const auto tbs = x509::log_tbs(*precert, *signer);
  REQUIRE(tbs);
  CHECK(*tbs == issuance.tbs);
  CHECK(log_tbs(ca.finish(issuance, {})) == issuance.tbs);
  CHECK(issuance.issuer_key_hash ==
        x509::spki_sha256(*x509::parse_certificate(ca.intermediate())));
}

TEST_CASE("every kind of name goes in as given", "[monitor][local_ca]") {
  const LocalCa ca({});
  CertificateSpec spec;
  spec.organization = "Example Ltd";
  spec.common_name = "cn.example";
  spec.names = {dns_name("*.example.com"),
                email_name("ops@example.com"),
                uri_name("https://example.com/x"),
                ip_name(Bytes{192, 0, 2, 1}),
                directory_name(distinguished_name("Org in SAN", "dir.example")),
                dns_name(std::string_view("a\0b.example", 11))};
  spec.serial = {0x00, 0x80};
  spec.not_before = 1'700'000'000;
  spec.not_after = 2'600'000'000;  // after 2049: GeneralizedTime
  const Bytes der = ca.issue(spec);
  REQUIRE(read(der));

  const auto parsed = x509::parse_certificate(der);
  REQUIRE(parsed);
  CHECK(parsed->not_before == spec.not_before);
  CHECK(parsed->not_after == spec.not_after);
  CHECK(Bytes(parsed->serial.begin(), parsed->serial.end()) == spec.serial);
  std::vector<std::string> names;
  for (const x509::Name& n : parsed->names) {
    if (n.kind != x509::NameKind::kDirectory) {
      names.emplace_back(as_text(n.value));
    }
  }
  for (const std::string& name :
       {std::string("*.example.com"), std::string("ops@example.com"),
        std::string("https://example.com/x"), std::string("\xc0\0\2\1", 4),
        std::string("Org in SAN"), std::string("dir.example"),
        std::string("a\0b.example", 11), std::string("Example Ltd"),
        std::string("cn.example")}) {
    CAPTURE(name);
    CHECK(std::count(names.begin(), names.end(), name) == 1);
  }
}

TEST_CASE("certificates can be broken on purpose", "[monitor][local_ca]") {
  const LocalCa ca({});
  CertificateSpec spec = spec_for("www.example.com");
  spec.mangle = [](Bytes tbs) {
    tbs.resize(tbs.size() - 7);  // what the outer length promises is not there
    return tbs;
  };
  CHECK_FALSE(read(ca.issue(spec)));
  CHECK_FALSE(read(ca.precertify(spec).precertificate));
  CHECK_FALSE(read(ca.finish(ca.precertify(spec), {})));

  const Bytes junk = {0xde, 0xad};
  const Bytes around_junk = ca.sign_tbs(junk);
  x509::DerReader reader(around_junk);
  const auto outer = reader.expect(x509::tag::kSequence);
  REQUIRE(outer);
  CHECK(outer->body[0] == 0xde);
}

TEST_CASE("a request is signed by the key it asks for", "[monitor][local_ca]") {
  const LocalCa ca({});
  CertificateSpec spec = spec_for("www.example.com");
  spec.key = SigningKey::generate();
  const Bytes der = ca.csr(spec);
  const std::uint8_t* p = der.data();
  const std::unique_ptr<X509_REQ, Free<X509_REQ_free>> request(
      d2i_X509_REQ(nullptr, &p, static_cast<long>(der.size())));
  REQUIRE(request);
  CHECK(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())) ==
        1);
  const std::unique_ptr<X509_EXTENSIONS, Free<[](X509_EXTENSIONS* e) {
                          sk_X509_EXTENSION_pop_free(e, X509_EXTENSION_free);
                        }>>
      asked(X509_REQ_get_extensions(request.get()));
  REQUIRE(asked);
  CHECK(X509v3_get_ext_by_NID(asked.get(), NID_subject_alt_name, -1) == 0);
}

}  // namespace ct::monitor::demo
