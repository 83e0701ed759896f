// ctvigil demo
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "base/log.h"
#include "monitor/commands.h"
#include "monitor/demo/demo.h"

namespace ct::monitor {
namespace {

int play_demo(Session& session) {
  if (!session.database_option.empty() || !session.state_dir_option.empty()) {
    return report({Errc::kUsage,
                   "the demo has a database and a folder of its own: leave "
                   "--database and --state-dir out"});
  }
  const auto config = session.config();
  if (!config) return report(config.error());
  // The story is on standard output; only trouble belongs beside it.
  set_up_log(LogLevel::kError, (*config)->log_format);

  demo::DemoOptions options;
  options.postgres_bin = (*config)->postgres_bin;
  options.postgres_user = (*config)->postgres_user;
  const auto played = demo::run_demo(options);
  if (!played) return report(played.error());
  return *played ? kExitOk : kExitFailed;
}

}  // namespace

void add_demo_commands(CLI::App& app, Session& session) {
  CLI::App& command = *app.add_subcommand(
      "demo", "See an unexpected certificate being caught, without internet");
  session.add_common_options(command, false);
  command.footer(
      "Makes two CAs, two logs and a webhook receiver on this machine, "
      "watches a\ndomain, issues a certificate that was expected and one that "
      "was not, and exits\nwith 0 if exactly the right alert arrived.");
  on_chosen(command, session, [&session] { return play_demo(session); });
}

}  // namespace ct::monitor
