// SctAudit: the SCTs of every final certificate, checked in bulk.
//
// One for all logs read; safe from any thread. A page's certificates are
// checked with libcrypto as they come in. What does not hold is looked into
// once its batch is tied to a signed head: a chain is nobody's word, so an SCT
// is bad only under an issuer's key that did sign the certificate.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "ctlog/bulk_verifier.h"
#include "ctlog/log_source.h"
#include "monitor/issuer_keys.h"
#include "monitor/judge.h"

namespace ct::monitor {

enum class SctResult : std::uint8_t {
  kValid,
  kBadSignature,
  kUnknownLog,
  kUnreadable,
  kUnchecked,  // issuer or TBS are not known for certain, or a limit was met
};
inline constexpr std::size_t kSctResults = 5;
[[nodiscard]] std::string_view to_string(SctResult result);

// How many fared how, by the log they name; those of no known log under
// kNoLog, so that it does not grow with what others make up.
using SctTally = std::array<std::uint64_t, kSctResults>;
using SctCounts = std::map<Hash, SctTally>;
inline constexpr Hash kNoLog{};
void count(SctCounts& counts, const Hash& log_id, SctResult result,
           std::uint64_t times = 1);
void add(SctCounts& counts, const SctCounts& more);

// A certificate with SCTs that libcrypto says their logs did not sign, copied
// out of its page.
struct SuspectCertificate {
  ctlog::LeafIndex index = 0;
  Millis timestamp = 0;
  Hash leaf_hash{};
  Bytes certificate;
  std::vector<Bytes> scts;    // serialized
  Bytes issuer;               // RFC 6962: from the chain
  Hash issuer_fingerprint{};  // Static CT

  [[nodiscard]] std::size_t bytes_held() const;
  // Gives up on it.
  void count_unchecked(SctCounts& counts) const;
};

struct PageScts {
  SctCounts counts;  // without the suspects'
  std::vector<SuspectCertificate> suspects;
};

// An SCT that is bad beyond doubt.
struct BadSct {
  Hash log_id{};  // of the log whose key did not sign it
  Bytes sct;
};

class SctAudit {
 public:
  // Certificates copied out of one page, and their size together.
  static constexpr std::size_t kMostSuspects = 16;
  static constexpr std::size_t kMostSuspectBytes = 1u << 20;
  // SCTs of one certificate that are checked.
  static constexpr std::size_t kMostScts = 32;

  // The logs whose SCTs can be checked from now on.
  void update(const KnownLogs& logs);

  // Static CT: issuers of certificates with SCTs in the page that are not
  // known, and not known to be missing.
  [[nodiscard]] std::vector<Hash> unknown_issuers(const ctlog::EntryPage& page);
  IssuerKeys& issuers() { return issuers_; }

  // Checks the final certificates among the entries [begin, end) of the page.
  // Long pages in parts: each SCT takes some 0.06 ms.
  void check(const ctlog::EntryPage& page, std::size_t begin, std::size_t end,
             PageScts& out);

  // The last word on a suspect, given its issuer's certificate (empty: not to
  // be had). Counts its SCTs, and returns the bad ones of logs that none was
  // returned of before, each confirmed by mbedTLS.
  [[nodiscard]] std::vector<BadSct> settle(const SuspectCertificate& suspect,
                                           ByteView issuer,
                                           const KnownLogs& logs,
                                           SctCounts& counts);

  // What became of all SCTs of committed entries.
  void add_to_totals(const SctCounts& counts);
  [[nodiscard]] SctCounts totals() const;

 private:
  // nullopt: a log whose key libcrypto does not take.
  using Verifiers = std::map<Hash, std::optional<ctlog::BulkVerifier>>;
  class PageCheck;

  [[nodiscard]] bool claim_first(const Hash& log_id);

  IssuerKeys issuers_;
  mutable std::mutex mutex_;  // guards all below
  std::shared_ptr<const Verifiers> verifiers_ =
      std::make_shared<const Verifiers>();  // immutable; replaced as a whole
  SctCounts totals_;
  std::set<Hash> told_;  // logs that a bad SCT was returned of
};

}  // namespace ct::monitor
