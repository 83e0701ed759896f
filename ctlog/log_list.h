// Log lists: Google's v3 (and v2), Apple's, and private ones in that shape.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ctlog/merkle.h"

namespace ct::ctlog {

enum class LogKind { kRfc6962, kStatic };
enum class LogState {
  kUnknown,  // none given while others have one: test, watch-only logs
  kPending,
  kQualified,
  kUsable,
  kReadonly,
  kRetired,
  kRejected
};
[[nodiscard]] std::string_view to_string(LogState state);
[[nodiscard]] std::string_view to_string(LogKind kind);

struct FinalTreeHead {
  TreeSize size = 0;
  Hash root{};
};

struct PreviousOperator {
  std::string name;
  Millis end_time = 0;
};

struct LogInfo {
  Hash log_id{};
  std::string description;
  std::string operator_name;
  LogKind kind = LogKind::kRfc6962;
  Bytes key;  // DER SubjectPublicKeyInfo
  // End in '/'; http:// is kept as given. Empty where the list has keys only.
  std::string submission_url;  // for kRfc6962 both are `url`
  std::string monitoring_url;  // where entries are read
  std::int64_t mmd = 86400;    // seconds
  LogState state = LogState::kUnknown;
  Millis state_since = 0;
  std::string log_type;  // "prod", "test", "monitoring_only", "" …
  std::optional<Seconds> interval_start;  // of NotAfter, inclusive
  std::optional<Seconds> interval_end;    // exclusive
  std::optional<FinalTreeHead> final_tree_head;
  std::vector<PreviousOperator> previous_operators;
};

struct LogList {
  std::string version;              // "" where none is given
  std::optional<Millis> timestamp;  // Apple gives none
  std::vector<LogInfo> logs;
  // What was left out and why: a placeholder, a mimic whose private key is
  // public, an id that is not the key's hash, an id given twice.
  std::vector<std::string> warnings;
};

// Unknown members are ignored; one unusable log costs a warning, not the
// list. In a list that gives no log a state (a private one) all are kUsable.
// kMalformed: not JSON, no operators, over 32 MiB or over 10,000 logs.
[[nodiscard]] Result<LogList> parse_log_list(std::string_view json);

// RSA-4096 PKCS#1 v1.5 with SHA-256 over the exact bytes of the JSON.
// kUntrusted unless it holds.
[[nodiscard]] Result<void> verify_log_list_signature(std::string_view json,
                                                     ByteView signature,
                                                     ByteView spki);
// Google's published key, SPKI DER, pinned here.
[[nodiscard]] ByteView google_log_list_key();

// The union. Where both know a log, `first` wins but for what only `second`
// gives: a state, addresses, an interval, a final tree head.
[[nodiscard]] LogList merge_log_lists(LogList first, const LogList& second);

// Whether a monitor should read this log: it has an address and is pending,
// qualified, usable or readonly. Test logs have no state in public lists.
[[nodiscard]] bool is_followed(const LogInfo& log);

}  // namespace ct::ctlog
