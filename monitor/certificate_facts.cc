#include "monitor/certificate_facts.h"

#include <fmt/format.h>

#include <unordered_set>

#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/sct.h"
#include "monitor/issuer_proof.h"
#include "monitor/readings.h"
#include "x509/der.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

// A hostile certificate may have more of everything than anybody reads.
constexpr std::size_t kMostNames = 1'000;
constexpr std::size_t kLongestName = 300;
constexpr std::size_t kMostNotes = 50;
constexpr std::size_t kMostScts = 32;  // each costs a signature check

std::string cut(std::string text, std::size_t longest) {
  if (text.size() <= longest) return text;
  // At a character's end.
  std::size_t end = longest;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  text.resize(end);
  return text + "…";
}

std::vector<std::string> cut_list(std::vector<std::string> list,
                                  std::size_t most) {
  const std::size_t n = list.size();
  if (n > most) {
    list.resize(most);
    list.push_back(fmt::format("… {} more", n - most));
  }
  return list;
}

std::string utf8_of(const x509::Name& name) {
  return x509::string_to_utf8(
      name.string_tag != 0 ? name.string_tag : x509::tag::kUtf8String,
      name.value);
}

// Readings of a common name that may be no name of a machine at all.
std::vector<std::string> common_name_identities(const x509::Name& name) {
  if (const auto host = plain_host(name)) return {std::string(*host)};
  std::vector<std::string> out;
  for (auto& mail : mail_readings(name)) out.push_back(std::move(mail.address));
  if (!out.empty()) return out;
  for (std::string& host : all_host_readings(name)) {
    if (host.find('.') != std::string::npos) out.push_back(std::move(host));
  }
  return out;
}

std::vector<std::string> identities_of(const x509::Name& name) {
  using x509::NameKind;
  switch (name.kind) {
    case NameKind::kDns:
    case NameKind::kUri:
      return all_host_readings(name);
    case NameKind::kEmail:
    case NameKind::kEmailAttribute:
      return {utf8_of(name)};
    case NameKind::kIp: {
      std::vector<std::string> out;
      for (const auto& ip : ip_readings(name)) {
        out.push_back(x509::format_ip(ip));
      }
      if (out.empty()) out.push_back("IP " + to_hex(name.value));
      return out;
    }
    case NameKind::kCommonName:
      return common_name_identities(name);
    case NameKind::kDirectory:
    case NameKind::kOtherName:
    case NameKind::kOrganization:
      return {};
  }
  return {};
}

// One SCT against the log's key; "unchecked" where the issuer's key, which it
// covers, is not known for certain.
std::string check_sct(const ctlog::SignedCertificateTimestamp& sct,
                      const KnownLog& log, const ctlog::Leaf* entry,
                      bool issuer_proven) {
  if (entry == nullptr) return "unchecked";
  const auto verified = ctlog::verify_sct(log.key, sct, *entry);
  if (verified) return "valid";
  if (verified.error().code == Errc::kMalformed) return "unreadable";
  return issuer_proven ? "bad_signature" : "unchecked";
}

// `issuer` is the key that the SCTs are to be checked with, if there is one.
void check_scts(const x509::Certificate& certificate,
                const x509::Certificate* issuer, bool issuer_proven,
                const KnownLogs& logs, alerts::CertificateFacts& facts) {
  const auto list = ctlog::parse_sct_list(*certificate.sct_list);
  if (!list) {
    facts.scts.push_back({.log = "", .result = "unreadable"});
    facts.notes.push_back("The SCT list does not parse.");
    return;
  }
  const auto tbs = x509::log_tbs(certificate);
  ctlog::Leaf entry;
  const bool checkable = issuer != nullptr && tbs;
  if (checkable) {
    entry.type = ctlog::EntryType::kPrecert;
    entry.issuer_key_hash = x509::spki_sha256(*issuer);
    entry.certificate = *tbs;
  }
  std::size_t bad = 0, unchecked = 0;
  for (const auto& sct : list->scts) {
    if (facts.scts.size() == kMostScts) {
      facts.notes.push_back(fmt::format("Only {} of {} SCTs were checked.",
                                        kMostScts, list->scts.size()));
      break;
    }
    alerts::SctCheck check;
    check.log_id = sct.log_id;
    check.timestamp = sct.timestamp;
    const auto log = logs.find(sct.log_id);
    if (log == logs.end()) {
      check.result = "unknown_log";
    } else {
      check.log = log->second.info.description;
      check.result = check_sct(sct, log->second, checkable ? &entry : nullptr,
                               issuer_proven);
    }
    bad += check.result == "bad_signature";
    unchecked += check.result == "unchecked";
    facts.scts.push_back(std::move(check));
  }
  for (std::size_t i = 0; i < list->unreadable && facts.scts.size() < kMostScts;
       ++i) {
    facts.scts.push_back({.log = "", .result = "unreadable"});
  }
  if (list->unreadable != 0) {
    facts.notes.push_back(
        fmt::format("{} of its SCTs cannot be read.", list->unreadable));
  }
  if (bad != 0) {
    facts.notes.push_back(fmt::format(
        "{} of its SCTs {} not signed by the log named: the certificate is "
        "not the one that was logged.",
        bad, bad == 1 ? "is" : "are"));
  }
  if (unchecked != 0) {
    facts.notes.push_back(
        fmt::format("{} of its SCTs could not be checked, because the "
                    "issuer's key is not known for certain.",
                    unchecked));
  }
}

