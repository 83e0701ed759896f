#include "ctlog/log_list.h"

#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace ct::ctlog {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMaxList = 32u << 20;
constexpr std::size_t kMaxLogs = 10'000;
constexpr std::size_t kMaxText = 512;

constexpr std::array<std::string_view, 7> kStateNames{
    "unknown",  "pending", "qualified", "usable",
    "readonly", "retired", "rejected"};

// Logs that are in a list for other reasons than to be read.
struct Unwanted {
  std::string_view log_id;
  std::string_view why;
};
constexpr Unwanted kUnwanted[] = {
    {"LtakTeuPDIZGZ3acTt0EH4QjZ1X6OqymNNCTXfzVmnA=", "a placeholder"},
    {"0vxlL6X5tzi4N1X6XrFfC0UlP06Po7m2T9TeVmLRhwg=", "a placeholder"},
    {"9EGV1vAOLbVUNcrdV3iS5T4VrUFwWPh44U/2uRh0FYk=",
     "a mimic whose private key is public"},
    {"si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=",
     "a mimic whose private key is public"},
};
constexpr std::string_view kPlaceholderUrl = "https://ct.example.com/bogus/";

// A string member, or "".
std::string_view string_in(dom::object object, std::string_view key) {
  std::string_view text;
  if (object[key].get(text)) return {};
  return text;
}

// For people and the database: no control characters, no endless names.
std::string clean(std::string_view text) {
  std::string out(text.substr(0, kMaxText));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  // Cut between characters, not within one.
  if (text.size() > kMaxText) {
    while (!out.empty() && (out.back() & 0xc0) == 0x80) out.pop_back();
    if (!out.empty() && (out.back() & 0x80)) out.pop_back();
  }
  return out;
}

