#include "x509/csr.h"

#include "x509/decode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

// extensionRequest, 1.2.840.113549.1.9.14, and Microsoft's own,
// 1.3.6.1.4.1.311.2.1.14.
bool is_extension_request(ByteView type) {
  return oid::is(type, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"sv) ||
         oid::is(type, "\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"sv);
}

tl::unexpected<Error> refuse(std::string_view part, std::string_view why) {
  return fail(Errc::kMalformed,
              "certification request does not parse: " + std::string(part) +
                  ": " + std::string(why));
}

// Attribute ::= SEQUENCE { type OID, values SET OF ANY }, the value here being
// Extensions. False: something in it does not parse.
bool read_attribute(const Element& attribute, NameSink& sink) {
  if (attribute.tag != tag::kSequence) return false;
  DerReader in(attribute.body);
  const auto type = in.expect(tag::kOid);
  const auto values = in.expect(tag::kSet);
  if (!type || !values) return false;
  if (!is_extension_request(type->body)) return true;
  const auto list = DerReader(values->body).expect(tag::kSequence);
  if (!list) return false;
  DerReader extensions(list->body);
  while (!extensions.empty()) {
    const auto e = extensions.any();
    const auto x = e ? outline_extension(*e) : std::nullopt;
    if (!x || !x->readable) return false;
    if (oid::is(x->oid, oid::kSubjectAltName) &&
        !walk_alt_names(x->value, sink)) {
      return false;
    }
  }
  return true;
}

}  // namespace

// CertificationRequest ::= SEQUENCE {
//   SEQUENCE { version INTEGER, subject Name, SubjectPublicKeyInfo,
//              attributes [0] IMPLICIT SET OF Attribute },
//   signatureAlgorithm, signature }   (RFC 2986, section 4)
Result<CertificationRequest> parse_csr(ByteView der) {
  DerReader outer(der);
  const auto request = outer.expect(tag::kSequence);
  if (!request) return refuse("request", outer.why_not());
  if (!outer.empty()) return refuse("request", "bytes behind it");
  DerReader parts(request->body);
  const auto info = parts.expect(tag::kSequence);
  if (!info) return refuse("request info", parts.why_not());
  DerReader in(info->body);
  if (!in.expect(tag::kInteger)) return refuse("version", in.why_not());
  const auto subject = in.expect(tag::kSequence);
  if (!subject) return refuse("subject", in.why_not());
  const auto key = in.expect(tag::kSequence);
  if (!key) return refuse("public key", in.why_not());

  CertificationRequest out;
  std::vector<std::string> phrases;
  Oddities oddities(phrases);
  out.subject = subject->whole;
  out.key = decode_spki(*key, oddities);
  if (!phrases.empty()) return refuse("public key", phrases.front());

  NameCollector names(out.names);
  if (in.peek_tag() == tag::context_constructed(0)) {
    const auto attributes = in.any();
    if (!attributes) return refuse("attributes", in.why_not());
    DerReader list(attributes->body);
    while (!list.empty()) {
      const auto a = list.any();
      if (!a || !read_attribute(*a, names)) {
        return refuse("attributes", "one does not parse");
      }
    }
  }
  if (!walk_distinguished_name(subject->body, names)) {
    return refuse("subject", "a part of it does not parse");
  }
  return out;
}

}  // namespace ct::x509
