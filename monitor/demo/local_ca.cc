#include "monitor/demo/local_ca.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <chrono>
#include <fstream>
#include <stdexcept>

#include "base/sha256.h"
#include "x509/certificate.h"
#include "x509/der.h"
#include "x509/der_writer.h"

namespace ct::monitor::demo {
namespace {

namespace der = x509::der;
namespace tag = x509::tag;

constexpr Seconds kDay = 86'400;

Bytes to_bytes(std::string_view s) { return {s.begin(), s.end()}; }

Bytes bit_string(ByteView bits) {
  Bytes body = {0};  // no unused bits
  put_bytes(body, bits);
  return der::element(tag::kBitString, body);
}

// Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }
Bytes extension(std::string_view oid, bool critical, ByteView value) {
  const Bytes octets = der::element(tag::kOctetString, value);
  if (!critical) return der::sequence({der::oid(oid), octets});
  const Bytes yes = der::element(tag::kBoolean, Bytes{0xff});
  return der::sequence({der::oid(oid), yes, octets});
}

// RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime after.
Bytes time(Seconds t) {
  using namespace std::chrono;
  const sys_seconds at{seconds(t)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  const int year = int(date.year());
  const bool utc = year >= 1950 && year < 2050;
  const std::string text = fmt::format(
      "{:0{}}{:02}{:02}{:02}{:02}{:02}Z", utc ? year % 100 : year, utc ? 2 : 4,
      unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
      clock.minutes().count(), clock.seconds().count());
  return der::element(utc ? tag::kUtcTime : tag::kGeneralizedTime,
                      as_bytes(text));
}

Bytes attribute(std::string_view oid, std::string_view value) {
  const Bytes text = der::element(tag::kUtf8String, as_bytes(value));
  return der::element(tag::kSet, der::sequence({der::oid(oid), text}));
}

// RFC 5280, section 4.2.1.2, method 1, with SHA-256 cut to 20 bytes.
Bytes key_id(const SigningKey& key) {
  const Hash& h = key.spki_sha256();
  return {h.begin(), h.begin() + 20};
}

Bytes authority_key_id(const SigningKey& key) {
  const Bytes id = der::element(tag::context(0), key_id(key));
  return extension("2.5.29.35", false, der::sequence({id}));
}

Bytes subject_key_id(const SigningKey& key) {
  return extension("2.5.29.14", false,
                   der::element(tag::kOctetString, key_id(key)));
}

Bytes alternative_names(const std::vector<GeneralName>& names) {
  Bytes list;
  for (const GeneralName& n : names) {
    put_bytes(list, der::element(n.tag, n.body));
  }
  return extension("2.5.29.17", false, der::element(tag::kSequence, list));
}

Bytes poison() {
  return extension("1.3.6.1.4.1.11129.2.4.3", true,
                   der::element(tag::kNull, {}));
}

// RFC 6962, section 3.3: the list is an OCTET STRING within the extnValue.
Bytes sct_list(std::span<const Bytes> scts) {
  Bytes body;
  for (const Bytes& sct : scts) {
    put_uint(body, sct.size(), 2);
    put_bytes(body, sct);
  }
  Bytes list;
  put_uint(list, body.size(), 2);
  put_bytes(list, body);
  return extension("1.3.6.1.4.1.11129.2.4.2", false,
                   der::element(tag::kOctetString, list));
}

Bytes tbs_certificate(ByteView fields, ByteView extensions) {
  const Bytes list = der::element(tag::kSequence, extensions);
  return der::sequence(
      {fields, der::element(tag::context_constructed(3), list)});
}

Bytes certificate(ByteView tbs, const SigningKey& key) {
  return der::sequence({tbs, key.algorithm(), bit_string(key.sign(tbs))});
}

Bytes random_serial() {
  Bytes serial(16);
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    throw std::runtime_error("libcrypto: no random bytes");
  }
  // Positive, and as long as it looks.
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x3f) | 0x40);
  return serial;
}

Bytes subject_of(const CertificateSpec& spec) {
  return spec.subject.empty()
             ? distinguished_name(spec.organization, spec.common_name)
             : spec.subject;
}

Bytes mangled(const std::function<Bytes(Bytes)>& mangle, Bytes tbs) {
  return mangle ? mangle(std::move(tbs)) : tbs;
}

}  // namespace

