// ctvigil logs, status, coverage, db
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "monitor/commands.h"
#include "monitor/coverage.h"
#include "monitor/log_choice.h"
#include "monitor/status.h"
#include "monitor/terminal.h"
#include "monitor/watchlist.h"
#include "sql/logs.h"

namespace ct::monitor {
namespace {

std::string ago(Millis t, Millis now) {
  if (t <= 0) return "never";
  return format_duration(
             std::chrono::milliseconds(std::max<Millis>(now - t, 0))) +
         " ago";
}

Colour colour_of(const LogStatus& s) {
  if (!s.problem.empty()) return Colour::kRed;
  return s.lag_entries > 0 ? Colour::kYellow : Colour::kNone;
}

void print_logs(const std::vector<LogStatus>& logs, Millis now) {
  Table table({{"LOG"},
               {"STATE"},
               {"POSITION", Table::Align::kRight},
               {"HEAD", Table::Align::kRight},
               {"LAG", Table::Align::kRight},
               {"RATE/S", Table::Align::kRight},
               {"VERIFIED", Table::Align::kRight},
               {"LAST ERROR"}});
  for (const auto& s : logs) {
    const auto& p = s.row.position;
    const Colour colour = colour_of(s);
    const std::string lag =
        s.lag_entries == 0 ? "-"
        : s.lag.count() == 0
            ? with_commas(s.lag_entries)
            : fmt::format("{} ({})", with_commas(s.lag_entries),
                          format_duration(s.lag));
    std::string error = s.problem.empty() ? s.row.last_error : s.problem;
    if (error.size() > 60) error = error.substr(0, 57) + "...";
    table.add(
        {{s.row.info.description, colour},
         {std::string(sql::to_string(s.row.state)), colour},
         p ? with_commas(p->range.size()) : "-",
         s.row.largest_head ? with_commas(s.row.largest_head->size()) : "-",
         {lag, colour},
         p ? fmt::format("{:.1f}", p->rate) : "-",
         p ? ago(p->verified_at, now) : "-",
         error});
  }
  table.print(stdout);
}

int show_logs(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  auto rows = sql::load_logs(**db);
  if (!rows) return report(rows.error());
  const Millis now = now_millis();
  const auto logs = log_statuses(std::move(*rows), now, /*all=*/true);
  if (session.json) {
    fmt::print("{}\n", logs_json(logs));
  } else if (logs.empty()) {
    fmt::print("No logs yet: `ctvigil run` loads the list.\n");
  } else {
    print_logs(logs, now);
  }
  return kExitOk;
}

Result<sql::LogRow> find_log(sql::Database& db, const std::string& which) {
  const auto rows = sql::load_logs(db);
  if (!rows) return tl::unexpected(rows.error());
  const auto found = logs_called(which, *rows);
  if (found.size() == 1) return *found.front();
  return fail(Errc::kUsage,
              found.empty()
                  ? fmt::format("no log is called '{}'; `ctvigil logs` lists "
                                "them",
                                which)
                  : fmt::format("'{}' fits {} logs; be more exact", which,
                                found.size()));
}

int resume_log(Session& session, const std::string& which, bool at_head,
               const std::string& why) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  auto row = find_log(**db, which);
  if (!row) return report(row.error());
  if (at_head) {
    // The head's own root is all that is known of the tree below it, so the
    // next start of the monitor proves its way in anew, at the head.
    const auto r = sql::forget_position(**db, row->info.log_id, why);
    if (!r) return report(r.error());
  }
  const auto state = at_head || !row->position ? sql::FollowState::kNew
                                               : sql::FollowState::kFollowing;
  const auto r =
      sql::set_state(**db, row->info.log_id, state, "resumed by hand: " + why);
  if (!r) return report(r.error());
  fmt::print("{} will be read again {}, once the monitor (re)starts.\n",
             printable(row->info.description),
             at_head ? "from its head; what was skipped stays a gap in "
                       "`ctvigil coverage`"
                     : "from its last verified position");
  return kExitOk;
}

// --- status ---

int show_status(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const Millis now = now_millis();
  const auto status = load_status(**db, now);
  if (!status) return report(status.error());
  if (session.json) {
    fmt::print("{}\n", status_json(*status));
    return kExitOk;
  }
  const auto& problems = status->problems;
  if (problems.empty()) {
    fmt::print("{}\n", coloured(stdout, Colour::kGreen, "All is well."));
  } else {
    fmt::print("{}\n", coloured(stdout, Colour::kRed,
                                problems.size() == 1
                                    ? "One thing is wrong:"
                                    : fmt::format("{} things are wrong:",
                                                  problems.size())));
    for (const auto& p : problems) fmt::print("  - {}\n", printable(p));
  }
  fmt::print("{} logs, {} watches, {} open alerts, {} channels\n\n",
             status->logs.size(), status->watches, status->open_alerts,
             status->outbox.size());
  if (!status->logs.empty()) print_logs(status->logs, now);
  return kExitOk;
}

// --- coverage ---

int show_coverage(Session& session, const std::string& domain) {
  const auto host = x509::canonical_host(domain);
  if (!host) return report(host.error());
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto coverage = load_coverage(**db, *host);
  if (!coverage) return report(coverage.error());
  if (session.json) {
    fmt::print("{}\n", coverage_json(*host, *coverage));
    return kExitOk;
  }
  if (coverage->watches.empty()) {
    fmt::print("{} is not watched: `ctvigil watch add {}`\n", *host, *host);
    return kExitOk;
  }
  if (coverage->logs.empty()) {
    fmt::print("No log has been read yet: start `ctvigil run`.\n");
    return kExitOk;
  }
  if (coverage->complete()) {
    fmt::print("{}\n", coloured(stdout, Colour::kGreen,
                                fmt::format("{} is covered: every log is "
                                            "verified to its head.",
                                            *host)));
  } else {
    fmt::print("{}\n",
               coloured(stdout, Colour::kYellow,
                        fmt::format("{} is covered with gaps:", *host)));
  }
  for (const auto& l : coverage->logs) {
    for (const auto& g : l.gaps) {
      fmt::print("  {}: entries {} to {}: {}\n",
                 printable(l.row.info.description), with_commas(g.range.begin),
                 with_commas(g.range.end), printable(g.why));
    }
  }
  Table table({{"LOG"},
               {"COMPLETE FROM", Table::Align::kRight},
               {"TO INDEX", Table::Align::kRight},
               {"OF HEAD", Table::Align::kRight},
               {"HEAD'S TIME"}});
  for (const auto& l : coverage->logs) {
    table.add({l.row.info.description, with_commas(l.from), with_commas(l.to),
               with_commas(l.head_size),
               l.head_timestamp > 0 ? format_time(l.head_timestamp) : "-"});
  }
  fmt::print("\n");
  table.print(stdout);
  return kExitOk;
}

int migrate_database(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  fmt::print("The database is at schema {}.\n", sql::schema_version());
  return kExitOk;
}

}  // namespace

