#include "monitor/config_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/time.h"

namespace ct::monitor {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using Problem = std::optional<std::string>;

std::optional<double> to_number(std::string_view text) {
  double n = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, n);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(n)) {
    return std::nullopt;
  }
  return n;
}

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::string show_list(const std::vector<std::string>& items) {
  return items.empty() ? "none" : fmt::format("{}", fmt::join(items, ", "));
}

// Makers of keys, one for each type of field.

using Check = std::function<Problem(const std::string&)>;

Problem any_text(const std::string& text) {
  if (is_printable(text)) return std::nullopt;
  return "text without control characters";
}

Problem path_text(const std::string& text) {
  if (text.starts_with("~")) {
    return "a path without \"~\", which only a shell expands";
  }
  return any_text(text);
}

ConfigKey text_key(std::string_view name, std::string Config::*field,
                   std::string_view standard, std::string_view doc,
                   Check check = any_text) {
  return {
      name,
      ConfigShape::kText,
      standard,
      doc,
      [=](Config& c, const ConfigValue& v) -> Problem {
        if (auto problem = check(v.items[0])) return problem;
        c.*field = v.items[0];
        return std::nullopt;
      },
      [=](const Config& c) { return (c.*field).empty() ? "none" : c.*field; }};
}

ConfigKey secret_key(std::string_view name, std::string Config::*field,
                     std::string_view standard, std::string_view doc) {
  ConfigKey key = text_key(name, field, standard, doc);
  key.show = [=](const Config& c) {
    return (c.*field).empty() ? "not set" : "set, not shown";
  };
  return key;
}

ConfigKey bool_key(std::string_view name, bool Config::*field,
                   std::string_view standard, std::string_view doc) {
  return {name,
          ConfigShape::kBool,
          standard,
          doc,
          [=](Config& c, const ConfigValue& v) -> Problem {
            c.*field = v.items[0] == "true";
            return std::nullopt;
          },
          [=](const Config& c) { return c.*field ? "true" : "false"; }};
}

template <class T>
ConfigKey number_key(std::string_view name, T Config::*field, double min,
                     double max, std::string_view standard,
                     std::string_view doc) {
  return {name,
          ConfigShape::kNumber,
          standard,
          doc,
          [=](Config& c, const ConfigValue& v) -> Problem {
            const auto n = to_number(v.items[0]);
            const bool whole =
                std::is_floating_point_v<T> || (n && *n == std::floor(*n));
            if (!n || !whole || *n < min || *n > max) {
              return fmt::format("a {}number from {} to {}",
                                 std::is_floating_point_v<T> ? "" : "whole ",
                                 min, max);
            }
            c.*field = static_cast<T>(*n);
            return std::nullopt;
          },
          [=](const Config& c) { return fmt::format("{}", c.*field); }};
}

std::string duration_range(milliseconds min, milliseconds max) {
  return fmt::format("a duration from {} to {}, as in \"90s\", \"15m\", \"6h\"",
                     format_duration(min), format_duration(max));
}

ConfigKey duration_key(std::string_view name, milliseconds Config::*field,
                       milliseconds min, milliseconds max,
                       std::string_view standard, std::string_view doc) {
  return {name,
          ConfigShape::kDuration,
          standard,
          doc,
          [=](Config& c, const ConfigValue& v) -> Problem {
            const auto d = parse_duration(v.items[0]);
            if (!d || *d < min || *d > max) return duration_range(min, max);
            c.*field = *d;
            return std::nullopt;
          },
          [=](const Config& c) { return format_duration(c.*field); }};
}

ConfigKey list_key(std::string_view name,
                   std::vector<std::string> Config::*field,
                   std::string_view standard, std::string_view doc,
                   Check check) {
  return {name,
          ConfigShape::kList,
          standard,
          doc,
          [=](Config& c, const ConfigValue& v) -> Problem {
            for (const auto& item : v.items) {
              if (auto problem = check(item)) return problem;
            }
            c.*field = v.items;
            return std::nullopt;
          },
          [=](const Config& c) { return show_list(c.*field); }};
}

// Keys that need more than a type.

Problem check_start(const std::string& text) {
  if (text == "head" || text == "beginning" || parse_time(text)) {
    return std::nullopt;
  }
  return "\"head\", \"beginning\" or a date as in \"2026-11-24\"";
}

