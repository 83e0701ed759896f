#include "monitor/inspection.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "base/time.h"
#include "monitor/readings.h"
#include "monitor/terminal.h"
#include "x509/der.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;
using x509::Certificate;

// RFC 5280, section 4.2.1.3; bit 0 first.
constexpr std::array<std::string_view, 9> kUsages = {
    "digital signature", "non-repudiation", "key encipherment",
    "data encipherment", "key agreement",   "certificate signing",
    "CRL signing",       "encipher only",   "decipher only"};

constexpr std::pair<std::string_view, std::string_view> kKnownOids[] = {
    {"1.3.6.1.5.5.7.3.1", "TLS server"},
    {"1.3.6.1.5.5.7.3.2", "TLS client"},
    {"1.3.6.1.5.5.7.3.3", "code signing"},
    {"1.3.6.1.5.5.7.3.4", "e-mail protection"},
    {"1.3.6.1.5.5.7.3.8", "time stamping"},
    {"1.3.6.1.5.5.7.3.9", "OCSP signing"},
    {"2.5.29.37.0", "any usage"},
    {"1.3.6.1.4.1.11129.2.4.4", "precertificate signing"},
    {"1.3.6.1.4.1.11129.2.4.2", "SCT list"},
    {"1.3.6.1.4.1.11129.2.4.3", "precertificate poison"},
    {"2.23.140.1.1", "extended validation"},
    {"2.23.140.1.2.1", "domain validated"},
    {"2.23.140.1.2.2", "organisation validated"},
    {"2.23.140.1.2.3", "individual validated"},
    {"2.5.29.14", "subject key identifier"},
    {"2.5.29.15", "key usage"},
    {"2.5.29.17", "subject alternative name"},
    {"2.5.29.19", "basic constraints"},
    {"2.5.29.30", "name constraints"},
    {"2.5.29.31", "CRL distribution points"},
    {"2.5.29.32", "certificate policies"},
    {"2.5.29.35", "authority key identifier"},
    {"2.5.29.37", "extended key usage"},
    {"1.3.6.1.5.5.7.1.1", "authority information access"},
    {"1.3.6.1.5.5.7.1.24", "TLS feature"},
    {"1.2.840.10045.4.3.2", "ECDSA with SHA-256"},
    {"1.2.840.10045.4.3.3", "ECDSA with SHA-384"},
    {"1.2.840.10045.4.3.4", "ECDSA with SHA-512"},
    {"1.2.840.113549.1.1.5", "RSA with SHA-1"},
    {"1.2.840.113549.1.1.10", "RSA-PSS"},
    {"1.2.840.113549.1.1.11", "RSA with SHA-256"},
    {"1.2.840.113549.1.1.12", "RSA with SHA-384"},
    {"1.2.840.113549.1.1.13", "RSA with SHA-512"},
    {"1.3.101.112", "Ed25519"}};

// "serverAuth's number (TLS server)", or the number alone.
std::string oid_text(ByteView oid) {
  const std::string number = x509::format_oid(oid);
  for (const auto& [known, name] : kKnownOids) {
    if (known == number) return fmt::format("{} ({})", name, number);
  }
  return number;
}

std::string name_text(const x509::Name& name) {
  using x509::NameKind;
  switch (name.kind) {
    case NameKind::kIp:
      if (const auto ip = x509::ip_from_octets(name.value)) {
        return x509::format_ip(*ip);
      }
      return to_hex(name.value);
    case NameKind::kDirectory:
      return x509::format_name(name.value);
    case NameKind::kOtherName:
      return to_hex(name.value);
    default:
      return x509::string_to_utf8(
          name.string_tag != 0 ? name.string_tag : x509::tag::kUtf8String,
          name.value);
  }
}

std::vector<std::string> usages_of(const Certificate& c) {
  std::vector<std::string> out;
  for (std::size_t i = 0; c.key_usage && i < kUsages.size(); ++i) {
    if (*c.key_usage >> i & 1) out.emplace_back(kUsages[i]);
  }
  return out;
}

std::vector<std::string> oid_texts(const std::vector<ByteView>& oids) {
  std::vector<std::string> out;
  for (const ByteView oid : oids) out.push_back(oid_text(oid));
  return out;
}

std::vector<std::string> texts(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

Json optional_hex(const std::optional<Hash>& hash) {
  return hash ? Json(to_hex(*hash)) : Json();
}

Json scts_json(const alerts::CertificateFacts& facts) {
  Json out = Json::array();
  for (const alerts::SctCheck& sct : facts.scts) {
    out.push_back({{"log_id", to_base64(sct.log_id)},
                   {"log", sct.log},
                   {"timestamp", format_time(sct.timestamp)},
                   {"result", sct.result}});
  }
  return out;
}

std::string sct_line(const alerts::SctCheck& sct) {
  if (sct.result == "unreadable" && sct.timestamp == 0) return "unreadable";
  return fmt::format("{}: {} at {}", sct.result,
                     sct.log.empty() ? to_base64(sct.log_id) : sct.log,
                     format_time(sct.timestamp));
}

// Lines of "label: value", hostile text escaped.
class Lines {
 public:
  void add(std::string_view label, std::string_view value) {
    if (value.empty()) return;
    out_ +=
        fmt::format("{:<20}{}\n", fmt::format("{}:", label), printable(value));
  }
  void add(std::string_view label, const std::vector<std::string>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      out_ += fmt::format("{:<20}{}\n",
                          i == 0 ? fmt::format("{}:", label) : std::string(),
                          printable(values[i]));
    }
  }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string authority_text(const Certificate& c) {
  if (!c.is_ca) return "";
  if (!*c.is_ca) return "no";
  return c.path_length ? fmt::format("yes, path length {}", *c.path_length)
                       : "yes";
}

}  // namespace

