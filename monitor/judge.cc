#include "monitor/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "base/sha256.h"
#include "monitor/certificate_facts.h"
#include "monitor/issuers.h"
#include "monitor/precert_check.h"
#include "monitor/verdict_text.h"

namespace ct::monitor {
namespace {

using alerts::AlertState;
using alerts::CertificateFacts;
using alerts::Expectation;
using alerts::Severity;
using alerts::Watch;
using alerts::WatchKind;

constexpr std::size_t kMostMatchedNames = 1'000;
constexpr std::size_t kMostFindingBytes = 32u << 20;  // of one certificate

// An entry read as far as it can be.
struct Reading {
  CertificateFacts facts;
  std::vector<std::string> names;  // all identities
  bool is_ca = false;
  bool parsed = false;
  // DER of the issuer's DN, and its key where that is known.
  ByteView issuer_name;
};

// The certificate of a precert entry: what the log hashed, and the submitted
// precertificate if it belongs to that.
void read_precert(const MatchedEntry& entry, const x509::Certificate& logged,
                  CertificateFacts& facts) {
  const ByteView tbs = entry.leaf.certificate;
  facts.tbs.assign(tbs.begin(), tbs.end());
  facts.tbs_sha256 = sha256(tbs);
  // The log has checked it against the chain it accepted.
  facts.issuer_spki_sha256 = entry.leaf.issuer_key_hash;
  if (entry.certificate.empty()) return;
  const auto submitted = x509::parse_certificate(entry.certificate);
  if (!submitted) {
    facts.notes.push_back(
        "The precertificate that came with the entry does not parse.");
    return;
  }
  if (const auto part = precert_difference(*submitted, logged)) {
    facts.notes.push_back(fmt::format(
        "The precertificate that came with the entry is not the one the log "
        "signed for: its {} differs. What is said here is of the one signed "
        "for.",
        *part));
    return;
  }
  facts.der = entry.certificate;
  facts.sha256 = sha256(entry.certificate);
}

// What does not parse still needs a name: its leaf hash stands in for the
// hash of the TBS.
Reading read_malformed(const MatchedEntry& entry,
                       const alerts::Sighting& where) {
  Reading r;
  const ByteView certificate = entry.leaf.certificate;
  if (certificate.empty()) {  // not even the leaf parses
    r.facts.tbs.assign(entry.leaf_bytes.begin(), entry.leaf_bytes.end());
  } else if (entry.leaf.type == ctlog::EntryType::kPrecert) {
    r.facts.tbs.assign(certificate.begin(), certificate.end());
  } else {
    r.facts.der.assign(certificate.begin(), certificate.end());
    r.facts.sha256 = sha256(certificate);
  }
  r.facts.tbs_sha256 = where.leaf_hash;
  r.facts.issuer_name = "an unknown issuer";
  r.facts.notes.push_back("It does not parse: " + entry.malformed_why + ".");
  r.facts.notes.push_back(
      "It is identified by its leaf hash in place of a TBS hash.");
  return r;
}

Reading read_entry(const MatchedEntry& entry, const alerts::Sighting& where,
                   const KnownLogs& logs) {
  const bool precert = entry.leaf.type == ctlog::EntryType::kPrecert;
  const ByteView bytes = entry.leaf.certificate;
  const auto certificate =
      precert ? x509::parse_tbs(bytes) : x509::parse_certificate(bytes);
  if (!certificate) return read_malformed(entry, where);
  Reading r;
  if (precert) {
    r.facts = field_facts(*certificate);
    read_precert(entry, *certificate, r.facts);
  } else {
    std::optional<ByteView> issuer;
    if (!entry.chain.empty()) issuer = entry.chain.front();
    r.facts = final_facts(*certificate, issuer, logs);
  }
  r.parsed = true;
  r.names = identities(certificate->names);
  r.is_ca = certificate->is_ca.value_or(false);
  r.issuer_name = certificate->issuer;
  return r;
}

bool announces(const Expectation& e, const Reading& r) {
  if (e.kind == Expectation::Kind::kTbs) {
    return e.value == r.facts.tbs_sha256;
  }
  if (e.value != r.facts.spki_sha256) return false;
  return e.names.empty() ||
         std::ranges::all_of(r.names, [&](const std::string& name) {
           return std::ranges::find(e.names, name) != e.names.end();
         });
}

// One watch and the names that concern it.
struct Concern {
  const Watch& watch;
  std::vector<const NameMatch*> matches;