void add_log_commands(CLI::App& app, Session& session) {
  CLI::App& logs = *app.add_subcommand("logs", "List all logs");
  session.add_common_options(logs);
  logs.require_subcommand(0, 1);
  logs.callback([&session, &logs] {
    if (logs.get_subcommands().empty()) {
      session.action = [&session] { return show_logs(session); };
    }
  });
  struct Resume {
    std::string log, why;
    bool at_head = false;
  };
  auto resume = std::make_shared<Resume>();
  CLI::App& resume_command = *logs.add_subcommand(
      "resume", "Read a log again that was stopped because it did not verify");
  session.add_common_options(resume_command, false);
  resume_command.add_option("LOG", resume->log, "Description or log id")
      ->required();
  resume_command.add_option("--why", resume->why, "Reason, kept on record")
      ->required();
  resume_command.add_flag("--at-head", resume->at_head,
                          "Give up what is unread, and go on from the head: "
                          "for entries that never will match their root");
  on_chosen(resume_command, session, [&session, resume] {
    return resume_log(session, resume->log, resume->at_head, resume->why);
  });

  CLI::App& status =
      *app.add_subcommand("status", "One screen that says whether all is well");
  session.add_common_options(status);
  on_chosen(status, session, [&session] { return show_status(session); });

  auto domain = std::make_shared<std::string>();
  CLI::App& coverage = *app.add_subcommand(
      "coverage", "Which entries of which logs a domain was looked for in");
  session.add_common_options(coverage);
  coverage.add_option("DOMAIN", *domain, "Host name")->required();
  on_chosen(coverage, session,
            [&session, domain] { return show_coverage(session, *domain); });

  CLI::App& db = *app.add_subcommand("db", "The database itself");
  db.require_subcommand(1);
  CLI::App& migrate = *db.add_subcommand(
      "migrate", "Bring the schema up to what this program needs");
  session.add_common_options(migrate, false);
  on_chosen(migrate, session, [&session] { return migrate_database(session); });
}

}  // namespace ct::monitor
