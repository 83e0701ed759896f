// ctvigil logs, status, coverage, db
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "monitor/commands.h"
#include "monitor/coverage.h"
#include "monitor/terminal.h"
#include "monitor/watchlist.h"
#include "sql/alerts.h"
#include "sql/logs.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

std::string ago(Millis t, Millis now) {
  if (t <= 0) return "never";
  return format_duration(
             std::chrono::milliseconds(std::max<Millis>(now - t, 0))) +
         " ago";
}

Json time_or_null(Millis t) { return t > 0 ? Json(format_time(t)) : Json(); }

Colour colour_of(const LogStatus& s) {
  if (!s.problem.empty()) return Colour::kRed;
  return s.lag_entries > 0 ? Colour::kYellow : Colour::kNone;
}

Json log_json(const LogStatus& s) {
  const auto& info = s.row.info;
  Json j;
  j["log_id"] = to_base64(info.log_id);
  j["log"] = info.description;
  j["operator"] = info.operator_name;
  j["protocol"] = ctlog::to_string(info.kind);
  j["url"] = info.monitoring_url;
  j["list_state"] = ctlog::to_string(info.state);
  j["listed"] = s.row.listed;
  j["state"] = sql::to_string(s.row.state);
  j["state_reason"] = s.row.state_reason;
  j["start"] = s.row.position ? Json(s.row.position->start) : Json();
  j["position"] = s.row.position ? Json(s.row.position->range.size()) : Json();
  j["head"] = s.row.largest_head ? Json(s.row.largest_head->size()) : Json();
  j["head_timestamp"] = s.row.largest_head
                            ? time_or_null(s.row.largest_head->timestamp())
                            : Json();
  j["lag_entries"] = s.lag_entries;
  j["lag_seconds"] = s.lag.count() / 1000;
  j["entries_per_second"] = s.row.position ? s.row.position->rate : 0.0;
  j["verified_at"] =
      s.row.position ? time_or_null(s.row.position->verified_at) : Json();
  j["last_error"] = s.row.last_error;
  j["last_error_at"] = time_or_null(s.row.last_error_at);
  j["problem"] = s.problem;
  return j;
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
    Json out = Json::array();
    for (const auto& s : logs) out.push_back(log_json(s));
    fmt::print("{}\n", dump(out));
  } else if (logs.empty()) {
    fmt::print("No logs yet: `ctvigil run` loads the list.\n");
  } else {
    print_logs(logs, now);
  }
  return kExitOk;
}

// By description (without regard to case), base64 or hex log id, or a prefix
// of either that only one log has.
Result<sql::LogRow> find_log(sql::Database& db, const std::string& which) {
  auto rows = sql::load_logs(db);
  if (!rows) return tl::unexpected(rows.error());
  const auto lower = [](std::string s) {
    std::ranges::transform(s, s.begin(),
                           [](unsigned char c) { return std::tolower(c); });
    return s;
  };
  std::vector<sql::LogRow> found;
  for (auto& row : *rows) {
    const bool exact = lower(row.info.description) == lower(which) ||
                       to_base64(row.info.log_id) == which ||
                       to_hex(row.info.log_id) == lower(which);
    if (exact) return std::move(row);
    if (lower(row.info.description).find(lower(which)) != std::string::npos) {
      found.push_back(std::move(row));
    }
  }
  if (found.size() == 1) return std::move(found.front());
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
  auto rows = sql::load_logs(**db);
  if (!rows) return report(rows.error());
  auto watches = sql::load_watches(**db);
  if (!watches) return report(watches.error());
  auto outbox = sql::outbox_status(**db);
  if (!outbox) return report(outbox.error());
  auto alerts = sql::list_alerts(**db, {});
  if (!alerts) return report(alerts.error());
  auto running = sql::live_leases(**db);
  if (!running) return report(running.error());

  const Millis now = now_millis();
  const auto logs = log_statuses(std::move(*rows), now, /*all=*/false);
  std::vector<std::string> problems;
  if (*running == 0) {
    problems.push_back("no monitor is running: start `ctvigil run`");
  }
  if (watches->empty()) {
    problems.push_back("nothing is watched: `ctvigil watch add example.com`");
  }
  if (outbox->empty()) {
    problems.push_back(
        "nobody is told: `ctvigil channel add` names a webhook, Slack or mail");
  }
  for (const auto& s : logs) {
    if (!s.problem.empty()) {
      problems.push_back(s.row.info.description + ": " + s.problem);
    }
  }
  for (const auto& c : *outbox) {
    if (c.dead > 0) {
      problems.push_back(
          fmt::format("channel {}: {} messages could not be delivered: {}",
                      c.channel, c.dead, c.last_error));
    } else if (c.pending > 0 && !c.last_error.empty()) {
      problems.push_back(fmt::format("channel {}: {} messages wait: {}",
                                     c.channel, c.pending, c.last_error));
    }
  }
  const auto open = static_cast<std::size_t>(std::ranges::count_if(
      *alerts,
      [](const auto& a) { return a.state == alerts::AlertState::kOpen; }));

  if (session.json) {
    Json out;
    out["ok"] = problems.empty();
    out["problems"] = problems;
    out["watches"] = watches->size();
    out["open_alerts"] = open;
    Json channels = Json::array();
    for (const auto& c : *outbox) {
      channels.push_back({{"channel", c.channel},
                          {"pending", c.pending},
                          {"delivered", c.delivered},
                          {"dead", c.dead},
                          {"last_error", c.last_error}});
    }
    out["channels"] = std::move(channels);
    Json list = Json::array();
    for (const auto& s : logs) list.push_back(log_json(s));
    out["logs"] = std::move(list);
    fmt::print("{}\n", dump(out));
    return kExitOk;
  }
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
             logs.size(), watches->size(), open, outbox->size());
  if (!logs.empty()) print_logs(logs, now);
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
    Json out;
    out["domain"] = *host;
    out["watched"] = !coverage->watches.empty();
    out["watches"] = coverage->watches;
    out["covered"] = coverage->complete();
    Json logs = Json::array();
    for (const auto& l : coverage->logs) {
      Json gaps = Json::array();
      for (const auto& g : l.gaps) {
        gaps.push_back(
            {{"begin", g.range.begin}, {"end", g.range.end}, {"why", g.why}});
      }
      logs.push_back({{"log_id", to_base64(l.row.info.log_id)},
                      {"log", l.row.info.description},
                      {"covered_from", l.from},
                      {"covered_to", l.to},
                      {"head", l.head_size},
                      {"head_timestamp", time_or_null(l.head_timestamp)},
                      {"gaps", std::move(gaps)}});
    }
    out["logs"] = std::move(logs);
    fmt::print("{}\n", dump(out));
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