// Browsers' policies say nothing about logs of private lists.
bool has_public_logs(const KnownLogs& logs) {
  for (const auto& [id, log] : logs) {
    if (log.info.state != ctlog::LogState::kUnknown) return true;
  }
  return false;
}

void note_policy_gaps(const x509::Certificate& certificate,
                      const KnownLogs& logs, alerts::CertificateFacts& facts) {
  if (certificate.is_ca.value_or(false) || !has_public_logs(logs)) return;
  if (!certificate.sct_list) {
    facts.notes.push_back(
        "It has no embedded SCTs: browsers accept it only from a server that "
        "sends SCTs itself.");
    return;
  }
  for (const alerts::SctCheck& sct : facts.scts) {
    // What could not be checked may well be good.
    if (sct.result == "unchecked" || sct.result == "unknown_log") return;
  }
  for (std::string& gap :
       sct_policy_gaps(facts.scts, facts.not_before, facts.not_after, logs)) {
    facts.notes.push_back(std::move(gap));
  }
}

}  // namespace

std::vector<std::string> identities(std::span<const x509::Name> names) {
  std::vector<std::string> out;
  std::unordered_set<std::string> seen;
  for (const x509::Name& name : names) {
    for (std::string& identity : identities_of(name)) {
      identity = cut(std::move(identity), kLongestName);
      if (seen.insert(identity).second) out.push_back(std::move(identity));
    }
  }
  return out;
}

std::string issuer_name(ByteView distinguished_name) {
  std::string name = x509::organization(distinguished_name);
  if (name.empty()) name = x509::common_name(distinguished_name);
  if (name.empty()) name = x509::format_name(distinguished_name);
  if (name.empty()) name = "an issuer without a name";
  return cut(std::move(name), kLongestName);
}

alerts::CertificateFacts field_facts(const x509::Certificate& certificate) {
  alerts::CertificateFacts facts;
  facts.issuer = cut(x509::format_name(certificate.issuer), 4 * kLongestName);
  facts.issuer_name = issuer_name(certificate.issuer);
  facts.subject = cut(x509::format_name(certificate.subject), 4 * kLongestName);
  facts.serial = cut(to_hex(certificate.serial), kLongestName);
  facts.not_before = certificate.not_before;
  facts.not_after = certificate.not_after;
  facts.spki_sha256 = x509::spki_sha256(certificate);
  facts.key = x509::describe_key(certificate.key);
  facts.all_names = cut_list(identities(certificate.names), kMostNames);
  for (const std::string& oddity : certificate.oddities) {
    facts.notes.push_back("Odd: " + cut(oddity, kLongestName) + ".");
  }
  facts.notes = cut_list(std::move(facts.notes), kMostNotes);
  if (certificate.names_incomplete) {
    facts.notes.push_back(
        "A part that can hold names does not parse: it may name more.");
  }
  return facts;
}

alerts::CertificateFacts final_facts(const x509::Certificate& certificate,
                                     std::optional<ByteView> issuer,
                                     const KnownLogs& logs) {
  alerts::CertificateFacts facts = field_facts(certificate);
  facts.der.assign(certificate.der.begin(), certificate.der.end());
  facts.sha256 = sha256(certificate.der);
  if (const auto hash = x509::tbs_sha256(certificate)) {
    facts.tbs_sha256 = *hash;
  } else {
    facts.tbs_sha256 = sha256(certificate.tbs);
    facts.notes.push_back(
        "Its extensions do not parse, so it cannot be told whether it belongs "
        "to a precertificate.");
  }
  std::optional<x509::Certificate> parsed;
  auto proof = IssuerProof::kUnsupported;
  if (issuer) {
    if (auto p = x509::parse_certificate(*issuer)) {
      proof = prove_issuer(certificate, *p);
      if (proof == IssuerProof::kRefuted) {
        facts.notes.push_back(
            "It is not signed by the issuer's certificate that came with it.");
      } else {
        parsed = std::move(*p);
      }
    }
  }
  const bool proven = proof == IssuerProof::kProven;
  if (proven) facts.issuer_spki_sha256 = x509::spki_sha256(*parsed);
  if (certificate.sct_list) {
    check_scts(certificate, parsed ? &*parsed : nullptr, proven, logs, facts);
  }
  note_policy_gaps(certificate, logs, facts);
  return facts;
}

Result<alerts::CertificateFacts> certificate_facts(
    ByteView der, std::optional<ByteView> issuer, const KnownLogs& logs) {
  const auto certificate = x509::parse_certificate(der);
  if (!certificate) return tl::unexpected(certificate.error());
  if (!certificate->has_poison) return final_facts(*certificate, issuer, logs);
  // A precertificate: what its log hashed is not known for certain, because
  // its issuer may be a precert-signing CA.
  alerts::CertificateFacts facts = final_facts(*certificate, issuer, {});
  facts.notes.push_back("It is a precertificate.");
  return facts;
}

}  // namespace ct::monitor
