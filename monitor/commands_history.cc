// ctvigil history: care of what was archived.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "monitor/commands.h"
#include "monitor/terminal.h"
#include "sql/history_admin.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

int show_size(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto size = sql::history_size(**db);
  if (!size) return report(size.error());
  if (session.json) {
    auto partitions = json::array();
    for (const auto& p : size->partitions) {
      partitions.push_back({{"name", p.name},
                            {"certificates", p.certificates},
                            {"bytes", p.bytes}});
    }
    std::cout << json{{"certificates", size->certificates},
                      {"bytes", size->bytes},
                      {"partitions", partitions}}
                     .dump(2)
              << '\n';
    return kExitOk;
  }
  using Align = Table::Align;
  Table table({{"VALID UNTIL"},
               {"CERTIFICATES", Align::kRight},
               {"SIZE", Align::kRight}});
  for (const auto& p : size->partitions) {
    table.add({p.name, with_commas(p.certificates),
               format_bytes(static_cast<double>(p.bytes))});
  }
  table.print(stdout);
  std::cout << fmt::format("About {} certificates in {}.\n",
                           with_commas(size->certificates),
                           format_bytes(static_cast<double>(size->bytes)));
  return kExitOk;
}

int prune(Session& session, const std::string& before) {
  const auto when = parse_time(before);
  if (!when) {
    return report({Errc::kUsage,
                   "--before wants a date such as 2025-01-01, not " + before});
  }
  if (*when > now_millis()) {
    return report({Errc::kUsage,
                   "--before " + before +
                       ": certificates that are still valid are not pruned; "
                       "name a date that has passed"});
  }
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto pruned = sql::prune_history(**db, *when / 1000);
  if (!pruned) return report(pruned.error());
  if (session.json) {
    std::cout << json{{"partitions", pruned->partitions},
                      {"pruned_until",
                       pruned->until ? json(format_seconds(*pruned->until))
                                     : json()}}
                     .dump(2)
              << '\n';
    return kExitOk;
  }
  if (!pruned->until) {
    std::cout << "Nothing was pruned: no whole quarter of a year lies before "
                 "that date.\n";
    return kExitOk;
  }
  std::cout << fmt::format(
      "Partitions dropped: {}. History holds no certificate that ended before "
      "{}, nor will it take any.\n",
      pruned->partitions, format_seconds(*pruned->until));
  return kExitOk;
}

}  // namespace

void add_history_commands(CLI::App& app, Session& session) {
  CLI::App& history = *app.add_subcommand(
      "history", "Size of what was archived, and dropping old parts of it");
  history.require_subcommand(1);

  CLI::App& size = *history.add_subcommand(
      "size", "How many certificates, in how many bytes, by validity end");
  session.add_common_options(size);
  on_chosen(size, session, [&session] { return show_size(session); });

  auto before = std::make_shared<std::string>();
  CLI::App& pruning =
      *history.add_subcommand("prune", "Drop certificates that ended long ago");
  session.add_common_options(pruning);
  pruning
      .add_option("--before", *before,
                  "Those whose validity ended before that date; whole "
                  "quarters of a year only")
      ->required();
  pruning.footer(
      "What is covered stays covered: pruned certificates are not archived "
      "again.\n\nExample:\n  ctvigil history prune --before 2024-01-01");
  on_chosen(pruning, session,
            [&session, before] { return prune(session, *before); });
}

}  // namespace ct::monitor
