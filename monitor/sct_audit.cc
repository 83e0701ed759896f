#include "monitor/sct_audit.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/sha256.h"
#include "monitor/issuer_proof.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

using ctlog::RawEntry;
using ctlog::SignedCertificateTimestamp;

// The final certificate of an entry; nullopt: it holds none.
std::optional<ctlog::Leaf> final_leaf(const RawEntry& entry) {
  auto leaf = ctlog::parse_leaf(entry.leaf);
  if (!leaf || leaf->type != ctlog::EntryType::kX509) return std::nullopt;
  return std::move(*leaf);
}

// The first certificate of an RFC 6962 chain; empty: there is none, or the
// chain does not parse.
Bytes first_of_chain(std::string_view extra_b64) {
  const auto bytes = from_base64(extra_b64);
  if (!bytes) return {};
  const auto extra = ctlog::parse_extra_data(ctlog::EntryType::kX509, *bytes);
  if (!extra || extra->chain.empty()) return {};
  return {extra->chain[0].begin(), extra->chain[0].end()};
}

std::optional<Hash> issuer_fingerprint(const RawEntry& entry) {
  return ByteReader(entry.chain_fingerprints).hash();
}

}  // namespace

std::string_view to_string(SctResult result) {
  constexpr std::string_view kNames[kSctResults] = {
      "valid", "bad_signature", "unknown_log", "unreadable", "unchecked"};
  return kNames[static_cast<std::size_t>(result)];
}

void count(SctCounts& counts, const Hash& log_id, SctResult result,
           std::uint64_t times) {
  counts[log_id][static_cast<std::size_t>(result)] += times;
}

void add(SctCounts& counts, const SctCounts& more) {
  for (const auto& [log_id, tally] : more) {
    SctTally& sum = counts[log_id];
    for (std::size_t i = 0; i < kSctResults; ++i) sum[i] += tally[i];
  }
}

std::size_t SuspectCertificate::bytes_held() const {
  std::size_t n = certificate.size() + issuer.size();
  for (const Bytes& sct : scts) n += sct.size();
  return n;
}

void SuspectCertificate::count_unchecked(SctCounts& counts) const {
  for (const Bytes& wire : scts) {
    const auto sct = ctlog::parse_sct(wire);
    count(counts, sct ? sct->log_id : kNoLog, SctResult::kUnchecked);
  }
}

// Checks one certificate after the other, in memory that is used again.
class SctAudit::PageCheck {
 public:
  PageCheck(SctAudit& audit, std::shared_ptr<const Verifiers> verifiers,
            const ctlog::EntryPage& page, PageScts& out)
      : audit_(audit),
        verifiers_(std::move(verifiers)),
        page_(page),
        out_(out) {
    for (const auto& s : out.suspects) bytes_held_ += s.bytes_held();
  }

  void entry(std::size_t i) {
    const auto leaf = final_leaf(page_.entries[i]);
    if (!leaf) return;
    const auto wire = x509::find_sct_list(leaf->certificate);
    if (!wire) return;
    const auto list = ctlog::parse_sct_list(*wire);
    if (!list) {
      count(out_.counts, kNoLog, SctResult::kUnreadable);
      return;
    }
    if (list->unreadable > 0) {
      count(out_.counts, kNoLog, SctResult::kUnreadable, list->unreadable);
    }
    const bool prepared = prepare(page_.entries[i], leaf->certificate);
    SuspectCertificate suspect;
    for (std::size_t n = 0; n < list->scts.size(); ++n) {
      const auto& sct = list->scts[n];
      const bool checkable = prepared && n < kMostScts;
      if (check(sct, checkable)) suspect.scts.push_back(encode_sct(sct));
    }
    if (!suspect.scts.empty()) keep(std::move(suspect), i, *leaf);
  }

 private:
  // Builds what the SCTs sign. False: it is not known.
  bool prepare(const RawEntry& entry, ByteView certificate) {
    const auto key = issuer_key(entry);
    if (!key) return false;
    const auto tbs = x509::log_tbs(certificate);
    return tbs && signed_.assign(*key, *tbs);
  }

  // An issuer's certificates have the same chain, which is recognised as text:
  // hashing it costs less than decoding it where AVX-512 does that, which
  // slows down the processor for all that follows.
  std::optional<Hash> issuer_key(const RawEntry& entry) {
    if (const auto fingerprint = issuer_fingerprint(entry)) {
      return audit_.issuers_.find(*fingerprint);
    }
    const Hash text = sha256(as_bytes(entry.extra_b64));
    auto key = audit_.issuers_.find(text);
    if (key) return key;
    key = audit_.issuers_.find_or_read(first_of_chain(entry.extra_b64));
    if (key) audit_.issuers_.remember(text, *key);
    return key;
  }

  // True: the log's key did not sign it. Otherwise it is counted.
  bool check(const SignedCertificateTimestamp& sct, bool checkable) {
    const auto log = verifiers_->find(sct.log_id);
    if (log == verifiers_->end()) {
      count(out_.counts, kNoLog, SctResult::kUnknownLog);
      return false;
    }
    SctResult result = SctResult::kUnchecked;
    if (checkable && log->second) {
      const auto verified = log->second->verify(sct, signed_);
      if (verified) {
        result = SctResult::kValid;
      } else if (verified.error().code == Errc::kUntrusted) {
        return true;
      } else if (verified.error().code == Errc::kMalformed) {
        result = SctResult::kUnreadable;
      }
    }
    count(out_.counts, sct.log_id, result);
    return false;
  }

