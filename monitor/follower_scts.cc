// Follower: the SCTs of all final certificates, where they are asked for.
#include <fmt/format.h>

#include "base/base64.h"
#include "base/hex.h"
#include "monitor/certificate_facts.h"
#include "monitor/follower.h"
#include "monitor/sct_audit.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

// Entries checked before other logs get their turn.
constexpr std::size_t kSlice = 64;
// An issuer that cannot be had is asked for again after this.
constexpr Millis kMissingFor = 10 * 60 * 1000;
// Certificates of a segment looked into more closely: each takes some
// milliseconds of mbedTLS, which a hostile log could ask for without end.
constexpr std::size_t kMostSuspects = 256;

std::string certificate_text(ByteView der) {
  const auto certificate = x509::parse_certificate(der);
  if (!certificate) return "a certificate";
  return fmt::format("the certificate of serial number {} by {}",
                     to_hex(certificate->serial),
                     issuer_name(certificate->issuer));
}

}  // namespace

Task<Result<PageScts>> Follower::check_scts(const ctlog::EntryPage& page) {
  if (kind_ == ctlog::LogKind::kStatic) co_await learn_issuers(page);
  PageScts out;
  const std::size_t count = page.entries.size();
  for (std::size_t at = 0; at < count; at += kSlice) {
    context_.scts->check(page, at, std::min(at + kSlice, count), out);
    const bool goes_on =
        co_await context_.executor.sleep(std::chrono::milliseconds(0));
    if (!goes_on) co_return fail(Errc::kStopping, "stopping");
  }
  co_return out;
}

// Not stored: what a log calls issuers could fill the database.
Task<void> Follower::learn_issuers(const ctlog::EntryPage& page) {
  IssuerKeys& keys = context_.scts->issuers();
  for (const Hash& fingerprint : context_.scts->unknown_issuers(page)) {
    const auto der =
        co_await issuer_certificate(origin(), fingerprint, /*keep=*/false);
    if (der && keys.find_or_read(*der)) continue;
    keys.set_missing(fingerprint, now_millis() + kMissingFor);
    // It does not answer: no use asking for the others.
    if (!der && der.error().code == Errc::kTransient) co_return;
    if (context_.executor.stopping()) co_return;
  }
}

void Follower::append_scts(Segment& segment, PageScts scts) {
  add(segment.scts.counts, scts.counts);
  for (auto& suspect : scts.suspects) {
    if (segment.scts.suspects.size() >= kMostSuspects) {
      suspect.count_unchecked(segment.scts.counts);
      continue;
    }
    segment.bytes_held += suspect.bytes_held();
    segment.scts.suspects.push_back(std::move(suspect));
  }
}

// Before the commit: should we be interrupted, the entries are read again, and
// an alert that is raised twice is one alert.
Task<SctCounts> Follower::settle_scts(const Segment& segment,
                                      const ctlog::TiedBatch& batch) {
  SctCounts counts = segment.scts.counts;
  const auto logs = context_.logs();
  for (const auto& suspect : segment.scts.suspects) {
    Bytes issuer_der = suspect.issuer;
    if (kind_ == ctlog::LogKind::kStatic) {
      auto der =
          co_await issuer_certificate(origin(), suspect.issuer_fingerprint,
                                      /*keep=*/false);
      if (der) issuer_der = std::move(*der);
    }
    const auto bad = context_.scts->settle(suspect, issuer_der, *logs, counts);
    for (const BadSct& sct : bad) {
      const std::string issuing = logs->at(sct.log_id).info.description;
      co_await raise(bad_sct_alert(suspect, issuer_der, sct, issuing, batch));
    }
  }
  co_return counts;
}

alerts::Alert Follower::bad_sct_alert(const SuspectCertificate& suspect,
                                      ByteView issuer_der, const BadSct& sct,
                                      const std::string& issuing_log,
                                      const ctlog::TiedBatch& batch) const {
  alerts::Alert alert;
  // One alert for each log, however many of its SCTs are bad.
  alert.id = alerts::log_alert_id(alerts::kind::kLogBadSct, sct.log_id, "");
  alert.kind = alerts::kind::kLogBadSct;
  alert.severity = alerts::Severity::kMedium;
  alert.title =
      "A certificate bears an SCT that " + issuing_log + " did not sign";
  alert.reason = fmt::format(
      "In entry {} of {}, {} bears an SCT in the name of the log {}, whose "
      "key did not sign it over this certificate. Either the issuer changed "
      "the certificate after it was logged, or the SCT is made up; no browser "
      "counts it. More such SCTs in this log's name raise no further alert: "
      "ctvigil_scts_total in /metrics counts them.",
      suspect.index, name_, certificate_text(suspect.certificate), issuing_log);
  alert.created = alert.updated = now_millis();
  alert.log_id = sct.log_id;
  alert.log = issuing_log;
  alert.evidence = fmt::format(
      R"({{"certificate":"{}","issuer":"{}","sct":"{}","log_id":"{}",)"
      R"("leaf_index":{}}})",
      to_base64(suspect.certificate), to_base64(issuer_der), to_base64(sct.sct),
      to_base64(log_id_), suspect.index);
  alerts::Sighting where;
  where.log_id = log_id_;
  where.log = name_;
  where.leaf_index = suspect.index;
  where.timestamp = suspect.timestamp;
  where.entry_type = ctlog::EntryType::kX509;
  where.leaf_hash = suspect.leaf_hash;
  where.tree_size = batch.head().size();
  where.root = batch.head().root();
  where.inclusion_proof = batch.inclusion_proof(suspect.index);
  alert.sightings.push_back(std::move(where));
  return alert;
}

}  // namespace ct::monitor