  [[nodiscard]] bool any(bool NameMatch::*flag) const {
    return std::ranges::any_of(matches,
                               [&](const NameMatch* m) { return m->*flag; });
  }
};

// A wildcard for everything below a public suffix: no list of issuers means
// to allow that.
bool covers_public_suffix(const Concern& c) {
  return std::ranges::any_of(c.matches, [](const NameMatch* m) {
    return m->covers && (m->name.find('.') == std::string::npos ||
                         x509::is_public_suffix(m->name));
  });
}

// How its owner announced the certificate; "" if nobody did.
std::string announcement(const Reading& r,
                         const std::vector<Expectation>& expectations) {
  if (!r.parsed) return {};
  for (const Expectation& e : expectations) {
    if (!announces(e, r)) continue;
    std::string what = e.kind == Expectation::Kind::kTbs
                           ? "it was registered beforehand"
                           : "a certificate for its key and names was "
                             "announced";
    if (!e.note.empty()) what += " (" + e.note + ")";
    return what;
  }
  return {};
}

// Why the certificate is expected; "" if nothing explains it. `announced` is
// its announcement.
std::string explanation(const Concern& c, const Reading& r,
                        const std::string& announced) {
  if (!r.parsed || !announced.empty()) return announced;
  if (std::ranges::find(c.watch.allowed_spkis, r.facts.spki_sha256) !=
      c.watch.allowed_spkis.end()) {
    return "its key is one of those known as ours";
  }
  if (covers_public_suffix(c)) return {};
  const Issuer issuer{r.issuer_name, r.facts.issuer_spki_sha256};
  for (const std::string& declared : c.watch.allowed_issuers) {
    if (is_issuer(declared, issuer)) {
      return "its issuer is on the watch's list as \"" + declared + '"';
    }
  }
  return {};
}

bool is_expired(const Reading& r, Millis now) {
  return r.parsed && r.facts.not_after < now / 1000;
}

Severity severity_of(const Concern& c, const Reading& r, Millis now) {
  if (is_expired(r, now)) return Severity::kLow;
  if (c.watch.kind == WatchKind::kEmail ||
      c.watch.kind == WatchKind::kOrganization) {
    return Severity::kMedium;
  }
  const bool declared =
      !c.watch.allowed_issuers.empty() || !c.watch.allowed_spkis.empty();
  const bool grave = !r.parsed || r.is_ca || c.any(&NameMatch::covers) ||
                     c.any(&NameMatch::in_bytes);
  return declared || grave ? Severity::kHigh : Severity::kMedium;
}

std::vector<std::string> matched_names(const Concern& c) {
  std::vector<std::string> out;
  std::unordered_set<std::string_view> seen;
  for (const NameMatch* m : c.matches) {
    if (!seen.insert(m->name).second) continue;
    if (out.size() < kMostMatchedNames) out.push_back(shortened(m->name));
  }
  if (seen.size() > kMostMatchedNames) {
    out.push_back(fmt::format("… {} more", seen.size() - kMostMatchedNames));
  }
  return out;
}

alerts::Finding finding_of(const Concern& c, const Reading& r,
                           const alerts::Sighting& where,
                           const std::string& announced) {
  const Millis now = now_millis();
  const std::string explained = explanation(c, r, announced);
  alerts::Finding f;
  alerts::Alert& a = f.alert;
  f.grace = c.watch.grace;
  a.id = alerts::certificate_alert_id(c.watch.id, r.facts.tbs_sha256);
  a.state = explained.empty() ? AlertState::kOpen : AlertState::kExpected;
  a.severity = explained.empty() ? severity_of(c, r, now) : Severity::kInfo;
  a.kind = r.parsed ? alerts::kind::kUnexpectedCertificate
                    : alerts::kind::kMalformedCertificate;
  a.created = a.updated = now;
  a.watch_id = c.watch.id;
  a.watch = c.watch.pattern;
  a.tags = c.watch.tags;
  a.names = matched_names(c);
  a.certificate = r.facts;
  a.sightings = {where};

  VerdictText text{c.watch, *c.matches.front(), a.names.size(), r.facts, where};
  text.parsed = r.parsed;
  text.is_ca = r.is_ca;
  text.expired = is_expired(r, now);
  text.over_public_suffix = covers_public_suffix(c);
  a.title = text.title(explained);
  a.reason = text.reason(explained);
  return f;
}

// Of the watches that get no finding of their own.
alerts::Finding left_out_finding(std::size_t watches,
                                 const std::vector<std::string>& names,
                                 const Reading& r,
                                 const alerts::Sighting& where,
                                 const std::string& announced) {
  const Millis now = now_millis();
  alerts::Finding f;
  alerts::Alert& a = f.alert;
  a.id = alerts::certificate_alert_id("", r.facts.tbs_sha256);
  a.state = announced.empty() ? AlertState::kOpen : AlertState::kExpected;
  a.severity = !announced.empty()   ? Severity::kInfo
               : is_expired(r, now) ? Severity::kLow
                                    : Severity::kHigh;
  a.kind = alerts::kind::kTooManyWatches;
  a.created = a.updated = now;
  for (const auto& name : names) a.names.push_back(shortened(name));
  a.certificate = r.facts;
  a.sightings = {where};
  const LeftOutText text{watches, names, r.facts, where, r.parsed};
  a.title = text.title();
  a.reason = text.reason(announced);
  return f;
}

std::size_t bytes_of(const CertificateFacts& facts) {
  std::size_t n = sizeof facts + facts.der.size() + facts.tbs.size() +
                  facts.issuer.size() + facts.subject.size();
  for (const auto& name : facts.all_names) n += sizeof name + name.size();
  return n;
}

// Gives up concerns beyond the `most`-th, those by wildcards first, and counts
// them as left out.
void shorten(std::vector<const Concern*>& concerns, std::size_t most,
             std::size_t& left_out, std::vector<std::string>& left_out_by) {
  if (concerns.size() <= most) return;
  std::ranges::stable_partition(
      concerns, [](const Concern* c) { return !c->matches.front()->covers; });
  left_out += concerns.size() - most;
  for (std::size_t i = most; i < concerns.size(); ++i) {
    const std::string& name = concerns[i]->matches.front()->name;
    if (left_out_by.size() == Matches::kMaxLeftOutBy) break;
    if (std::ranges::find(left_out_by, name) == left_out_by.end()) {
      left_out_by.push_back(name);
    }
  }
  concerns.resize(most);
}

}  // namespace

std::vector<alerts::Finding> judge(const MatchedEntry& entry,
                                   const alerts::Sighting& where,
                                   const JudgeContext& context) {
  std::vector<alerts::Finding> findings;
  if (entry.matches.empty()) return findings;
  std::map<std::uint32_t, Concern> by_watch;
  const auto& watches = context.watchlist.watches();
  for (const NameMatch& m : entry.matches.list) {
    by_watch.try_emplace(m.watch, Concern{watches[m.watch], {}})
        .first->second.matches.push_back(&m);
  }
  std::vector<const Concern*> concerns;
  for (auto& [watch, concern] : by_watch) {
    // The plainest match first: it is the one that texts name.
    std::ranges::stable_sort(concern.matches, {}, [](const NameMatch* m) {
      return m->covers + 2 * m->in_bytes;
    });
    concerns.push_back(&concern);
  }
  const Reading reading = entry.malformed
                              ? read_malformed(entry, where)
                              : read_entry(entry, where, context.logs);
  std::size_t left_out = entry.matches.left_out;
  std::vector<std::string> left_out_by = entry.matches.left_out_by;
  // Each finding holds a copy of the certificate.
  shorten(concerns,
          std::max<std::size_t>(1, kMostFindingBytes / bytes_of(reading.facts)),
          left_out, left_out_by);
  const std::string announced = announcement(reading, context.expectations);
  for (const Concern* concern : concerns) {
    findings.push_back(finding_of(*concern, reading, where, announced));
  }
  if (left_out > 0) {
    findings.push_back(
        left_out_finding(left_out, left_out_by, reading, where, announced));
  }
  return findings;
}

}  // namespace ct::monitor
