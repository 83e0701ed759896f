// Walking the names of a certificate: what the bulk path and the full parser
// have in common. Nothing here allocates.
#include "x509/decode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

std::optional<NameKind> attribute_kind(ByteView type) {
  if (type.size() == 3) {
    if (oid::is(type, "\x55\x04\x03"sv)) return NameKind::kCommonName;
    if (oid::is(type, "\x55\x04\x0a"sv)) return NameKind::kOrganization;
    return std::nullopt;
  }
  // emailAddress, 1.2.840.113549.1.9.1
  if (oid::is(type, "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"sv)) {
    return NameKind::kEmailAttribute;
  }
  return std::nullopt;
}

bool is_string_tag(std::uint8_t t) {
  return t == tag::kUtf8String || (t >= tag::kNumericString && t <= 0x16) ||
         (t >= tag::kVisibleString && t <= tag::kBmpString);
}

// What stands within an otherName of a type known to hold a host or address.
std::optional<NameKind> other_name_kind(ByteView type) {
  // SmtpUTF8Mailbox, XmppAddr, SRVName: id-on 9, 5, 7 (1.3.6.1.5.5.7.8)
  constexpr auto kIdOn = "\x2b\x06\x01\x05\x05\x07\x08"sv;
  if (type.size() == 8 && as_text(type).starts_with(kIdOn)) {
    if (type[7] == 9 || type[7] == 5) return NameKind::kEmail;
    if (type[7] == 7) return NameKind::kDns;
  }
  // User principal name, 1.3.6.1.4.1.311.20.2.3
  if (oid::is(type, "\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03"sv)) {
    return NameKind::kEmail;
  }
  return std::nullopt;
}

// OtherName ::= SEQUENCE { type-id OID, value [0] EXPLICIT ANY }
bool walk_other_name(ByteView body, NameSink& sink) {
  sink.name({NameKind::kOtherName, 0, body});
  DerReader in(body);
  const auto type = in.expect(tag::kOid);
  if (!type) return false;
  const auto kind = other_name_kind(type->body);
  if (!kind) return true;
  const auto wrapped = in.expect(tag::context_constructed(0));
  const auto value =
      wrapped ? DerReader(wrapped->body).any() : std::optional<Element>();
  if (!value) return false;
  sink.name({*kind, value->tag, value->body});
  return is_string_tag(value->tag);
}

// [4] is EXPLICIT, because Name is a CHOICE.
bool walk_directory_name(ByteView body, NameSink& sink) {
  DerReader in(body);
  const auto name = in.expect(tag::kSequence);
  if (!name) return false;
  sink.name({NameKind::kDirectory, 0, name->whole});
  return walk_distinguished_name(name->body, sink) && in.empty();
}

bool walk_general_name(const Element& e, NameSink& sink) {
  switch (e.tag) {
    case tag::context(2):
      sink.name({NameKind::kDns, 0, e.body});
      return true;
    case tag::context(1):
      sink.name({NameKind::kEmail, 0, e.body});
      return true;
    case tag::context(6):
      sink.name({NameKind::kUri, 0, e.body});
      return true;
    case tag::context(7):
      sink.name({NameKind::kIp, 0, e.body});
      return true;
    case tag::context_constructed(4):
      return walk_directory_name(e.body, sink);
    case tag::context_constructed(0):
      return walk_other_name(e.body, sink);
    case tag::context_constructed(3):  // x400Address
    case tag::context_constructed(5):  // ediPartyName
    case tag::context(8):              // registeredID
      return true;                     // hold nothing that is watched
    default:
      return false;
  }
}

bool walk_attribute(const Element& attribute, NameSink& sink) {
  if (attribute.tag != tag::kSequence) return false;
  DerReader in(attribute.body);
  const auto type = in.expect(tag::kOid);
  const auto value = in.any();
  if (!type || !value) return false;
  const auto kind = attribute_kind(type->body);
  if (!kind) return in.empty();
  sink.name({*kind, value->tag, value->body});
  return in.empty() && is_string_tag(value->tag);
}

// An extension that is not shaped like one may be a damaged SAN, whatever its
// OID says.
bool walk_extensions(ByteView extensions, NameSink& sink) {
  bool complete = true;
  DerReader in(extensions);
  while (!in.empty()) {
    const auto e = in.any();
    if (!e) return false;
    const auto x = outline_extension(*e);
    if (!x || !x->readable || x->trailing) complete = false;
    if (x && x->readable && oid::is(x->oid, oid::kSubjectAltName)) {
      complete &= walk_alt_names(x->value, sink);
    }
  }
  return complete;
}

}  // namespace

bool walk_distinguished_name(ByteView name, NameSink& sink) {
  bool complete = true;
  DerReader rdns(name);
  while (!rdns.empty()) {
    const auto rdn = rdns.any();
    if (!rdn) return false;
    if (rdn->tag != tag::kSet) {
      complete = false;
      continue;
    }
    DerReader attributes(rdn->body);
    while (!attributes.empty()) {
      const auto attribute = attributes.any();
      if (!attribute) {
        complete = false;
        break;
      }
      complete &= walk_attribute(*attribute, sink);
    }
  }
  return complete;
}

bool walk_alt_names(ByteView value, NameSink& sink) {
  DerReader outer(value);
  const auto names = outer.expect(tag::kSequence);
  if (!names) return false;
  bool complete = outer.empty();
  DerReader in(names->body);
  while (!in.empty()) {
    const auto e = in.any();
    if (!e) return false;
    complete &= walk_general_name(*e, sink);
  }
  return complete;
}

bool scan_names(ByteView in, bool is_tbs, NameSink& sink) {
  if (!is_tbs) {
    const auto certificate = outline_certificate(in);
    if (!certificate) return false;
    in = certificate->tbs.whole;
  }
  const auto tbs = outline_tbs(in);
  if (!tbs) return false;
  bool complete = !tbs->extensions_doubtful;
  complete &= walk_distinguished_name(tbs->subject.body, sink);
  if (tbs->extensions) complete &= walk_extensions(tbs->extensions->body, sink);
  return complete;
}

}  // namespace ct::x509
