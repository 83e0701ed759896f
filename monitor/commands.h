// The command line: what every command shares, and where each is added.
//
// A command is a function add_…_commands(app, session) that declares its
// subcommands; the chosen one sets session.action, which main runs.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "monitor/config.h"
#include "sql/database.h"
#include "sql/private_postgres.h"

namespace CLI {
class App;
}

namespace ct::monitor {

// Exit codes, documented in the README.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;    // the command could not do its work
inline constexpr int kExitUnproven = 2;  // run --once, backfill: a log could
                                         // not be read or proven
inline constexpr int kExitChanges = 2;   // watch apply --exit-code: something
                                         // would change
inline constexpr int kExitNothingFound = 1;  // search, as grep has it
inline constexpr int kExitSearchFailed = 2;  // the same
inline constexpr int kExitUsage = 64;  // asked for something that cannot be

// One run of the program: its options, its configuration, its database.
class Session {
 public:
  // Adds --database, --state-dir, --config and, if it prints data, --json.
  void add_common_options(CLI::App& command, bool prints_data = true);

  // Set by the options above.
  std::string database_option, state_dir_option, config_option;
  bool json = false;

  // Changes to the configuration asked for by a command's own flags.
  std::vector<std::function<void(Config&)>> overrides;

  // What the chosen subcommand does; returns the exit code.
  std::function<int()> action;

  // File, environment, flags; loaded once. Problems are kUsage, one a line.
  [[nodiscard]] Result<const Config*> config();

  // Whether the configuration, or libpq's own variables, name a database;
  // otherwise the private one is meant.
  [[nodiscard]] static bool names_database(const Config& config);

  // Opens the database that the configuration names, or the private one,
  // which is started if it does not run, and brings its schema up to date.
  // The private one is held until the session ends. Call it before any thread
  // is started.
  [[nodiscard]] Result<std::unique_ptr<sql::Database>> open_database(
      bool migrate = true);
  // For further connections, once open_database succeeded. Secret.
  [[nodiscard]] const std::string& database_url() const { return url_; }
  // nullptr when the user named a database.
  [[nodiscard]] sql::PrivatePostgres* private_postgres() {
    return private_postgres_.get();
  }

 private:
  std::unique_ptr<Config> config_;
  std::unique_ptr<sql::PrivatePostgres> private_postgres_;
  std::string url_;
};

// Prints "ctvigil: <what>" to standard error and gives the exit code that
// fits the error.
int report(const Error& error);

// Adds `command`'s action: session.action becomes `action`.
void on_chosen(CLI::App& command, Session& session,
               std::function<int()> action);

namespace api {
struct ServerOptions;
}
// The API as the configuration has it; listens nowhere if `listen` is "".
[[nodiscard]] api::ServerOptions api_options(const Config& config);

// --log-list, --allow-unsigned-log-list, --log-list-key and --ca-file; below a
// heading of their own, if one is given.
void add_log_list_options(CLI::App& command, Session& session,
                          const std::string& group = "");

// --keep-der.
void add_keep_der_option(CLI::App& command, Session& session);
// kUsage: it was given, but nothing is archived; or the configuration is wrong.
[[nodiscard]] Result<void> check_keep_der(const CLI::App& command,
                                          Session& session);

// Each in the commands_*.cc of its name.
void add_run_commands(CLI::App& app, Session& session);
void add_backfill_commands(CLI::App& app, Session& session);  // backfill
void add_watch_commands(CLI::App& app, Session& session);     // watch
void add_watch_add_command(CLI::App& watch, Session& session);
void add_expect_commands(CLI::App& app, Session& session);   // expect
void add_alert_commands(CLI::App& app, Session& session);    // alerts
void add_channel_commands(CLI::App& app, Session& session);  // channel
void add_log_commands(CLI::App& app, Session& session);      // logs, status,
                                                             // coverage, db
void add_config_commands(CLI::App& app, Session& session);   // config
void add_inspect_commands(CLI::App& app, Session& session);  // inspect
void add_history_commands(CLI::App& app, Session& session);  // history
void add_search_commands(CLI::App& app, Session& session);   // search
void add_serve_commands(CLI::App& app, Session& session);    // serve, token
void add_demo_commands(CLI::App& app, Session& session);     // demo

}  // namespace ct::monitor
