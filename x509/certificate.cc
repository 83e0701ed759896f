#include "x509/certificate.h"

#include <algorithm>

#include "x509/decode.h"

namespace ct::x509 {
namespace {

// 9999-12-31T23:59:59Z: an end that cannot be read must not pass for expired.
constexpr Seconds kNever = 253402300799;

void read_version(const TbsOutline& tbs, Certificate& c, Oddities& oddities) {
  const bool read = tbs.version && tbs.version->body.size() == 1 &&
                    tbs.version->body[0] < 0x80;
  if (read) c.version = tbs.version->body[0] + 1u;
  if (read && c.version == 1) oddities.add("version 1 is spelled out");
  if (c.version > 3 || (!tbs.version_field.empty() && !read)) {
    oddities.add("the version is none of 1, 2 and 3");
  }
  if (tbs.extensions && c.version != 3) {
    oddities.add("extensions in a certificate of version " +
                 std::to_string(c.version));
  }
}

void read_serial(const TbsOutline& tbs, Certificate& c, Oddities& oddities) {
  c.serial = tbs.serial.body;
  if (c.serial.empty()) {
    oddities.add("the serial number is empty");
    return;
  }
  if (c.serial[0] >= 0x80) oddities.add("the serial number is negative");
  if (c.serial.size() > 20) oddities.add("the serial number is over 20 octets");
  if (std::ranges::all_of(c.serial, [](auto b) { return b == 0; })) {
    oddities.add("the serial number is zero");
  }
  if (c.serial.size() > 1 && ((c.serial[0] == 0 && c.serial[1] < 0x80) ||
                              (c.serial[0] == 0xff && c.serial[1] >= 0x80))) {
    oddities.add("the serial number has needless leading octets");
  }
}

void read_validity(const TbsOutline& tbs, Certificate& c, Oddities& oddities) {
  DerReader in(tbs.validity.body);
  const auto from = in.any();
  const auto to = in.any();
  const auto begin = from ? decode_time(*from) : std::nullopt;
  const auto end = to ? decode_time(*to) : std::nullopt;
  c.not_before = begin ? begin->t : 0;
  c.not_after = end ? end->t : kNever;
  if (!begin || !end) {
    oddities.add("the validity does not parse");
  } else if (begin->odd || end->odd) {
    oddities.add("a validity time is not as RFC 5280 has it");
  }
  if (!in.empty()) oddities.add("bytes behind the validity");
  if (c.not_after < c.not_before) oddities.add("it ends before it begins");
}

void note_duplicates(const Certificate& c, Oddities& oddities) {
  std::vector<std::string_view> ids;
  ids.reserve(c.extensions.size());
  for (const auto& x : c.extensions) ids.push_back(as_text(x.oid));
  std::ranges::sort(ids);
  auto at = ids.begin();
  while ((at = std::adjacent_find(at, ids.end())) != ids.end()) {
    oddities.add("extension " + format_oid(as_bytes(*at)) + " occurs twice");
    at = std::upper_bound(at, ids.end(), *at);
  }
}

void read_extensions(ByteView extensions, Certificate& c, Oddities& oddities) {
  NameCollector names(c.names);
  if (extensions.empty()) oddities.add("an empty list of extensions");
  DerReader in(extensions);
  while (!in.empty()) {
    const auto e = in.any();
    const auto x = e ? outline_extension(*e) : std::nullopt;
    if (!x) {
      oddities.add("an extension does not parse");
      c.names_incomplete = true;
      if (!e) break;
      continue;
    }
    c.extensions.push_back({x->oid, x->value, x->critical});
    if (x->odd) oddities.add("an extension is not in DER");
    if (x->trailing) oddities.add("bytes behind the value of an extension");
    const bool is_san = oid::is(x->oid, oid::kSubjectAltName);
    bool good = x->readable;
    if (good && is_san) good = walk_alt_names(x->value, names);
    if (good && !is_san) good = decode_extension(*x, c);
    if (!good) {
      oddities.add("extension " + format_oid(x->oid) + " does not parse");
    }
    // As in scan_names: a misshapen extension may be a damaged SAN.
    if (!x->readable || x->trailing || (is_san && !good)) {
      c.names_incomplete = true;
    }
  }
  note_duplicates(c, oddities);
}

void read_names(const TbsOutline& tbs, Certificate& c, Oddities& oddities) {
  NameCollector names(c.names);
  if (!walk_distinguished_name(tbs.subject.body, names)) {
    oddities.add("the subject does not parse");
    c.names_incomplete = true;
  }
  judge_names(c.names, oddities);

  std::vector<Name> unused;
  NameCollector issuer(unused);
  if (!walk_distinguished_name(tbs.issuer.body, issuer)) {
    oddities.add("the issuer does not parse");
  }
}

ByteView algorithm_oid(const Element& algorithm) {
  const auto id = DerReader(algorithm.body).expect(tag::kOid);
  return id ? id->body : ByteView{};
}

tl::unexpected<Error> refuse(const Fault& f) {
  return fail(Errc::kMalformed,
              "certificate does not parse: " + std::string(f.part) + ": " +
                  std::string(f.why));
}

}  // namespace

void Oddities::add(std::string_view phrase) {
  constexpr std::size_t kMost = 32;
  if (out_.size() >= kMost) return;
  if (std::ranges::find(out_, phrase) == out_.end()) out_.emplace_back(phrase);
}

Result<Certificate> parse_tbs(ByteView in) {
  const auto tbs = outline_tbs(in);
  if (!tbs) return refuse(tbs.error());

  Certificate c;
  Oddities oddities(c.oddities);
  c.tbs = tbs->whole;
  c.issuer = tbs->issuer.whole;
  c.subject = tbs->subject.whole;
  c.signature_algorithm_oid = algorithm_oid(tbs->signature_algorithm);
  if (c.signature_algorithm_oid.empty()) {
    oddities.add("the signature algorithm does not parse");
  }
  if (tbs->ber_lengths) oddities.add("lengths are not in DER");
  if (tbs->trailing) oddities.add("bytes behind the certificate");
  if (tbs->extensions_doubtful) {
    oddities.add("the extensions do not parse");
    c.names_incomplete = true;
  }
  read_version(*tbs, c, oddities);
  read_serial(*tbs, c, oddities);
  read_validity(*tbs, c, oddities);
  c.key = decode_spki(tbs->spki, oddities);
  if (tbs->extensions) read_extensions(tbs->extensions->body, c, oddities);
  read_names(*tbs, c, oddities);
  return c;
}

Result<Certificate> parse_certificate(ByteView der) {
  const auto outline = outline_certificate(der);
  if (!outline) return refuse(outline.error());
  auto c = parse_tbs(outline->tbs.whole);
  if (!c) return c;

  Oddities oddities(c->oddities);
  c->der = outline->whole;
  if (outline->ber_lengths) oddities.add("lengths are not in DER");
  if (outline->outer_trailing) oddities.add("bytes behind the certificate");
  if (outline->inner_trailing) oddities.add("bytes behind the signature");
  const auto& signature = outline->signature.body;
  if (signature.empty()) {
    oddities.add("the signature is empty");
  } else {
    if (signature[0] != 0) oddities.add("the signature is not whole octets");
    c->signature = signature.subspan(1);
  }
  const auto tbs = outline_tbs(c->tbs);
  if (tbs && !std::ranges::equal(tbs->signature_algorithm.body,
                                 outline->signature_algorithm.body)) {
    oddities.add("the two signature algorithms differ");
  }
  return c;
}

std::string_view to_string(NameKind kind) {
  switch (kind) {
    case NameKind::kDns:
      return "DNS";
    case NameKind::kEmail:
      return "email";
    case NameKind::kUri:
      return "URI";
    case NameKind::kIp:
      return "IP";
    case NameKind::kDirectory:
      return "directory";
    case NameKind::kOtherName:
      return "other name";
    case NameKind::kCommonName:
      return "CN";
    case NameKind::kOrganization:
      return "O";
    case NameKind::kEmailAttribute:
      return "emailAddress";
  }
  return "unknown";
}

}  // namespace ct::x509