GeneralName dns_name(std::string_view name) {
  return {tag::context(2), to_bytes(name)};
}
GeneralName email_name(std::string_view address) {
  return {tag::context(1), to_bytes(address)};
}
GeneralName uri_name(std::string_view uri) {
  return {tag::context(6), to_bytes(uri)};
}
GeneralName ip_name(ByteView octets) {
  return {tag::context(7), {octets.begin(), octets.end()}};
}
GeneralName directory_name(ByteView distinguished_name) {
  return {tag::context_constructed(4),
          {distinguished_name.begin(), distinguished_name.end()}};
}

std::vector<GeneralName> dns_names(
    std::initializer_list<std::string_view> names) {
  std::vector<GeneralName> out;
  for (const std::string_view name : names) out.push_back(dns_name(name));
  return out;
}

Bytes distinguished_name(std::string_view organization,
                         std::string_view common_name) {
  Bytes rdns;
  if (!organization.empty()) {
    put_bytes(rdns, attribute("2.5.4.10", organization));
  }
  if (!common_name.empty()) put_bytes(rdns, attribute("2.5.4.3", common_name));
  return der::element(tag::kSequence, rdns);
}

LocalCa::LocalCa(const Options& options)
    : root_key_(SigningKey::generate(options.key)),
      intermediate_key_(SigningKey::generate(options.key)),
      precert_key_(SigningKey::generate(options.key)),
      subject_key_(SigningKey::generate(options.key)),
      root_name_(distinguished_name(options.organization,
                                    options.organization + " Root")),
      intermediate_name_(distinguished_name(options.organization,
                                            options.organization + " CA 1")),
      precert_name_(distinguished_name(
          options.organization, options.organization + " Precert Signer")) {
  const Issuer root{root_name_, root_key_};
  const Issuer intermediate{intermediate_name_, intermediate_key_};
  root_ = ca_certificate(root_name_, root_key_, root, false);
  intermediate_ =
      ca_certificate(intermediate_name_, intermediate_key_, root, false);
  precert_signer_ =
      ca_certificate(precert_name_, precert_key_, intermediate, true);
}

std::vector<Bytes> LocalCa::chain() const { return {intermediate_, root_}; }

Bytes LocalCa::ca_certificate(ByteView subject, const SigningKey& key,
                              const Issuer& issuer,
                              bool precert_signing) const {
  CertificateSpec spec;
  spec.subject.assign(subject.begin(), subject.end());
  spec.key = key;
  spec.not_before = now_millis() / 1000 - kDay;
  spec.not_after = spec.not_before + 3650 * kDay;

  // basicConstraints { cA TRUE }; keyUsage keyCertSign and cRLSign.
  const Bytes yes = der::element(tag::kBoolean, Bytes{0xff});
  Bytes all = extension("2.5.29.19", true, der::sequence({yes}));
  put_bytes(all, extension("2.5.29.15", true,
                           der::element(tag::kBitString, Bytes{1, 0x06})));
  if (precert_signing) {
    put_bytes(all,
              extension("2.5.29.37", false,
                        der::sequence({der::oid("1.3.6.1.4.1.11129.2.4.4")})));
  }
  put_bytes(all, subject_key_id(key));
  put_bytes(all, authority_key_id(issuer.key));
  return certificate(tbs_certificate(fields(spec, issuer), all), issuer.key);
}

// TBSCertificate ::= SEQUENCE { version [0], serialNumber, signature, issuer,
//   validity, subject, subjectPublicKeyInfo, … extensions [3] }
Bytes LocalCa::fields(const CertificateSpec& spec, const Issuer& issuer) const {
  const Seconds from =
      spec.not_before ? spec.not_before : now_millis() / 1000 - 3600;
  const Seconds to = spec.not_after ? spec.not_after : from + 90 * kDay - 1;
  const Bytes v3 = der::element(tag::context_constructed(0), der::integer(2));
  const Bytes serial = der::element(
      tag::kInteger, spec.serial.empty() ? random_serial() : spec.serial);
  const SigningKey& key = spec.key ? *spec.key : subject_key_;
  return der::concat({v3, serial, issuer.key.algorithm(), issuer.subject,
                      der::sequence({time(from), time(to)}), subject_of(spec),
                      key.spki()});
}

