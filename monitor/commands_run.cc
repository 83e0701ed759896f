// ctvigil run
#include <fmt/format.h>
#include <signal.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "alerts/payload.h"
#include "monitor/api/server.h"
#include "monitor/commands.h"
#include "monitor/deliverer.h"
#include "monitor/engine.h"
#include "monitor/operator_port.h"
#include "monitor/service_manager.h"
#include "monitor/signals.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

struct RunOptions {
  std::string start, http_listen, api_listen, log_level, log_format,
      verify_scts, mode;
  bool once = false, quiet = false;
};

// Signals for the engine; and the service manager is told when it is ready.
SignalThread signal_thread(Engine& engine) {
  return SignalThread(
      [&engine](int signal) {
        if (signal == SIGHUP) return engine.refresh();
        notify_service_manager("STOPPING=1");
        engine.stop();
      },
      [&engine, told = false]() mutable {
        if (told || !engine.ready()) return;
        told = true;
        notify_service_manager("READY=1");
      });
}

void print_findings(const std::vector<alerts::Finding>& findings) {
  for (const auto& finding : findings) {
    const bool expected = finding.alert.state == alerts::AlertState::kExpected;
    const std::string line = alerts::alert_line(finding.alert) + "\n";
    std::fputs(
        coloured(stdout, expected ? Colour::kDim : Colour::kRed, line).c_str(),
        stdout);
  }
  std::fflush(stdout);
}

int run(Session& session, const RunOptions& options) {
  const auto config = session.config();
  if (!config) return report(config.error());
  set_up_log((*config)->log_level, (*config)->log_format);
  auto db = session.open_database();
  if (!db) return report(db.error());
  std::unique_ptr<sql::Database> api_db;
  const auto budgets = std::make_shared<RequestBudgets>(**config);
  api::ServerOptions api_wanted = api_options(**config);
  api_wanted.budgets = budgets;
  if (!api_wanted.listen.empty()) {
    auto opened = sql::Database::connect(session.database_url());
    if (!opened) return report(opened.error());
    api_db = std::move(*opened);
  }
  block_signals();

  Engine::Options engine_options;
  engine_options.once = options.once;
  engine_options.budgets = budgets;
  if (!options.quiet) engine_options.on_findings = print_findings;
  Engine engine(**config, std::move(*db), session.database_url(),
                session.private_postgres(), engine_options);
  const SignalThread signals = signal_thread(engine);
  std::unique_ptr<OperatorPort> port;
  const std::string& listen = (*config)->http_listen;
  if (!listen.empty() && (!options.once || (*config)->http_listen_given)) {
    auto opened = OperatorPort::open(listen, engine);
    if (opened) {
      port = std::move(*opened);
      log_info("health and metrics", {{"listen", listen}});
    } else if ((*config)->http_listen_given) {
      return report(opened.error());
    } else {
      log_warning("no health and metrics", {{"error", opened.error().what}});
    }
  }
  std::unique_ptr<api::ApiServer> api;
  if (api_db) {
    auto opened =
        api::ApiServer::open(api_wanted, *api_db, session.database_url());
    if (!opened) return report(opened.error());
    api = std::move(*opened);
    log_info("serving the API", {{"listen", api_wanted.listen}});
  }
  return engine.run();
}

}  // namespace

void add_run_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<RunOptions>();
  CLI::App& command = *app.add_subcommand(
      "run", "Follow all logs, and tell of unexpected certificates");
  session.add_common_options(command, false);
  add_log_list_options(command, session);
  command.add_option("--start", options->start,
                     "Where to start in logs that are new: head (default), "
                     "beginning, or a date such as 2026-11-01");
  command
      .add_option("--verify-scts", options->verify_scts,
                  "Check the SCTs of matches (default), or of all final "
                  "certificates")
      ->check(CLI::IsMember({"matches", "all"}));
  command
      .add_option("--mode", options->mode,
                  "watch: keep what matches (default); archive: keep every "
                  "entry, for `ctvigil search`")
      ->check(CLI::IsMember({"watch", "archive"}));
  add_keep_der_option(command, session);
  command.add_flag("--once", options->once,
                   "Read every log to the head it has now, deliver what is "
                   "due, and exit: 0 if all is proven, 2 if not");
  command.add_option("--http-listen", options->http_listen,
                     "Serve /healthz, /readyz and /metrics on ADDRESS:PORT "
                     "(default 127.0.0.1:9790; \"\" for none)");
  command.add_option("--api-listen", options->api_listen,
                     "Serve the HTTP API, too, on ADDRESS:PORT; see `ctvigil "
                     "serve --help`");
  command
      .add_option("--log-level", options->log_level,
                  "debug, info, warning or error")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
  command.add_option("--log-format", options->log_format, "text or json")
      ->check(CLI::IsMember({"text", "json"}));
  command.add_flag("--quiet", options->quiet,
                   "Do not print matches on standard output");
  command.footer(
      "Matches are printed as they are stored. SIGTERM or Ctrl-C stops it "
      "within\nfive seconds, SIGHUP fetches the log list again.\n\n"
      "Examples:\n"
      "  ctvigil run\n"
      "  ctvigil run --start 2026-11-01\n"
      "  ctvigil run --once --log-list logs.json --allow-unsigned-log-list "
      "--ca-file ca.pem");
  on_chosen(command, session, [&session, options, &command] {
    session.overrides.push_back([options, &command](Config& config) {
      if (!options->start.empty()) config.start = options->start;
      if (command.count("--http-listen") > 0) {
        config.http_listen = options->http_listen;
        config.http_listen_given = true;
      }
      if (command.count("--api-listen") > 0) {
        config.api_listen = options->api_listen;
      }
      if (options->verify_scts == "all") config.verify_scts = VerifyScts::kAll;
      if (options->verify_scts == "matches") {
        config.verify_scts = VerifyScts::kMatches;
      }
      if (options->mode == "watch") config.mode = ReadMode::kWatch;
      if (options->mode == "archive") config.mode = ReadMode::kArchive;
      if (options->once) {
        using std::chrono::seconds;
        config.mismatch_retries = {seconds(1), seconds(3), seconds(6)};
      }
      if (options->log_level == "debug") config.log_level = LogLevel::kDebug;
      if (options->log_level == "info") config.log_level = LogLevel::kInfo;
      if (options->log_level == "warning") {
        config.log_level = LogLevel::kWarning;
      }
      if (options->log_level == "error") config.log_level = LogLevel::kError;
      if (options->log_format == "json") config.log_format = LogFormat::kJson;
      if (options->log_format == "text") config.log_format = LogFormat::kText;
    });
    if (options->start != "" && options->start != "head" &&
        options->start != "beginning" && !parse_time(options->start)) {
      return report({Errc::kUsage,
                     "--start wants head, beginning or a date such as "
                     "2026-11-01, not " +
                         options->start});
    }
    const auto fits = check_keep_der(command, session);
    if (!fits) return report(fits.error());
    return run(session, *options);
  });
}

}  // namespace ct::monitor