Problem check_log_list(const std::string& text) {
  if (text.empty()) return "files or URLs, not empty strings";
  return path_text(text);
}

// C2SP signed-note verifier key: name+8 hex digits+base64.
Problem check_witness(const std::string& text) {
  const auto first = text.find('+');
  const auto second =
      first == std::string::npos ? first : text.find('+', first + 1);
  if (first != 0 && second != std::string::npos && second == first + 9 &&
      second + 1 < text.size() && is_printable(text)) {
    return std::nullopt;
  }
  return "verifier keys as in \"witness.example+1a2b3c4d+AW5j…\"";
}

Problem check_contact(const std::string& text) {
  if (!text.empty() && text.size() <= 200 && is_printable(text)) {
    return std::nullopt;
  }
  return "a URL or a mail address at which log operators reach you";
}

// "" and "none" leave nothing.
Problem set_address(std::string& address, const ConfigValue& v) {
  const std::string& text = v.items[0];
  if (text.empty() || text == "none") {
    address.clear();
    return std::nullopt;
  }
  const auto colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? std::nullopt
                        : to_number(std::string_view(text).substr(colon + 1));
  const std::string_view host =
      std::string_view(text).substr(0, colon == std::string::npos ? 0 : colon);
  const bool bare_v6 = host.find(':') != std::string_view::npos &&
                       !(host.starts_with('[') && host.ends_with(']'));
  if (host.empty() || bare_v6 || !port || *port != std::floor(*port) ||
      *port < 0 || *port > 65535) {
    return "an address and a port, as in \"127.0.0.1:9790\" or \"[::1]:9790\", "
           "or \"none\"";
  }
  address = text;
  return std::nullopt;
}

Problem set_listen(Config& c, const ConfigValue& v) {
  auto problem = set_address(c.http_listen, v);
  if (!problem) c.http_listen_given = !c.http_listen.empty();
  return problem;
}

Problem set_api_listen(Config& c, const ConfigValue& v) {
  return set_address(c.api_listen, v);
}

Problem set_operator_requests(Config& c, const ConfigValue& v) {
  std::map<std::string, double> rates;
  for (const auto& [name, text] : v.pairs) {
    const auto n = to_number(text);
    if (name.empty() || !n || *n < 0.01 || *n > 1000) {
      return "operators' names, each with a number from 0.01 to 1000";
    }
    rates[name] = *n;
  }
  c.operator_requests = std::move(rates);
  return std::nullopt;
}

std::string show_operator_requests(const Config& c) {
  std::vector<std::string> out;
  for (const auto& [name, rate] : c.operator_requests) {
    out.push_back(fmt::format("{}={}", name, rate));
  }
  return show_list(out);
}

Problem set_mismatch_retries(Config& c, const ConfigValue& v) {
  std::vector<milliseconds> pauses;
  for (const auto& text : v.items) {
    const auto d = parse_duration(text);
    if (!d || *d > hours(24)) break;
    pauses.push_back(*d);
  }
  if (pauses.size() != v.items.size() || pauses.size() > 20) {
    return "at most 20 durations of up to 24h, as in [\"10s\", \"1m\", \"5m\"]";
  }
  c.mismatch_retries = std::move(pauses);
  return std::nullopt;
}

std::string show_mismatch_retries(const Config& c) {
  std::vector<std::string> out;
  for (const auto d : c.mismatch_retries) out.push_back(format_duration(d));
  return show_list(out);
}

constexpr std::pair<std::string_view, LogLevel> kLevels[] = {
    {"debug", LogLevel::kDebug},
    {"info", LogLevel::kInfo},
    {"warning", LogLevel::kWarning},
    {"error", LogLevel::kError}};
constexpr std::pair<std::string_view, LogFormat> kFormats[] = {
    {"text", LogFormat::kText}, {"json", LogFormat::kJson}};

constexpr std::pair<std::string_view, VerifyScts> kVerifyScts[] = {
    {"matches", VerifyScts::kMatches}, {"all", VerifyScts::kAll}};

constexpr std::pair<std::string_view, ReadMode> kReadModes[] = {
    {"watch", ReadMode::kWatch}, {"archive", ReadMode::kArchive}};