Bytes LocalCa::extensions(const CertificateSpec& spec,
                          const Issuer& issuer) const {
  const SigningKey& key = spec.key ? *spec.key : subject_key_;
  // keyUsage digitalSignature; serverAuth; basicConstraints { }.
  Bytes all = extension("2.5.29.15", true,
                        der::element(tag::kBitString, Bytes{7, 0x80}));
  put_bytes(all, extension("2.5.29.37", false,
                           der::sequence({der::oid("1.3.6.1.5.5.7.3.1")})));
  put_bytes(all, extension("2.5.29.19", true, der::sequence({})));
  put_bytes(all, subject_key_id(key));
  put_bytes(all, authority_key_id(issuer.key));
  if (!spec.names.empty()) put_bytes(all, alternative_names(spec.names));
  put_bytes(all, spec.extensions);
  return all;
}

Bytes LocalCa::issue(const CertificateSpec& spec) const {
  const Issuer issuer{intermediate_name_, intermediate_key_};
  return sign_tbs(
      mangled(spec.mangle,
              tbs_certificate(fields(spec, issuer), extensions(spec, issuer))));
}

Issuance LocalCa::precertify(const CertificateSpec& given,
                             PrecertSigner signer) const {
  CertificateSpec spec = given;
  // Chosen once: precertificate and final certificate must agree.
  if (spec.serial.empty()) spec.serial = random_serial();
  if (!spec.not_before) spec.not_before = now_millis() / 1000 - 3600;

  const Issuer issuer{intermediate_name_, intermediate_key_};
  Issuance out;
  out.mangle = spec.mangle;
  out.fields = fields(spec, issuer);
  out.extensions = extensions(spec, issuer);
  out.tbs = mangled(spec.mangle, tbs_certificate(out.fields, out.extensions));
  out.issuer_key_hash = intermediate_key_.spki_sha256();
  out.chain = chain();

  // A signing CA puts itself into the precertificate, as issuer and as
  // authority key; the log puts the issuing CA back.
  const bool delegated = signer == PrecertSigner::kPrecertSigningCa;
  const Issuer signing =
      delegated ? Issuer{precert_name_, precert_key_} : issuer;
  if (delegated) out.chain.insert(out.chain.begin(), precert_signer_);
  const Bytes tbs =
      tbs_certificate(fields(spec, signing),
                      der::concat({extensions(spec, signing), poison()}));
  out.precertificate = certificate(mangled(spec.mangle, tbs), signing.key);
  return out;
}

Bytes LocalCa::finish(const Issuance& issuance,
                      std::span<const Bytes> scts) const {
  return sign_tbs(mangled(
      issuance.mangle,
      tbs_certificate(issuance.fields,
                      der::concat({issuance.extensions, sct_list(scts)}))));
}

Bytes LocalCa::sign_tbs(ByteView tbs) const {
  return certificate(tbs, intermediate_key_);
}

// RFC 2986; the names are asked for by an extensionRequest attribute
// (RFC 2985, section 5.4.2).
Bytes LocalCa::csr(const CertificateSpec& spec) const {
  const SigningKey& key = spec.key ? *spec.key : subject_key_;
  Bytes attributes;
  if (!spec.names.empty()) {
    const Bytes list = der::sequence({alternative_names(spec.names)});
    attributes = der::sequence(
        {der::oid("1.2.840.113549.1.9.14"), der::element(tag::kSet, list)});
  }
  const Bytes info =
      der::sequence({der::integer(0), subject_of(spec), key.spki(),
                     der::element(tag::context_constructed(0), attributes)});
  return certificate(info, key);
}

TlsIdentity LocalCa::tls_identity(
    std::initializer_list<std::string_view> more) const {
  CertificateSpec spec;
  spec.key = SigningKey::generate(SigningKey::Kind::kP256);
  spec.common_name = "localhost";
  spec.names = dns_names(more);
  spec.names.push_back(dns_name("localhost"));
  spec.names.push_back(ip_name(Bytes{127, 0, 0, 1}));
  Bytes loopback6(16);
  loopback6.back() = 1;
  spec.names.push_back(ip_name(loopback6));
  return {{issue(spec), intermediate_}, *spec.key};
}

std::string LocalCa::root_pem() const {
  return x509::to_pem("CERTIFICATE", root_);
}

Result<void> LocalCa::write_root_pem(const std::string& path) const {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << root_pem() << std::flush;
  if (!out) return fail(Errc::kUsage, path + ": cannot be written");
  return {};
}

}  // namespace ct::monitor::demo
