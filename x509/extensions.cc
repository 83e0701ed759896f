#include "x509/decode.h"

namespace ct::x509 {
namespace {

using namespace std::string_view_literals;

// Calls `each` for the elements of the SEQUENCE that `value` is; false if it
// is none, or has more behind it, or one of the calls says false.
template <class F>
bool for_each_in_sequence(ByteView value, F&& each) {
  DerReader outer(value);
  const auto seq = outer.expect(tag::kSequence);
  if (!seq) return false;
  bool good = outer.empty();
  DerReader in(seq->body);
  while (!in.empty()) {
    const auto e = in.any();
    if (!e) return false;
    good &= each(*e);
  }
  return good;
}

// KeyUsage ::= BIT STRING, digitalSignature being the first bit.
bool key_usage(ByteView value, Certificate& c) {
  DerReader in(value);
  const auto bits = in.expect(tag::kBitString);
  if (!bits || bits->body.empty() || bits->body[0] > 7) return false;
  KeyUsage usage = 0;
  for (unsigned i = 0; i < 16 && i / 8 + 1 < bits->body.size(); ++i) {
    if (bits->body[i / 8 + 1] & (0x80 >> (i % 8))) {
      usage |= static_cast<KeyUsage>(1u << i);
    }
  }
  if (!c.key_usage) c.key_usage = usage;
  return in.empty();
}

bool oid_list(ByteView value, std::vector<ByteView>& out) {
  return for_each_in_sequence(value, [&](const Element& e) {
    if (e.tag != tag::kOid) return false;
    out.push_back(e.body);
    return true;
  });
}

bool extended_key_usage(ByteView value, Certificate& c) {
  const bool good = oid_list(value, c.extended_key_usage);
  // 1.3.6.1.4.1.11129.2.4.4 (RFC 6962, section 3.1)
  constexpr auto kPrecertSigning = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x04"sv;
  for (const ByteView usage : c.extended_key_usage) {
    c.is_precert_signing_ca |= oid::is(usage, kPrecertSigning);
  }
  return good;
}

// BasicConstraints ::= SEQUENCE { cA BOOLEAN DEFAULT FALSE,
//                                 pathLenConstraint INTEGER OPTIONAL }
bool basic_constraints(ByteView value, Certificate& c) {
  DerReader outer(value);
  const auto seq = outer.expect(tag::kSequence);
  if (!seq) return false;
  DerReader in(seq->body);
  bool is_ca = false;
  if (in.peek_tag() == tag::kBoolean) {
    const auto b = in.any();
    if (!b || b->body.size() != 1) return false;
    is_ca = b->body[0] != 0;
  }
  c.is_ca = c.is_ca.value_or(false) || is_ca;
  if (in.empty()) return outer.empty();
  const auto path = in.expect(tag::kInteger);
  if (!path || path->body.empty() || path->body.size() > 4 ||
      path->body[0] >= 0x80) {
    return false;
  }
  unsigned length = 0;
  for (const std::uint8_t b : path->body) length = length << 8 | b;
  c.path_length = length;
  return in.empty() && outer.empty();
}

// CertificatePolicies ::= SEQUENCE OF SEQUENCE { policyIdentifier OID, … }
bool policies(ByteView value, Certificate& c) {
  return for_each_in_sequence(value, [&](const Element& e) {
    const auto id = e.tag == tag::kSequence
                        ? DerReader(e.body).expect(tag::kOid)
                        : std::optional<Element>();
    if (id) c.policies.push_back(id->body);
    return id.has_value();
  });
}

bool subject_key_id(ByteView value, Certificate& c) {
  DerReader in(value);
  const auto id = in.expect(tag::kOctetString);
  if (!id) return false;
  if (c.subject_key_id.empty()) c.subject_key_id = id->body;
  return in.empty();
}

// AuthorityKeyIdentifier ::= SEQUENCE { keyIdentifier [0] OPTIONAL, … }
bool authority_key_id(ByteView value, Certificate& c) {
  return for_each_in_sequence(value, [&](const Element& e) {
    if (e.tag == tag::context(0) && c.authority_key_id.empty()) {
      c.authority_key_id = e.body;
    }
    return true;
  });
}

// SEQUENCE OF SEQUENCE { accessMethod OID, accessLocation GeneralName }
bool authority_info_access(ByteView value, Certificate& c) {
  return for_each_in_sequence(value, [&](const Element& e) {
    DerReader in(e.body);
    const auto method = in.expect(tag::kOid);
    const auto where = in.any();
    if (!method || !where) return false;
    if (where->tag != tag::context(6)) return true;
    // id-ad-ocsp, id-ad-caIssuers: 1.3.6.1.5.5.7.48.1 and .2
    if (oid::is(method->body, "\x2b\x06\x01\x05\x05\x07\x30\x01"sv)) {
      c.ocsp_urls.push_back(as_text(where->body));
    } else if (oid::is(method->body, "\x2b\x06\x01\x05\x05\x07\x30\x02"sv)) {
      c.issuer_urls.push_back(as_text(where->body));
    }
    return true;
  });
}

// SEQUENCE OF SEQUENCE { distributionPoint [0] { fullName [0] GeneralNames }
bool crl_points(ByteView value, Certificate& c) {
  return for_each_in_sequence(value, [&](const Element& e) {
    if (e.tag != tag::kSequence) return false;
    DerReader point(e.body);
    const auto name = point.expect(tag::context_constructed(0));
    if (!name) return true;
    const auto full = DerReader(name->body).expect(tag::context_constructed(0));
    if (!full) return true;
    DerReader in(full->body);
    while (!in.empty()) {
      const auto general = in.any();
      if (!general) return false;
      if (general->tag == tag::context(6)) {
        c.crl_urls.push_back(as_text(general->body));
      }
    }
    return true;
  });
}

// TLSFeature ::= SEQUENCE OF INTEGER; 5 and 17 ask for stapling (RFC 7633).
bool tls_feature(ByteView value, Certificate& c) {
  return for_each_in_sequence(value, [&](const Element& e) {
    if (e.tag != tag::kInteger) return false;
    c.must_staple |= e.body.size() == 1 && (e.body[0] == 5 || e.body[0] == 17);
    return true;
  });
}

bool sct_list(ByteView value, Certificate& c) {
  DerReader in(value);
  const auto list = in.expect(tag::kOctetString);
  if (!list) return false;
  if (!c.sct_list) c.sct_list = list->body;
  return in.empty();
}

// Its value should be NULL, but not every CA and log cares.
bool poison(ByteView value, Certificate& c) {
  c.has_poison = true;
  return as_text(value) == "\x05\x00"sv;
}

using Decoder = bool (*)(ByteView, Certificate&);
constexpr std::pair<std::string_view, Decoder> kDecoders[] = {
    {"\x55\x1d\x0f"sv, key_usage},
    {"\x55\x1d\x25"sv, extended_key_usage},
    {"\x55\x1d\x13"sv, basic_constraints},
    {"\x55\x1d\x20"sv, policies},
    {"\x55\x1d\x0e"sv, subject_key_id},
    {oid::kAuthorityKeyId, authority_key_id},
    {"\x2b\x06\x01\x05\x05\x07\x01\x01"sv, authority_info_access},
    {"\x55\x1d\x1f"sv, crl_points},
    {"\x2b\x06\x01\x05\x05\x07\x01\x18"sv, tls_feature},
    {oid::kSctList, sct_list},
    {oid::kPoison, poison},
};

}  // namespace

bool decode_extension(const ExtensionOutline& x, Certificate& c) {
  for (const auto& [id, decoder] : kDecoders) {
    if (oid::is(x.oid, id)) return decoder(x.value, c);
  }
  return true;
}

}  // namespace ct::x509
