// ctvigil config
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "monitor/commands.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;

int check_config(const Session& session) {
  const LoadedConfig loaded = load_config(session.config_option);
  const int code = loaded.problems.empty() ? kExitOk : kExitUsage;
  if (!session.json) {
    fmt::print(code == kExitOk ? stdout : stderr, "{}", config_report(loaded));
    return code;
  }
  Json problems = Json::array();
  for (const ConfigProblem& p : loaded.problems) {
    problems.push_back({{"where", p.where},
                        {"line", p.line == 0 ? Json() : Json(p.line)},
                        {"what", p.what}});
  }
  const Json out = {{"sources", loaded.sources}, {"problems", problems}};
  fmt::print("{}\n", out.dump(2, ' ', false, Json::error_handler_t::replace));
  return code;
}

}  // namespace

void add_config_commands(CLI::App& app, Session& session) {
  CLI::App& config = *app.add_subcommand("config", "The configuration file");
  config.require_subcommand(1);

  CLI::App& check = *config.add_subcommand(
      "check", "Say what the configuration is, or what is wrong with it");
  session.add_common_options(check);
  check.footer(
      "Read are --config, $CTVIGIL_CONFIG or /etc/ctvigil/ctvigil.toml, then "
      "the variables\nCTVIGIL_<KEY>. Exits with 64 if there is a problem.");
  on_chosen(check, session, [&session] { return check_config(session); });

  CLI::App& example = *config.add_subcommand(
      "example", "Print a configuration file with every key explained");
  on_chosen(example, session, [] {
    fmt::print("{}", config_example());
    return kExitOk;
  });
}

}  // namespace ct::monitor
