#include "x509/tbs.h"

namespace ct::x509 {
namespace {

tl::unexpected<Fault> fault(std::string_view part, const DerReader& at) {
  return tl::unexpected<Fault>(Fault{part, at.why_not()});
}

// Everything behind subjectPublicKeyInfo:
//   issuerUniqueID [1], subjectUniqueID [2], extensions [3] EXPLICIT
void outline_tail(DerReader& in, TbsOutline& out) {
  const ByteView start = in.rest();
  std::size_t unique_ids = 0;
  while (!in.empty()) {
    const auto e = in.any();
    if (!e) {
      out.extensions_doubtful = true;
      break;
    }
    const unsigned number = e->tag & 0x1f;
    const bool context = (e->tag & 0xc0) == 0x80;
    if (context && (number == 1 || number == 2) && !out.extensions) {
      unique_ids += e->whole.size();
      continue;
    }
    if (e->tag != tag::context_constructed(3) || out.extensions) {
      out.extensions_doubtful = true;
      continue;
    }
    DerReader inner(e->body);
    out.extensions = inner.expect(tag::kSequence);
    out.extensions_doubtful |= !out.extensions || !inner.empty();
    out.ber_lengths |= inner.saw_ber_length();
  }
  // Only if they come first and without strangers between them.
  if (!out.extensions_doubtful) out.unique_ids = start.first(unique_ids);
}

}  // namespace

tl::expected<TbsOutline, Fault> outline_tbs(ByteView tbs) {
  TbsOutline out;
  DerReader outer(tbs);
  const auto body = outer.expect(tag::kSequence);
  if (!body) return fault("TBSCertificate", outer);
  out.whole = body->whole;
  out.trailing = !outer.empty();

  DerReader in(body->body);
  if (in.peek_tag() == tag::context_constructed(0)) {
    const auto field = in.any();
    if (!field) return fault("version", in);
    out.version_field = field->whole;
    out.version = DerReader(field->body).expect(tag::kInteger);
  }
  struct Part {
    std::string_view name;
    std::uint8_t tag;
    Element TbsOutline::*where;
  };
  static constexpr Part kParts[] = {
      {"serial number", tag::kInteger, &TbsOutline::serial},
      {"signature algorithm", tag::kSequence, &TbsOutline::signature_algorithm},
      {"issuer", tag::kSequence, &TbsOutline::issuer},
      {"validity", tag::kSequence, &TbsOutline::validity},
      {"subject", tag::kSequence, &TbsOutline::subject},
      {"public key", tag::kSequence, &TbsOutline::spki}};
  for (const Part& part : kParts) {
    const auto e = in.expect(part.tag);
    if (!e) return fault(part.name, in);
    out.*part.where = *e;
  }
  outline_tail(in, out);
  out.ber_lengths |= outer.saw_ber_length() || in.saw_ber_length();
  return out;
}

tl::expected<CertificateOutline, Fault> outline_certificate(ByteView der) {
  CertificateOutline out;
  DerReader outer(der);
  const auto whole = outer.expect(tag::kSequence);
  if (!whole) return fault("certificate", outer);
  out.whole = whole->whole;
  out.outer_trailing = !outer.empty();

  DerReader in(whole->body);
  const auto tbs = in.expect(tag::kSequence);
  if (!tbs) return fault("TBSCertificate", in);
  const auto algorithm = in.expect(tag::kSequence);
  if (!algorithm) return fault("outer signature algorithm", in);
  const auto signature = in.expect(tag::kBitString);
  if (!signature) return fault("signature", in);
  out.tbs = *tbs;
  out.signature_algorithm = *algorithm;
  out.signature = *signature;
  out.inner_trailing = !in.empty();
  out.ber_lengths = outer.saw_ber_length() || in.saw_ber_length();
  return out;
}

std::optional<ExtensionOutline> outline_extension(const Element& extension) {
  if (extension.tag != tag::kSequence) return std::nullopt;
  DerReader in(extension.body);
  const auto id = in.expect(tag::kOid);
  if (!id) return std::nullopt;
  ExtensionOutline out;
  out.whole = extension.whole;
  out.oid = id->body;
  if (in.peek_tag() == tag::kBoolean) {
    const auto critical = in.any();
    if (!critical || critical->body.size() != 1) return out;
    out.critical = critical->body[0] != 0;
    out.odd = critical->body[0] != 0xff;
  }
  const auto value = in.expect(tag::kOctetString);
  if (!value) return out;
  out.value = value->body;
  out.odd |= in.saw_ber_length();
  out.trailing = !in.empty();
  out.readable = true;
  return out;
}

}  // namespace ct::x509