constexpr std::pair<std::string_view, KeepDer> kKeepDer[] = {
    {"matches", KeepDer::kMatches}, {"all", KeepDer::kAll}};

template <class T, std::size_t n>
ConfigKey choice_key(std::string_view name, T Config::*field,
                     const std::pair<std::string_view, T> (&choices)[n],
                     std::string_view standard, std::string_view doc) {
  return {name,
          ConfigShape::kText,
          standard,
          doc,
          [=, &choices](Config& c, const ConfigValue& v) -> Problem {
            std::string allowed;
            for (const auto& [text, value] : choices) {
              if (text == v.items[0]) {
                c.*field = value;
                return std::nullopt;
              }
              allowed +=
                  fmt::format("{}\"{}\"", allowed.empty() ? "" : ", ", text);
            }
            return "one of " + allowed;
          },
          [=, &choices](const Config& c) -> std::string {
            for (const auto& [text, value] : choices) {
              if (value == c.*field) return std::string(text);
            }
            return {};
          }};
}

std::vector<ConfigKey> make_keys() {
  using C = Config;
  return {
      text_key("state_dir", &C::state_dir, "\"/var/lib/ctvigil\"",
               "Folder for the private Postgres and cached log lists. Default: "
               "/var/lib/ctvigil for root, ~/.local/state/ctvigil for others.",
               path_text),
      secret_key(
          "database", &C::database, "\"\"",
          "Postgres to use, as a libpq URI or connection string. Empty: "
          "what libpq's PG* variables name, else a private one in "
          "state_dir, whose cache takes an eighth of the memory, 1 GB at "
          "most. May hold a password: keep the file unreadable for "
          "others."),
      text_key("postgres_bin", &C::postgres_bin, "\"\"",
               "Folder of initdb and postgres, for the private one. Empty: "
               "the usual places.",
               path_text),
      text_key("postgres_user", &C::postgres_user, "\"\"",
               "User that runs the private Postgres if ctvigil is started by "
               "root. Empty: postgres, else nobody."),
      list_key("log_lists", &C::log_lists, "[]",
               "Log lists, files or URLs. Empty: Google's and Apple's "
               "official ones.",
               check_log_list),
      bool_key("allow_unsigned_log_list", &C::allow_unsigned_log_list, "false",
               "Accept log lists of log_lists that have no signature."),
      text_key("log_list_key", &C::log_list_key, "\"\"",
               "PEM file of the key that signs the log lists of log_lists. "
               "Empty: Google's.",
               path_text),
      text_key("ca_file", &C::ca_file, "\"\"",
               "PEM file of the authorities to trust for logs of log_lists. "
               "Empty: the system's.",
               path_text),
      duration_key("log_list_refresh", &C::log_list_refresh, seconds(10),
                   hours(24 * 7), "\"1h\"", "How often log lists are fetched."),
      text_key("start", &C::start, "\"head\"",
               "Where a log is read from that was never read before: \"head\", "
               "\"beginning\" or a date as in \"2026-11-24\".",
               check_start),
      list_key("witnesses", &C::witnesses, "[]",
               "Verifier keys of witnesses whose cosignatures are checked and "
               "recorded.",
               check_witness),
      choice_key("mode", &C::mode, kReadModes, "\"watch\"",
                 "What is kept of the entries read: \"watch\", those that "
                 "match; \"archive\", all of them, for `ctvigil search`."),
      choice_key("keep_der", &C::keep_der, kKeepDer, "\"matches\"",
                 "Of which certificates the bytes are kept: \"matches\", or "
                 "\"all\" that are archived, some 480 bytes each. What is not "
                 "kept can be fetched again from the logs."),
      choice_key("verify_scts", &C::verify_scts, kVerifyScts, "\"matches\"",
                 "Which certificates' SCTs are checked: \"matches\", or "
                 "\"all\" final certificates, which takes about 0.06 ms of "
                 "processor time for each SCT."),
      number_key("requests_per_second", &C::requests_per_second, 0.01, 1000,
                 "4", "Requests to the logs of one operator, each second."),
      {"operator_requests", ConfigShape::kTable, "{}",
       "The same for single operators, by the name in the log list: "
       "{\"Google\" = 8}.",
       set_operator_requests, show_operator_requests},
      number_key("downloads_per_log", &C::downloads_per_log, 1, 64, "4",
                 "Downloads under way at once for one log."),
      duration_key("poll_interval", &C::poll_interval, milliseconds(100),
                   hours(24), "\"30s\"",
                   "How often a log is asked for its head once all is read."),
      duration_key("partial_tile_wait", &C::partial_tile_wait, milliseconds(0),
                   hours(24), "\"60s\"",
                   "How long to wait for a tile to fill before it is read "
                   "unfilled."),
      number_key("threads", &C::threads, 0, 1024, "0",
                 "Threads that parse and match. 0: as many as processors."),
      text_key("contact", &C::contact, "\"https://github.com/ctvigil/ctvigil\"",
               "Sent to logs in the User-Agent, so that their operators can "
               "reach you.",
               check_contact),
      duration_key("lag_alert", &C::lag_alert, seconds(1), hours(24 * 365),
                   "\"6h\"",
                   "Raise an alert when the entries read of a log are older "
                   "than this."),
      duration_key("unreachable_alert", &C::unreachable_alert, seconds(1),
                   hours(24 * 365), "\"2h\"",
                   "Raise an alert when a log has not answered for this long."),
      {"mismatch_retries", ConfigShape::kList, "[\"10s\", \"1m\", \"5m\"]",
       "Pauses before entries that do not fit a log's signed head are fetched "
       "again; after the last one the log is stopped and an alert raised.",
       set_mismatch_retries, show_mismatch_retries},
      duration_key("dead_letter_after", &C::dead_letter_after, minutes(1),
                   hours(24 * 365), "\"72h\"",
                   "How long delivery of an alert to a channel is tried."),
      {"http_listen", ConfigShape::kText, "\"127.0.0.1:9790\"",
       "Where /healthz, /readyz and /metrics are served. \"none\": nowhere.",
       set_listen,
       [](const Config& c) {
         return c.http_listen.empty() ? "none" : c.http_listen;
       }},
      {"api_listen", ConfigShape::kText, "\"none\"",
       "Where `run` serves the HTTP API as well, and `serve` does, as in "
       "\"127.0.0.1:9791\". Elsewhere than on loopback it takes tokens and "
       "TLS.",
       set_api_listen,
       [](const Config& c) {
         return c.api_listen.empty() ? "none" : c.api_listen;
       }},
      text_key("api_tls_cert", &C::api_tls_cert, "\"\"",
               "PEM file with the API's certificate and its chain.", path_text),
      text_key("api_tls_key", &C::api_tls_key, "\"\"",
               "PEM file with the private key of that certificate.", path_text),
      bool_key("api_behind_tls_proxy", &C::api_behind_tls_proxy, "false",
               "A proxy before the API does TLS: it takes tokens, without "
               "TLS of its own."),
      duration_key("api_query_timeout", &C::api_query_timeout,
                   std::chrono::milliseconds(100), hours(24), "\"30s\"",
                   "How long a query of the API may take."),
      choice_key("log_level", &C::log_level, kLevels, "\"info\"",
                 "Least level of what is logged: \"debug\", \"info\", "
                 "\"warning\" or \"error\"."),
      choice_key("log_format", &C::log_format, kFormats, "\"text\"",
                 "How it is logged: \"text\" (logfmt) or \"json\"."),
  };
}

// Levenshtein's, on short strings.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::span<const ConfigKey> config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

const ConfigKey* find_config_key(std::string_view name) {
  for (const ConfigKey& key : config_keys()) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string_view nearest_config_key(std::string_view name) {
  if (name.size() > 60) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 4) + 1;
  for (const ConfigKey& key : config_keys()) {
    const std::size_t d = edit_distance(name, key.name);
    if (d < best_distance) {
      best_distance = d;
      best = key.name;
    }
  }
  return best;
}

std::string_view describe(ConfigShape shape) {
  switch (shape) {
    case ConfigShape::kText:
      return "text in quotes";
    case ConfigShape::kBool:
      return "true or false, without quotes";
    case ConfigShape::kNumber:
      return "a number, without quotes";
    case ConfigShape::kDuration:
      return "a duration, as in \"15m\"";
    case ConfigShape::kList:
      return "a list, as in [\"a\", \"b\"]";
    case ConfigShape::kTable:
      return "a table, as in {\"Google\" = 8}";
  }
  return {};
}

}  // namespace ct::monitor
