// The outline of a certificate: where its parts lie, nothing decoded. All that
// reads certificates starts here, so that the bulk path and the full parser
// cannot disagree about where the names are.
#pragma once

#include <optional>
#include <string_view>
#include <tl/expected.hpp>

#include "x509/der.h"

namespace ct::x509 {

// Which part could not be read, and why. Both texts are static.
struct Fault {
  std::string_view part;
  std::string_view why;
};

// TBSCertificate of RFC 5280, section 4.1.
struct TbsOutline {
  ByteView whole;
  std::optional<Element> version;  // the INTEGER within [0]
  Element serial, signature_algorithm, issuer, validity, subject, spki;
  ByteView version_field;             // [0], whole; may be empty
  ByteView unique_ids;                // [1] and [2], whole; may be empty
  std::optional<Element> extensions;  // SEQUENCE OF Extension
  bool ber_lengths = false;
  bool trailing = false;  // bytes behind the TBSCertificate
  // Something behind the key is not what should be there, and could hold
  // extensions.
  bool extensions_doubtful = false;
};
[[nodiscard]] tl::expected<TbsOutline, Fault> outline_tbs(ByteView tbs);

struct CertificateOutline {
  ByteView whole;  // without trailing bytes
  Element tbs, signature_algorithm, signature;
  bool ber_lengths = false;
  bool inner_trailing = false;  // bytes behind the signature, inside
  bool outer_trailing = false;  // bytes behind the certificate
};
[[nodiscard]] tl::expected<CertificateOutline, Fault> outline_certificate(
    ByteView der);

// Extension ::= SEQUENCE { extnID OID, critical BOOLEAN, extnValue OCTETS }
struct ExtensionOutline {
  ByteView whole;
  ByteView oid;    // contents octets
  ByteView value;  // contents of the OCTET STRING
  bool critical = false;
  bool readable = false;  // false: only `oid` and `whole` are set
  bool odd = false;       // not in DER
  bool trailing = false;  // more behind the value
};
// nullopt: not even an OID, so it could be anything.
[[nodiscard]] std::optional<ExtensionOutline> outline_extension(
    const Element& extension);

namespace oid {
[[nodiscard]] inline bool is(ByteView oid, std::string_view contents) {
  return as_text(oid) == contents;
}
// Contents octets of id-ce-… (2.5.29.n), and others used in several files.
inline constexpr std::string_view kSubjectAltName = "\x55\x1d\x11",
                                  kAuthorityKeyId = "\x55\x1d\x23",
                                  kSctList =
                                      "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04"
                                      "\x02",
                                  kPoison =
                                      "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04"
                                      "\x03";
}  // namespace oid

}  // namespace ct::x509
