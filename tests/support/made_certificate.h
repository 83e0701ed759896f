// Certificates made for tests: each part can be replaced by something odd.
// Their signatures are noise; nothing in x509 looks at them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/hex.h"
#include "x509/der_writer.h"

namespace ct::test {

namespace der = x509::der;

inline Bytes dns(std::string_view name) {
  return der::context(2, as_bytes(name));
}
inline Bytes email(std::string_view name) {
  return der::context(1, as_bytes(name));
}
inline Bytes uri(std::string_view name) {
  return der::context(6, as_bytes(name));
}
inline Bytes ip(std::string_view hex) {
  return der::context(7, *from_hex(hex));
}

inline Bytes join(const std::vector<Bytes>& parts) {
  Bytes out;
  for (const Bytes& p : parts) put_bytes(out, p);
  return out;
}
inline Bytes name(const std::vector<Bytes>& rdns) {
  return der::sequence({join(rdns)});
}
inline Bytes cn(std::string_view text) {
  return der::rdn("2.5.4.3", der::utf8_string(text));
}
inline Bytes san(const std::vector<Bytes>& names, bool critical = false) {
  return der::extension("2.5.29.17", critical, der::sequence({join(names)}));
}
inline Bytes poison() {
  return der::extension("1.3.6.1.4.1.11129.2.4.3", true, der::null());
}
inline Bytes sct_list(ByteView list) {
  return der::extension("1.3.6.1.4.1.11129.2.4.2", false,
                        der::octet_string(list));
}
inline Bytes basic_constraints(bool is_ca) {
  return der::extension("2.5.29.19", true,
                        der::sequence({is_ca ? der::boolean(true) : Bytes{}}));
}
inline Bytes key_id(std::uint8_t fill) { return Bytes(20, fill); }
inline Bytes subject_key_id(std::uint8_t fill) {
  return der::extension("2.5.29.14", false, der::octet_string(key_id(fill)));
}
inline Bytes authority_key_id(std::uint8_t fill) {
  return der::extension("2.5.29.35", false,
                        der::sequence({der::context(0, key_id(fill))}));
}

// A P-256 key whose point is noise.
inline Bytes ec_spki(std::uint8_t fill = 0x42) {
  Bytes point(65, fill);
  point[0] = 4;
  return der::sequence({der::sequence({der::oid("1.2.840.10045.2.1"),
                                       der::oid("1.2.840.10045.3.1.7")}),
                        der::bit_string(point)});
}
inline Bytes rsa_spki(unsigned bits) {
  Bytes modulus((bits + 7) / 8, 0xa5);
  modulus[0] = static_cast<std::uint8_t>(1u << ((bits + 7) % 8));
  return der::sequence(
      {der::sequence({der::oid("1.2.840.113549.1.1.1"), der::null()}),
       der::bit_string(der::sequence(
           {der::unsigned_integer(modulus), der::integer(65537)}))});
}

struct MadeCertificate {
  Bytes version = der::context_constructed(0, der::integer(2));
  Bytes serial = der::integer(0x1234567890);
  Bytes algorithm = der::sequence({der::oid("1.2.840.10045.4.3.2")});
  Bytes issuer = name({der::rdn("2.5.4.6", der::printable_string("US")),
                       der::rdn("2.5.4.10", der::utf8_string("Made CA")),
                       cn("Made CA 1")});
  Bytes validity = der::sequence({der::time(1767225600),    // 2026-01-01
                                  der::time(1774915200)});  // 2026-03-31
  Bytes subject = name({cn("www.example.com")});
  Bytes spki = ec_spki();
  Bytes unique_ids;
  std::vector<Bytes> extensions = {
      basic_constraints(false), subject_key_id(1), authority_key_id(2),
      san({dns("www.example.com"), dns("example.com"),
           dns("*.api.example.net")})};

  [[nodiscard]] Bytes tbs() const {
    const Bytes list =
        extensions.empty()
            ? Bytes{}
            : der::context_constructed(3, der::sequence({join(extensions)}));
    return der::sequence({version, serial, algorithm, issuer, validity, subject,
                          spki, unique_ids, list});
  }
  [[nodiscard]] Bytes certificate() const {
    return der::sequence({tbs(), algorithm, der::bit_string(Bytes(71, 0x5c))});
  }
};

// What a CA of 2026 issues: about 1.3 kB with an RSA signature and SCTs.
inline MadeCertificate realistic_certificate() {
  MadeCertificate m;
  const auto url_access = [](const char* method, const char* url) {
    return der::sequence({der::oid(method), uri(url)});
  };
  m.spki = rsa_spki(2048);
  m.extensions = {
      der::extension("2.5.29.15", true, der::bit_string(Bytes{0xa0}, 5)),
      der::extension("2.5.29.37", false,
                     der::sequence({der::oid("1.3.6.1.5.5.7.3.1"),
                                    der::oid("1.3.6.1.5.5.7.3.2")})),
      basic_constraints(false),
      subject_key_id(1),
      authority_key_id(2),
      der::extension(
          "1.3.6.1.5.5.7.1.1", false,
          der::sequence(
              {url_access("1.3.6.1.5.5.7.48.1", "http://ocsp.ca.example"),
               url_access("1.3.6.1.5.5.7.48.2",
                          "http://certs.ca.example/1.der")})),
      san({dns("www.example.com"), dns("example.com"),
           dns("*.api.example.net")}),
      der::extension(
          "2.5.29.32", false,
          der::sequence({der::sequence({der::oid("2.23.140.1.2.1")})})),
      der::extension("2.5.29.31", false,
                     der::sequence({der::sequence({der::context_constructed(
                         0, der::context_constructed(
                                0, uri("http://crl.ca.example/1.crl")))})})),
      sct_list(Bytes(242, 0x33))};
  return m;
}

}  // namespace ct::test
