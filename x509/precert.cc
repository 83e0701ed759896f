#include "x509/precert.h"

#include "base/sha256.h"
#include "x509/der_writer.h"
#include "x509/tbs.h"

namespace ct::x509 {
namespace {

using AkiChange = std::optional<ByteView>;

// What the TBS gets from the precert-signing CA.
struct Substitute {
  ByteView issuer;  // Name, whole
  AkiChange aki;    // extnValue contents; nullopt: no such extension
};

tl::unexpected<Error> refuse(std::string_view whose, const Fault& f) {
  return fail(Errc::kMalformed, std::string(whose) + ": " +
                                    std::string(f.part) + ": " +
                                    std::string(f.why));
}

Result<TbsOutline> outline(ByteView tbs, std::string_view whose) {
  const auto o = outline_tbs(tbs);
  if (!o) return refuse(whose, o.error());
  // What we do not understand we cannot leave out, or keep, with any right to
  // call the result what the log hashed.
  if (o->extensions_doubtful) {
    return fail(Errc::kMalformed,
                std::string(whose) + ": extensions do not parse");
  }
  return *o;
}

void put_aki(Bytes& out, bool critical, ByteView value) {
  put_bytes(out, der::extension("2.5.29.35", critical, value));
}

// The kept extensions, one behind the other.
Result<Bytes> kept_extensions(const TbsOutline& tbs, const Substitute* ca) {
  Bytes out;
  if (tbs.extensions) out.reserve(tbs.extensions->body.size());
  bool saw_aki = false;
  DerReader in(tbs.extensions ? tbs.extensions->body : ByteView{});
  while (!in.empty()) {
    const auto e = in.any();
    const auto x = e ? outline_extension(*e) : std::nullopt;
    if (!x) return fail(Errc::kMalformed, "an extension does not parse");
    if (oid::is(x->oid, oid::kPoison) || oid::is(x->oid, oid::kSctList)) {
      continue;
    }
    if (ca != nullptr && oid::is(x->oid, oid::kAuthorityKeyId)) {
      if (ca->aki && !saw_aki) put_aki(out, x->critical, *ca->aki);
      saw_aki = true;
      continue;
    }
    put_bytes(out, x->whole);
  }
  if (ca != nullptr && ca->aki && !saw_aki) put_aki(out, false, *ca->aki);
  return out;
}

Result<Bytes> rebuild(const TbsOutline& tbs, const Substitute* ca) {
  const auto kept = kept_extensions(tbs, ca);
  if (!kept) return tl::unexpected<Error>(kept.error());
  // Extensions ::= SEQUENCE SIZE (1..MAX): none left, none written.
  const Bytes extensions =
      kept->empty() ? Bytes{}
                    : der::context_constructed(3, der::sequence({*kept}));
  return der::sequence(
      {tbs.version_field, tbs.serial.whole, tbs.signature_algorithm.whole,
       ca != nullptr ? ca->issuer : tbs.issuer.whole, tbs.validity.whole,
       tbs.subject.whole, tbs.spki.whole, tbs.unique_ids, extensions});
}

// Taken from the extension itself: Certificate holds only the keyIdentifier.
Result<AkiChange> authority_key_id_of(const TbsOutline& ca) {
  DerReader in(ca.extensions ? ca.extensions->body : ByteView{});
  while (!in.empty()) {
    const auto e = in.any();
    const auto x = e ? outline_extension(*e) : std::nullopt;
    if (!x) {
      return fail(Errc::kMalformed,
                  "precert-signing CA: an extension does not parse");
    }
    if (!oid::is(x->oid, oid::kAuthorityKeyId)) continue;
    if (!x->readable) {
      return fail(Errc::kMalformed,
                  "precert-signing CA: its authority key id does not parse");
    }
    return AkiChange(x->value);
  }
  return AkiChange(std::nullopt);
}

}  // namespace

Result<Bytes> log_tbs(const Certificate& certificate) {
  const auto tbs = outline(certificate.tbs, "TBSCertificate");
  if (!tbs) return tl::unexpected<Error>(tbs.error());
  return rebuild(*tbs, nullptr);
}

Result<Bytes> log_tbs(const Certificate& precertificate,
                      const Certificate& precert_signing_ca) {
  const auto tbs = outline(precertificate.tbs, "TBSCertificate");
  if (!tbs) return tl::unexpected<Error>(tbs.error());
  const auto ca = outline(precert_signing_ca.tbs, "precert-signing CA");
  if (!ca) return tl::unexpected<Error>(ca.error());
  const auto aki = authority_key_id_of(*ca);
  if (!aki) return tl::unexpected<Error>(aki.error());
  const Substitute substitute{ca->issuer.whole, *aki};
  return rebuild(*tbs, &substitute);
}

Result<Bytes> log_tbs(ByteView certificate) {
  const auto whole = outline_certificate(certificate);
  if (!whole) return refuse("certificate", whole.error());
  const auto tbs = outline(whole->tbs.whole, "TBSCertificate");
  if (!tbs) return tl::unexpected<Error>(tbs.error());
  return rebuild(*tbs, nullptr);
}

std::optional<ByteView> find_sct_list(ByteView certificate) {
  const auto whole = outline_certificate(certificate);
  if (!whole) return std::nullopt;
  const auto tbs = outline_tbs(whole->tbs.whole);
  if (!tbs || !tbs->extensions) return std::nullopt;
  DerReader in(tbs->extensions->body);
  while (const auto e = in.any()) {
    const auto x = outline_extension(*e);
    if (!x || !x->readable || !oid::is(x->oid, oid::kSctList)) continue;
    if (const auto list = DerReader(x->value).expect(tag::kOctetString)) {
      return list->body;
    }
  }
  return std::nullopt;
}

Result<Hash> tbs_sha256(const Certificate& certificate) {
  return log_tbs(certificate).map([](const Bytes& tbs) { return sha256(tbs); });
}

Hash spki_sha256(const Certificate& certificate) {
  return sha256(certificate.key.spki);
}

}  // namespace ct::x509