  void keep(SuspectCertificate suspect, std::size_t i,
            const ctlog::Leaf& leaf) {
    const RawEntry& entry = page_.entries[i];
    const bool full = out_.suspects.size() >= kMostSuspects;
    if (!full) suspect.issuer = first_of_chain(entry.extra_b64);
    const std::size_t size = suspect.bytes_held() + leaf.certificate.size();
    if (full || bytes_held_ + size > kMostSuspectBytes) {
      suspect.count_unchecked(out_.counts);
      return;
    }
    bytes_held_ += size;
    suspect.index = page_.first + i;
    suspect.timestamp = leaf.timestamp;
    suspect.leaf_hash = page_.leaf_hashes[i];
    suspect.certificate.assign(leaf.certificate.begin(),
                               leaf.certificate.end());
    if (const auto f = issuer_fingerprint(entry)) {
      suspect.issuer_fingerprint = *f;
    }
    out_.suspects.push_back(std::move(suspect));
  }

  SctAudit& audit_;
  const std::shared_ptr<const Verifiers> verifiers_;
  const ctlog::EntryPage& page_;
  PageScts& out_;
  std::size_t bytes_held_ = 0;
  ctlog::SignedPrecert signed_;
};

void SctAudit::update(const KnownLogs& logs) {
  auto next = std::make_shared<Verifiers>();
  std::shared_ptr<const Verifiers> before;
  {
    const std::lock_guard lock(mutex_);
    before = verifiers_;
  }
  for (const auto& [id, log] : logs) {
    if (const auto it = before->find(id); it != before->end()) {
      next->insert(*it);
      continue;
    }
    auto verifier = ctlog::BulkVerifier::from_key(log.key);
    if (!verifier) {
      log_warning(
          "SCTs of a log will go unchecked",
          {{"log", log.info.description}, {"error", verifier.error().what}});
    }
    auto& slot = (*next)[id];
    if (verifier) slot = std::move(*verifier);
  }
  const std::lock_guard lock(mutex_);
  verifiers_ = std::move(next);
}

std::vector<Hash> SctAudit::unknown_issuers(const ctlog::EntryPage& page) {
  std::set<Hash> unknown;
  const Millis now = now_millis();
  for (const RawEntry& entry : page.entries) {
    const auto fingerprint = issuer_fingerprint(entry);
    if (!fingerprint || unknown.contains(*fingerprint) ||
        issuers_.find(*fingerprint)) {
      continue;
    }
    const auto leaf = final_leaf(entry);
    if (!leaf || !x509::find_sct_list(leaf->certificate)) continue;
    if (!issuers_.is_missing(*fingerprint, now)) unknown.insert(*fingerprint);
  }
  return {unknown.begin(), unknown.end()};
}

void SctAudit::check(const ctlog::EntryPage& page, std::size_t begin,
                     std::size_t end, PageScts& out) {
  std::shared_ptr<const Verifiers> verifiers;
  {
    const std::lock_guard lock(mutex_);
    verifiers = verifiers_;
  }
  PageCheck checking(*this, std::move(verifiers), page, out);
  for (std::size_t i = begin; i < end; ++i) checking.entry(i);
}

std::vector<BadSct> SctAudit::settle(const SuspectCertificate& suspect,
                                     ByteView issuer_der, const KnownLogs& logs,
                                     SctCounts& counts) {
  std::vector<BadSct> bad;
  const auto certificate = x509::parse_certificate(suspect.certificate);
  const auto issuer = x509::parse_certificate(issuer_der);
  const auto tbs = x509::log_tbs(ByteView(suspect.certificate));
  if (!certificate || !issuer || !tbs ||
      prove_issuer(*certificate, *issuer) != IssuerProof::kProven) {
    suspect.count_unchecked(counts);
    return bad;
  }
  ctlog::Leaf entry;
  entry.type = ctlog::EntryType::kPrecert;
  entry.issuer_key_hash = x509::spki_sha256(*issuer);
  entry.certificate = *tbs;
  for (const Bytes& wire : suspect.scts) {
    const auto sct = ctlog::parse_sct(wire);
    if (!sct) continue;  // we encoded it ourselves
    count(counts, sct->log_id, SctResult::kBadSignature);
    const auto log = logs.find(sct->log_id);
    if (log == logs.end() || !claim_first(sct->log_id)) continue;
    const auto confirmed = ctlog::verify_sct(log->second.key, *sct, entry);
    if (!confirmed && confirmed.error().code == Errc::kUntrusted) {
      bad.push_back({sct->log_id, wire});
      continue;
    }
    log_error(
        "mbedTLS and libcrypto disagree about an SCT: please report it",
        {{"log", log->second.info.description}, {"sct", to_base64(wire)}});
  }
  return bad;
}

bool SctAudit::claim_first(const Hash& log_id) {
  const std::lock_guard lock(mutex_);
  return told_.insert(log_id).second;
}

void SctAudit::add_to_totals(const SctCounts& counts) {
  const std::lock_guard lock(mutex_);
  add(totals_, counts);
}

SctCounts SctAudit::totals() const {
  const std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace ct::monitor