std::optional<Hash> hash_in(dom::object object, std::string_view key) {
  const auto bytes = from_base64(string_in(object, key));
  if (!bytes || bytes->size() != 32) return std::nullopt;
  Hash hash;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

// Old lists leave out the scheme, some the final slash. nullopt: no URL of
// ours.
std::optional<std::string> normal_url(std::string_view text) {
  if (text.empty()) return std::string();
  const bool printable = std::ranges::all_of(
      text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!printable || text.size() > 2048) return std::nullopt;
  std::string url(text);
  if (text.find("://") == text.npos) url = "https://" + url;
  const bool known = url.starts_with("https://") || url.starts_with("http://");
  if (!known) return std::nullopt;
  if (!url.ends_with('/')) url += '/';
  return url;
}

// {"usable": {"timestamp": …}}; where there are several, the latest holds.
void read_state(dom::object log, LogInfo& info) {
  dom::object states;
  if (log["state"].get(states)) return;
  for (const auto field : states) {
    const auto name = std::ranges::find(kStateNames, field.key);
    dom::object details;
    if (name == kStateNames.end() || field.value.get(details)) continue;
    dom::object head;
    FinalTreeHead final;
    if (!details["final_tree_head"].get(head) &&
        !head["tree_size"].get(final.size)) {
      if (const auto root = hash_in(head, "sha256_root_hash")) {
        final.root = *root;
        info.final_tree_head = final;
      }
    }
    const Millis since =
        parse_time(string_in(details, "timestamp")).value_or(0);
    if (info.state != LogState::kUnknown && since < info.state_since) continue;
    info.state = static_cast<LogState>(name - kStateNames.begin());
    info.state_since = since;
  }
}

std::optional<Seconds> seconds_in(dom::object object, std::string_view key) {
  const auto time = parse_time(string_in(object, key));
  if (!time) return std::nullopt;
  return *time / 1000;
}

void read_previous_operators(dom::object log, LogInfo& info) {
  dom::array operators;
  if (log["previous_operators"].get(operators)) return;
  for (const auto element : operators) {
    dom::object o;
    if (element.get(o)) continue;
    const auto end = parse_time(string_in(o, "end_time"));
    if (!end || info.previous_operators.size() == 64) continue;
    info.previous_operators.push_back({clean(string_in(o, "name")), *end});
  }
}

tl::unexpected<std::string> left_out(std::string_view why) {
  return tl::unexpected<std::string>(std::string(why));
}

// One log, or why it is left out.
tl::expected<LogInfo, std::string> read_log(dom::object log, LogKind kind) {
  LogInfo info;
  info.kind = kind;

  auto key = from_base64(string_in(log, "key"));
  if (!key || key->empty()) return left_out("its key is not base64");
  info.key = std::move(*key);
  info.log_id = sha256(info.key);
  const std::string_view given_id = string_in(log, "log_id");
  for (const Unwanted& unwanted : kUnwanted) {
    if (to_base64(info.log_id) == unwanted.log_id ||
        given_id == unwanted.log_id) {
      return left_out(unwanted.why);
    }
  }
  if (!given_id.empty() && hash_in(log, "log_id") != info.log_id) {
    return left_out("its log_id is not the SHA-256 of its key");
  }

  const bool tiled = kind == LogKind::kStatic;
  auto submission =
      normal_url(string_in(log, tiled ? "submission_url" : "url"));
  auto monitoring =
      tiled ? normal_url(string_in(log, "monitoring_url")) : submission;
  if (!submission || !monitoring) return left_out("its URL is not one");
  if (submission->starts_with(kPlaceholderUrl)) {
    return left_out("a placeholder");
  }
  info.submission_url = std::move(*submission);
  info.monitoring_url = std::move(*monitoring);

  std::int64_t mmd = 0;
  if (!log["mmd"].get(mmd) && mmd > 0) info.mmd = mmd;
  info.description = clean(string_in(log, "description"));
  info.log_type = clean(string_in(log, "log_type"));
  read_state(log, info);
  dom::object interval;
  if (!log["temporal_interval"].get(interval)) {
    info.interval_start = seconds_in(interval, "start_inclusive");
    info.interval_end = seconds_in(interval, "end_exclusive");
  }
  read_previous_operators(log, info);
  return info;
}

class ListReader {
 public:
  Result<LogList> read(dom::object root) {
    list_.version = clean(string_in(root, "version"));
    list_.timestamp = parse_time(string_in(root, "log_list_timestamp"));
    dom::array operators;
    if (root["operators"].get(operators)) {
      // The community site's old list is a map from operator to logs.
      for (const auto field : root) {
        dom::array logs;
        if (!field.value.get(logs)) {
          read_logs(logs, LogKind::kRfc6962, clean(field.key));
        }
      }
    } else {
      for (const auto element : operators) {
        dom::object o;
        if (element.get(o)) continue;
        const std::string name = clean(string_in(o, "name"));
        dom::array logs;
        if (!o["logs"].get(logs)) read_logs(logs, LogKind::kRfc6962, name);
        if (!o["tiled_logs"].get(logs)) read_logs(logs, LogKind::kStatic, name);
      }
    }
    if (seen_ == 0) {
      return fail(Errc::kMalformed,
                  "log list: no operators with logs in it; this is not a list "
                  "in Google's v3 or v2 format");
    }
    if (seen_ > kMaxLogs) {
      return fail(Errc::kMalformed, "log list: more than 10,000 logs");
    }
    if (!any_state_) {
      for (LogInfo& log : list_.logs) log.state = LogState::kUsable;
    }
    return std::move(list_);
  }

 private:
  void read_logs(dom::array logs, LogKind kind, const std::string& name) {
    for (const auto element : logs) {
      dom::object log;
      // Without a key it is no log of ours, whatever else it may be.
      std::string_view key;
      if (element.get(log) || log["key"].get(key)) continue;
      if (++seen_ > kMaxLogs) return;
      dom::object states;
      any_state_ = any_state_ || !log["state"].get(states);
      auto info = read_log(log, kind);
      if (info && !ids_.insert(info->log_id).second) {
        info = left_out("its log_id is there twice");
      }
      if (!info) {
        list_.warnings.push_back("log \"" +
                                 clean(string_in(log, "description")) + "\" (" +
                                 name + ") left out: " + info.error());
        continue;
      }
      info->operator_name = name;
      list_.logs.push_back(std::move(*info));
    }
  }

  LogList list_;
  std::set<Hash> ids_;
  std::size_t seen_ = 0;
  bool any_state_ = false;
};

}  // namespace

std::string_view to_string(LogState state) {
  return kStateNames[static_cast<std::size_t>(state)];
}

std::string_view to_string(LogKind kind) {
  return kind == LogKind::kStatic ? "static" : "rfc6962";
}

Result<LogList> parse_log_list(std::string_view json) {
  if (json.size() > kMaxList) {
    return fail(Errc::kMalformed, "log list: larger than 32 MiB");
  }
  if (json.empty())
    return fail(Errc::kMalformed, "log list: empty, not a JSON object");
  dom::parser parser;
  dom::object root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    return fail(Errc::kMalformed,
                std::string("log list: not a JSON object, or cut off: ") +
                    simdjson::error_message(error));
  }
  return ListReader().read(root);
}

