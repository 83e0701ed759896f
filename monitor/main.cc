// The program: reads the command line and runs the command it names.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstring>
#include <exception>

#include "monitor/commands.h"
#include "monitor/version.h"

namespace {

// A database URL given as an argument may hold a password; once it is read,
// nobody needs to find it in the process list.
void hide_secrets(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    char* value = nullptr;
    if (std::strcmp(argv[i], "--database") == 0 && i + 1 < argc) {
      value = argv[i + 1];
    } else if (std::strncmp(argv[i], "--database=", 11) == 0) {
      value = argv[i] + 11;
    }
    if (value != nullptr) std::memset(value, 'x', std::strlen(value));
  }
}

int run(int argc, char** argv) {
  CLI::App app(
      "ctvigil watches Certificate Transparency logs for the owners of "
      "domains:\nit proves what it reads, and tells you when somebody issues "
      "a certificate\nfor your names that you did not expect.",
      "ctvigil");
  app.set_version_flag("--version", std::string("ctvigil ") +
                                        std::string(ct::monitor::kVersion));
  app.require_subcommand(1);
  app.footer(
      "Start here:\n"
      "  ctvigil demo                     see it work, without internet\n"
      "  ctvigil watch add example.com    watch your domain\n"
      "  ctvigil run                      follow all logs\n\n"
      "Exit codes: 0 done, 1 failed, 2 (run --once, backfill) a log could not "
      "be\nread or proven, 64 the command line or the configuration cannot be; "
      "those of\nsearch are grep's.");

  ct::monitor::Session session;
  ct::monitor::add_run_commands(app, session);
  ct::monitor::add_backfill_commands(app, session);
  ct::monitor::add_watch_commands(app, session);
  ct::monitor::add_expect_commands(app, session);
  ct::monitor::add_alert_commands(app, session);
  ct::monitor::add_channel_commands(app, session);
  ct::monitor::add_log_commands(app, session);
  ct::monitor::add_search_commands(app, session);
  ct::monitor::add_history_commands(app, session);
  ct::monitor::add_serve_commands(app, session);
  ct::monitor::add_inspect_commands(app, session);
  ct::monitor::add_config_commands(app, session);
  ct::monitor::add_demo_commands(app, session);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    const int code = app.exit(e);
    return code == 0 ? ct::monitor::kExitOk : ct::monitor::kExitUsage;
  }
  hide_secrets(argc, argv);
  return session.action ? session.action() : ct::monitor::kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // A closed pipe is an error of the write that hit it, not our death.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "ctvigil: internal error: {}\n", e.what());
    return ct::monitor::kExitFailed;
  }
}
