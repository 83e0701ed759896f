#include "monitor/commands.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <cstdio>
#include <cstdlib>

namespace ct::monitor {

void Session::add_common_options(CLI::App& command, bool prints_data) {
  command.add_option("--database", database_option,
                     "Postgres to use, as a libpq URI or connection string "
                     "(default: a private one in the state folder)");
  command.add_option("--state-dir", state_dir_option,
                     "Folder for the private Postgres and cached log lists");
  command.add_option("--config", config_option, "TOML file to read");
  if (prints_data) command.add_flag("--json", json, "Print JSON");
}

Result<const Config*> Session::config() {
  if (config_) return config_.get();
  LoadedConfig loaded = load_config(config_option);
  if (!loaded.problems.empty()) {
    std::string what = "the configuration has problems";
    for (const auto& p : loaded.problems) {
      what += fmt::format("\n  {}{}: {}", p.where,
                          p.line ? fmt::format(":{}", p.line) : "", p.what);
    }
    return fail(Errc::kUsage, what);
  }
  config_ = std::make_unique<Config>(std::move(loaded.config));
  if (!database_option.empty()) config_->database = database_option;
  if (!state_dir_option.empty()) config_->state_dir = state_dir_option;
  for (const auto& change : overrides) change(*config_);
  return config_.get();
}

bool Session::names_database(const Config& config) {
  if (!config.database.empty()) return true;
  for (const char* name : {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

Result<std::unique_ptr<sql::Database>> Session::open_database(bool migrate) {
  const auto config = this->config();
  if (!config) return tl::unexpected(config.error());
  url_ = (*config)->database;
  if (!names_database(**config)) {
    if (!private_postgres_) {
      auto opened = sql::PrivatePostgres::open({(*config)->state_dir,
                                                (*config)->postgres_bin,
                                                (*config)->postgres_user});
      if (!opened) return tl::unexpected(opened.error());
      private_postgres_ = std::move(*opened);
    }
    url_ = private_postgres_->url();
  }
  auto db = sql::Database::connect(url_);
  if (!db) return db;
  if (migrate) {
    if (const auto r = sql::migrate(**db); !r) {
      return tl::unexpected(r.error());
    }
  } else if (const auto r = sql::check_schema(**db); !r) {
    return tl::unexpected(r.error());
  }
  return db;
}

int report(const Error& error) {
  fmt::print(stderr, "ctvigil: {}\n", error.what);
  return error.code == Errc::kUsage ? kExitUsage : kExitFailed;
}

void on_chosen(CLI::App& command, Session& session,
               std::function<int()> action) {
  command.callback(
      [&session, action = std::move(action)] { session.action = action; });
}

void add_log_list_options(CLI::App& command, Session& session,
                          const std::string& group) {
  struct Options {
    std::string log_list, key, ca_file;
    bool allow_unsigned = false;
  };
  auto options = std::make_shared<Options>();
  CLI::Option* const added[] = {
      command.add_option(
          "--log-list", options->log_list,
          "Log list to use instead of Google's and Apple's: a file "
          "or URL in the v3 format"),
      command.add_flag("--allow-unsigned-log-list", options->allow_unsigned,
                       "Accept that list without a signature"),
      command.add_option(
          "--log-list-key", options->key,
          "PEM public key that signs that list (default: Google's)"),
      command.add_option("--ca-file", options->ca_file,
                         "PEM roots for the servers of a private list's "
                         "logs")};
  for (CLI::Option* option : added) {
    if (!group.empty()) option->group(group);
  }
  session.overrides.push_back([options](Config& config) {
    if (!options->log_list.empty()) config.log_lists = {options->log_list};
    if (options->allow_unsigned) config.allow_unsigned_log_list = true;
    if (!options->key.empty()) config.log_list_key = options->key;
    if (!options->ca_file.empty()) config.ca_file = options->ca_file;
  });
}

void add_keep_der_option(CLI::App& command, Session& session) {
  auto choice = std::make_shared<std::string>();
  command
      .add_option("--keep-der", *choice,
                  "matches: keep the bytes of certificates that match "
                  "(default); all: of all that are archived")
      ->check(CLI::IsMember({"matches", "all"}));
  session.overrides.push_back([choice](Config& config) {
    if (*choice == "matches") config.keep_der = KeepDer::kMatches;
    if (*choice == "all") config.keep_der = KeepDer::kAll;
  });
}

Result<void> check_keep_der(const CLI::App& command, Session& session) {
  const auto config = session.config();
  if (!config) return tl::unexpected(config.error());
  if (command.count("--keep-der") == 0 ||
      (*config)->keep_der != KeepDer::kAll ||
      (*config)->mode == ReadMode::kArchive) {
    return {};
  }
  return fail(Errc::kUsage, "--keep-der all is for --mode archive");
}

}  // namespace ct::monitor
