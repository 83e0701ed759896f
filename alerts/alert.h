// What ctvigil tells people: alerts about certificates and about logs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ctlog/leaf.h"
#include "ctlog/merkle.h"

namespace ct::alerts {

enum class Severity : std::uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
[[nodiscard]] std::string_view to_string(Severity s);
[[nodiscard]] std::optional<Severity> parse_severity(std::string_view text);

// expected: explained, so nobody is told. open → acknowledged → resolved.
enum class AlertState : std::uint8_t {
  kOpen,
  kAcknowledged,
  kResolved,
  kExpected
};
[[nodiscard]] std::string_view to_string(AlertState s);
[[nodiscard]] std::optional<AlertState> parse_alert_state(
    std::string_view text);

// Values of Alert::kind. Stable: receivers lean on them.
namespace kind {
inline constexpr std::string_view kUnexpectedCertificate =
    "unexpected_certificate";
// The entry does not parse, but a watched name occurs in its bytes.
inline constexpr std::string_view kMalformedCertificate =
    "malformed_certificate";
// It concerns more watches than get an alert of their own.
inline constexpr std::string_view kTooManyWatches = "too_many_watches";
inline constexpr std::string_view kLogRootMismatch = "log_root_mismatch";
inline constexpr std::string_view kLogFork = "log_fork";
inline constexpr std::string_view kLogBadSignature = "log_bad_signature";
// A certificate bears an SCT that its log did not sign.
inline constexpr std::string_view kLogBadSct = "log_bad_sct";
inline constexpr std::string_view kLogStale = "log_stale_head";
inline constexpr std::string_view kLogLag = "log_lag";
inline constexpr std::string_view kLogUnreachable = "log_unreachable";
inline constexpr std::string_view kLogUnread = "log_gone_with_unread_entries";
inline constexpr std::string_view kLogListStale = "log_list_stale";
// Messages for a channel were given up: who listens there was not told.
inline constexpr std::string_view kDeliveryFailed = "delivery_failed";
inline constexpr std::string_view kTest = "test";
}  // namespace kind

// Where the certificate was seen, and the proof that it is there.
struct Sighting {
  Hash log_id{};
  std::string log;  // description
  ctlog::LeafIndex leaf_index = 0;
  Millis timestamp = 0;  // the entry's
  ctlog::EntryType entry_type = ctlog::EntryType::kX509;
  Hash leaf_hash{};
  ctlog::TreeSize tree_size = 0;  // of the signed head that the proof leads to
  Hash root{};
  std::vector<Hash> inclusion_proof;
};

// How one embedded SCT fared: "valid", "bad_signature", "unknown_log",
// "unreadable"; "unchecked" where the issuer's key is not known for certain.
struct SctCheck {
  Hash log_id{};
  std::string log;
  Millis timestamp = 0;
  std::string result;
};

// The certificate part of an alert; all text is UTF-8 and attacker-chosen.
struct CertificateFacts {
  Bytes der;                   // certificate or precertificate; may be empty
  Bytes tbs;                   // what the log hashed, for precert entries
  std::optional<Hash> sha256;  // of `der`; none while only a TBS is known
  Hash tbs_sha256{};           // names the issuance (RFC 6962 TBS)
  std::string issuer;          // DN
  std::string issuer_name;     // organisation or common name
  std::optional<Hash> issuer_spki_sha256;
  std::string subject;
  std::string serial;  // lower-case hex
  Seconds not_before = 0;
  Seconds not_after = 0;
  Hash spki_sha256{};
  std::string key;                     // "EC P-256"
  std::vector<std::string> all_names;  // for display
  std::vector<SctCheck> scts;          // final certificates only
  std::vector<std::string> notes;      // oddities, SCT policy, mismatches
};

struct Alert {
  std::string id;  // stable: same watch and issuance, same id
  AlertState state = AlertState::kOpen;
  Severity severity = Severity::kHigh;
  std::string kind;
  std::string title;   // one line
  std::string reason;  // sentences: which name, which watch, why unexpected
  Millis created = 0;
  Millis updated = 0;
  std::string note;  // of whoever acknowledged or resolved it

  // Certificate alerts.
  std::string watch_id;
  std::string watch;               // the pattern: "example.com"
  std::vector<std::string> tags;   // of the watch
  std::vector<std::string> names;  // those that matched
  std::optional<CertificateFacts> certificate;
  std::vector<Sighting> sightings;

  // Log alerts.
  std::optional<Hash> log_id;
  std::string log;       // description
  std::string evidence;  // JSON: heads, proofs and bytes, as received
};

// Ids derived from what an alert is about, so that storing it twice is
// harmless: 32 hex digits.
[[nodiscard]] std::string certificate_alert_id(std::string_view watch_id,
                                               const Hash& tbs_sha256);
// `episode` tells one outage from the next: the time or size it began at.
[[nodiscard]] std::string log_alert_id(std::string_view kind,
                                       const Hash& log_id,
                                       std::string_view episode);

}  // namespace ct::alerts
