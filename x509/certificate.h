// Certificates and precertificates, read without copying (RFC 5280).
//
// The input is hostile and often odd. What breaks a length is refused; what
// is merely against the rules (a negative serial, a space in a name, BER, an
// unknown algorithm) is read, and noted in `oddities`. No signature and no
// chain is checked here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"

namespace ct::x509 {

enum class NameKind : std::uint8_t {
  kDns,
  kEmail,
  kUri,
  kIp,
  kDirectory,
  kOtherName,  // subjectAltName
  kCommonName,
  kOrganization,
  kEmailAttribute,  // of a distinguished name
};
[[nodiscard]] std::string_view to_string(NameKind kind);

// One name as encoded. `string_tag` says how a distinguished name's attribute
// is to be read (UTF8String, BMPString …); 0 elsewhere. Beside a kOtherName
// whose type is known (a user principal name, SmtpUTF8Mailbox, XmppAddr:
// kEmail; SRVName: kDns) stands the name within it, with its string_tag.
struct Name {
  NameKind kind;
  std::uint8_t string_tag = 0;
  ByteView value;
};

enum class KeyType : std::uint8_t {
  kRsa,
  kEc,
  kEd25519,
  kEd448,
  kDsa,
  kMlDsa,
  kSlhDsa,
  kOther
};

struct PublicKeyInfo {
  ByteView spki;           // whole SubjectPublicKeyInfo
  ByteView algorithm_oid;  // contents octets
  ByteView curve_oid;      // EC only
  KeyType type = KeyType::kOther;
  unsigned bits = 0;  // RSA modulus, EC field …; 0 unknown
};

// Bits of keyUsage, most significant of the encoding first: bit 0 is
// digitalSignature.
using KeyUsage = std::uint16_t;

struct Certificate {
  ByteView der;  // whole certificate; empty when read from a bare TBS
  ByteView tbs;  // whole TBSCertificate
  unsigned version = 1;
  ByteView serial;   // contents octets, as they are
  ByteView issuer;   // Name, DER
  ByteView subject;  // Name, DER
  Seconds not_before = 0;
  Seconds not_after = 0;  // inclusive
  PublicKeyInfo key;
  ByteView signature_algorithm_oid;  // of the TBS
  ByteView signature;                // contents of the BIT STRING, if any

  // Names of the subject alternative name, then those of the subject.
  // Directory names within the SAN contribute their attributes as well.
  std::vector<Name> names;

  std::optional<KeyUsage> key_usage;
  std::vector<ByteView> extended_key_usage;  // OIDs, contents octets
  std::optional<bool> is_ca;                 // nullopt: no basicConstraints
  std::optional<unsigned> path_length;
  std::vector<ByteView> policies;  // OIDs
  ByteView subject_key_id;
  ByteView authority_key_id;  // keyIdentifier
  std::vector<std::string_view> ocsp_urls, issuer_urls, crl_urls;
  bool must_staple = false;
  std::optional<ByteView> sct_list;  // TLS SignedCertificateTimestampList
  bool has_poison = false;           // a precertificate
  bool is_precert_signing_ca = false;

  struct Extension {
    ByteView oid, value;
    bool critical = false;
  };
  std::vector<Extension> extensions;  // all, in order

  // What is against the rules, one short English phrase each.
  std::vector<std::string> oddities;
  // A part that could hold names did not parse: names may be missing.
  bool names_incomplete = false;
};

// kMalformed: says where and why. Bytes behind the certificate are an oddity.
[[nodiscard]] Result<Certificate> parse_certificate(ByteView der);
// The same for a bare TBSCertificate, as precert leaves hold it.
[[nodiscard]] Result<Certificate> parse_tbs(ByteView tbs);

// The bulk path: calls `sink` for each name that matters to a watch, without
// allocating. False: something that could hold names did not parse, so use
// parse_certificate and, failing that, names_in_bytes (x509/names.h).
class NameSink {
 public:
  virtual void name(const Name& name) = 0;

 protected:
  ~NameSink() = default;
};
[[nodiscard]] bool scan_names(ByteView certificate_or_tbs, bool is_tbs,
                              NameSink& sink);

// "C=US, O=Let's Encrypt, CN=R11": RFC 4514, most significant first as
// people write it; control characters and such escaped.
[[nodiscard]] std::string format_name(ByteView distinguished_name);
// The first such attribute (contents of 2.5.4.x) as UTF-8; "" if none.
[[nodiscard]] std::string common_name(ByteView distinguished_name);
[[nodiscard]] std::string organization(ByteView distinguished_name);
// Of what format_name gave: the first attribute of that type ("O"), as UTF-8
// without escapes; "" if none.
[[nodiscard]] std::string attribute_of(std::string_view formatted_name,
                                       std::string_view type);
// A DER string of any type, as UTF-8; undecodable bytes become U+FFFD.
[[nodiscard]] std::string string_to_utf8(std::uint8_t tag, ByteView value);
[[nodiscard]] std::string format_oid(ByteView oid);  // "2.5.29.17"
[[nodiscard]] std::string describe_key(const PublicKeyInfo& key);  // "EC P-256"
[[nodiscard]] std::string to_pem(std::string_view label, ByteView der);
// Every block of that label; kMalformed if a block's base64 is broken.
[[nodiscard]] Result<std::vector<Bytes>> from_pem(std::string_view label,
                                                  std::string_view text);

}  // namespace ct::x509