std::string inspection_json(const Inspection& inspection) {
  const Certificate& c = inspection.certificate;
  const alerts::CertificateFacts& f = inspection.facts;
  Json names = Json::array();
  for (const x509::Name& name : c.names) {
    names.push_back(
        {{"kind", x509::to_string(name.kind)}, {"value", name_text(name)}});
  }
  Json extensions = Json::array();
  for (const auto& e : c.extensions) {
    extensions.push_back({{"oid", x509::format_oid(e.oid)},
                          {"critical", e.critical},
                          {"value", to_base64(e.value)}});
  }
  const Json out = {
      {"version", c.version},
      {"serial", to_hex(c.serial)},
      {"issuer", x509::format_name(c.issuer)},
      {"issuer_spki_sha256", optional_hex(f.issuer_spki_sha256)},
      {"subject", x509::format_name(c.subject)},
      {"not_before", format_seconds(c.not_before)},
      {"not_after", format_seconds(c.not_after)},
      {"key", f.key},
      {"spki_sha256", to_hex(f.spki_sha256)},
      {"signature_algorithm", x509::format_oid(c.signature_algorithm_oid)},
      {"certificate_sha256", optional_hex(f.sha256)},
      {"tbs_sha256", to_hex(f.tbs_sha256)},
      {"names", names},
      {"identities", f.all_names},
      {"key_usage", usages_of(c)},
      {"extended_key_usage", oid_texts(c.extended_key_usage)},
      {"is_ca", c.is_ca ? Json(*c.is_ca) : Json()},
      {"path_length", c.path_length ? Json(*c.path_length) : Json()},
      {"policies", oid_texts(c.policies)},
      {"subject_key_id", to_hex(c.subject_key_id)},
      {"authority_key_id", to_hex(c.authority_key_id)},
      {"ocsp_urls", texts(c.ocsp_urls)},
      {"issuer_urls", texts(c.issuer_urls)},
      {"crl_urls", texts(c.crl_urls)},
      {"must_staple", c.must_staple},
      {"is_precertificate", c.has_poison},
      {"is_precert_signing_ca", c.is_precert_signing_ca},
      {"extensions", extensions},
      {"scts", scts_json(f)},
      {"notes", f.notes}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string inspection_text(const Inspection& inspection) {
  const Certificate& c = inspection.certificate;
  const alerts::CertificateFacts& f = inspection.facts;
  Lines out;
  if (c.has_poison) out.add("Kind", "precertificate");
  out.add("Subject", x509::format_name(c.subject));
  out.add("Issuer", x509::format_name(c.issuer));
  out.add("Issuer key SHA-256", f.issuer_spki_sha256
                                    ? to_hex(*f.issuer_spki_sha256)
                                    : "not known for certain");
  out.add("Serial", to_hex(c.serial));
  const auto lifetime =
      std::chrono::seconds(std::max<Seconds>(c.not_after - c.not_before, 0));
  out.add("Valid",
          fmt::format("{} to {} ({})", format_seconds(c.not_before),
                      format_seconds(c.not_after), format_duration(lifetime)));
  out.add("Key", f.key);
  out.add("Key SHA-256", to_hex(f.spki_sha256));
  out.add("Signature", oid_text(c.signature_algorithm_oid));
  if (f.sha256) out.add("SHA-256", to_hex(*f.sha256));
  out.add("TBS SHA-256", to_hex(f.tbs_sha256));
  std::vector<std::string> names;
  for (const x509::Name& name : c.names) {
    names.push_back(
        fmt::format("{} {}", x509::to_string(name.kind), name_text(name)));
  }
  out.add("Names", names);
  out.add("Key usage", usages_of(c));
  out.add("Extended usage", oid_texts(c.extended_key_usage));
  out.add("CA", authority_text(c));
  out.add("Policies", oid_texts(c.policies));
  out.add("Subject key id", to_hex(c.subject_key_id));
  out.add("Authority key id", to_hex(c.authority_key_id));
  out.add("OCSP", texts(c.ocsp_urls));
  out.add("Issuer at", texts(c.issuer_urls));
  out.add("CRLs", texts(c.crl_urls));
  if (c.must_staple) out.add("Must staple", "yes");
  std::vector<std::string> extensions;
  for (const auto& e : c.extensions) {
    extensions.push_back(oid_text(e.oid) + (e.critical ? ", critical" : ""));
  }
  out.add("Extensions", extensions);
  std::vector<std::string> scts;
  for (const alerts::SctCheck& sct : f.scts) scts.push_back(sct_line(sct));
  out.add("SCTs", scts);
  out.add("Notes", f.notes);
  return out.take();
}

}  // namespace ct::monitor
