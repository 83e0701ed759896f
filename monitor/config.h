// Configuration: a TOML file, then the environment, then flags; later wins.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace ct::monitor {

// Which certificates' SCTs are checked.
enum class VerifyScts : std::uint8_t { kMatches, kAll };

// What is kept of the entries read.
enum class ReadMode : std::uint8_t {
  kWatch,    // those that match
  kArchive,  // all, in history
};

// Of which certificates the bytes are kept.
enum class KeepDer : std::uint8_t {
  kMatches,  // of those that match, with their alerts
  kAll,      // of all that are archived
};

struct Config {
  // Where we keep things.
  std::string state_dir;     // default: /var/lib/ctvigil for root, else
                             // $XDG_STATE_HOME/ctvigil
  std::string database;      // secret; "": PG* variables if PGHOST, PGSERVICE
                             // or PGDATABASE is set, else the private one
  std::string postgres_bin;  // where initdb is
  std::string postgres_user;

  // Which logs.
  std::vector<std::string> log_lists;  // files or URLs; empty: Google + Apple
  bool allow_unsigned_log_list = false;
  std::string log_list_key;  // PEM file; empty: Google's key
  std::string ca_file;       // for logs of a private list
  std::chrono::milliseconds log_list_refresh{std::chrono::hours(1)};
  std::string start = "head";          // head, beginning, or a date
  std::vector<std::string> witnesses;  // C2SP verifier keys

  VerifyScts verify_scts = VerifyScts::kMatches;
  ReadMode mode = ReadMode::kWatch;
  KeepDer keep_der = KeepDer::kMatches;

  // How fast.
  double requests_per_second = 4;                   // per operator
  std::map<std::string, double> operator_requests;  // by name
  unsigned downloads_per_log = 4;
  std::chrono::milliseconds poll_interval{30'000};
  std::chrono::milliseconds partial_tile_wait{60'000};
  unsigned threads = 0;  // 0: as many as processors
  std::string contact = "https://github.com/ctvigil/ctvigil";  // User-Agent

  // When to complain.
  std::chrono::milliseconds lag_alert{std::chrono::hours(6)};
  std::chrono::milliseconds unreachable_alert{std::chrono::hours(2)};
  std::vector<std::chrono::milliseconds> mismatch_retries{
      std::chrono::seconds(10), std::chrono::minutes(1),
      std::chrono::minutes(5)};
  std::chrono::milliseconds dead_letter_after{std::chrono::hours(72)};

  // Operating.
  std::string http_listen = "127.0.0.1:9790";  // "": none
  bool http_listen_given = false;  // by the user: failing to listen is fatal
  std::string api_listen;  // "": `serve` at its standard address, `run` not
  std::string api_tls_cert, api_tls_key;  // PEM files
  bool api_behind_tls_proxy = false;
  std::chrono::milliseconds api_query_timeout{30'000};
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

// Requests a second that an operator is sent.
[[nodiscard]] double request_rate(const Config& config,
                                  const std::string& operator_name);

// One problem of a config file. line 0: of the file as a whole.
struct ConfigProblem {
  std::string where;  // file, or the variable's name
  unsigned line = 0;
  std::string what;  // and what to do; never a secret
};

struct LoadedConfig {
  Config config;
  std::vector<ConfigProblem> problems;  // empty: all is well
  std::vector<std::string> sources;     // the file and variables used
};

// `path` "": $CTVIGIL_CONFIG, /etc/ctvigil/ctvigil.toml or none. Unknown keys
// are problems. Environment: CTVIGIL_<KEY>, upper case, lists separated by
// commas; an empty variable counts as not set.
[[nodiscard]] LoadedConfig load_config(const std::string& path);

// The same from a text, without the environment; `name` stands for its file.
[[nodiscard]] LoadedConfig parse_config(std::string_view toml,
                                        const std::string& name);

// For `config check`: the problems, one a line as "file:line: what"; or, if
// there are none, where the configuration comes from and what it says, secrets
// left out.
[[nodiscard]] std::string config_report(const LoadedConfig& loaded);

// A config file with every key, its default and what it means, all commented
// out.
[[nodiscard]] std::string config_example();

}  // namespace ct::monitor