Result<void> verify_log_list_signature(std::string_view json,
                                       ByteView signature, ByteView spki) {
  struct Key {
    mbedtls_pk_context pk;
    Key() { mbedtls_pk_init(&pk); }
    ~Key() { mbedtls_pk_free(&pk); }
  } key;
  if (mbedtls_pk_parse_public_key(&key.pk, spki.data(), spki.size()) != 0 ||
      mbedtls_pk_get_type(&key.pk) != MBEDTLS_PK_RSA ||
      mbedtls_pk_get_bitlen(&key.pk) < 2048) {
    return fail(Errc::kUntrusted,
                "log list: the key to check it with is no RSA key of 2048 "
                "bits or more");
  }
  const Hash digest = sha256(as_bytes(json));
  if (mbedtls_pk_verify(&key.pk, MBEDTLS_MD_SHA256, digest.data(),
                        digest.size(), signature.data(),
                        signature.size()) != 0) {
    return fail(Errc::kUntrusted,
                "log list: its signature does not hold; list and signature "
                "may be of two different versions, or the list was changed");
  }
  return {};
}

ByteView google_log_list_key() {
  // SHA-256 of the DER:
  // f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85
  constexpr std::string_view kKey =
      "MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAsu0BHGnQ++W2CTdyZyxvHHRALO"
      "ZPlnu/VMVgo2m+JZ8MNbAOH2cgXb8mvOj8flsX/qPMuKIaauO+PwROMjiqfUpcFm80Kl7i"
      "97ZQyBDYKm3MkEYYpGN+skAR2OebX9G2DfDqFY8+jUpOOWtBNr3LrmVcwx+FcFdMjGDlrZ"
      "5JRmoJ/SeGKiORkbbu9eY1Wd0uVhz/xI5bQb0OgII7hEj+i/IPbJqOHgB8xQ5zWAJJ0DmG"
      "+FM6o7gk403v6W3S8qRYiR84c50KppGwe4YqSMkFbLDleGQWLoaDSpEWtESisb4JiLaY4H"
      "+Kk0EyAhPSb+49JfUozYl+lf7iFN3qRq/SIXXTh6z0S7Qa8EYDhKGCrpI03/+qprwy+my6"
      "fpWHi6aUIk4holUCmWvFxZDfixoxK0RlqbFDl2JXMBquwlQpm8u5wrsic1ksIv9z8x9zh4"
      "PJqNpCah0ciemI3YGRQqSe/mRRXBiSn9YQBUPcaeqCYan+snGADFwHuXCd9xIAdFBolw9R"
      "9HTedHGUfVXPJDiF4VusfX6BRR/qaadB+bqEArF/TzuDUr6FvOR4o8lUUxgLuZ/7HO+bHn"
      "aPFKYHHSm++z1lVDhhYuSZ8ax3T0C3FZpb7HMjZtpEorSV5ElKJEJwrhrBCMOD8L01EoSP"
      "rGlS1w22i9uGHMn/uGQKo28u7AsCAwEAAQ==";
  static const Bytes key = from_base64(kKey).value();
  return key;
}

LogList merge_log_lists(LogList first, const LogList& second) {
  std::map<Hash, std::size_t> places;
  for (std::size_t i = 0; i < first.logs.size(); ++i) {
    places.emplace(first.logs[i].log_id, i);
  }
  for (const LogInfo& other : second.logs) {
    const auto [place, is_new] =
        places.emplace(other.log_id, first.logs.size());
    if (is_new) {
      first.logs.push_back(other);
      continue;
    }
    LogInfo& log = first.logs[place->second];
    if (log.state == LogState::kUnknown) {
      log.state = other.state;
      log.state_since = other.state_since;
    }
    if (log.monitoring_url.empty()) {
      log.submission_url = other.submission_url;
      log.monitoring_url = other.monitoring_url;
    }
    if (!log.interval_start) log.interval_start = other.interval_start;
    if (!log.interval_end) log.interval_end = other.interval_end;
    if (!log.final_tree_head) log.final_tree_head = other.final_tree_head;
  }
  first.warnings.insert(first.warnings.end(), second.warnings.begin(),
                        second.warnings.end());
  return first;
}

bool is_followed(const LogInfo& log) {
  return !log.monitoring_url.empty() && log.state >= LogState::kPending &&
         log.state <= LogState::kReadonly;
}

}  // namespace ct::ctlog
