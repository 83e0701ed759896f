// ctvigil alerts
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <algorithm>

#include "alerts/payload.h"
#include "alerts/text.h"
#include "base/hex.h"
#include "monitor/commands.h"
#include "monitor/terminal.h"
#include "sql/alerts.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using alerts::Alert;
using alerts::AlertState;
using alerts::Severity;

struct ListOptions {
  std::vector<std::string> states;
  std::string watch, kind, min_severity;
  std::size_t limit = 0;
  bool all = false;
};

// Rows of a table, unless a number was asked for.
constexpr std::size_t kTableLimit = 50;

Result<sql::AlertFilter> filter_from(const ListOptions& options) {
  sql::AlertFilter filter;
  if (options.all) {
    filter.states = {AlertState::kOpen, AlertState::kAcknowledged,
                     AlertState::kResolved, AlertState::kExpected};
  }
  for (const auto& text : options.states) {
    const auto state = alerts::parse_alert_state(text);
    if (!state) return fail(Errc::kUsage, "unknown state");
    if (!options.all) filter.states.push_back(*state);
  }
  if (!options.watch.empty()) filter.watch = options.watch;
  if (!options.kind.empty()) filter.kind = options.kind;
  if (!options.min_severity.empty()) {
    filter.min_severity = alerts::parse_severity(options.min_severity);
  }
  filter.limit = options.limit;
  return filter;
}

Colour colour_of(const Alert& alert) {
  if (alert.state == AlertState::kExpected ||
      alert.state == AlertState::kResolved) {
    return Colour::kDim;
  }
  if (alert.severity >= Severity::kHigh) return Colour::kRed;
  return alert.severity == Severity::kMedium ? Colour::kYellow : Colour::kNone;
}

// What it is about, in a table's cell.
std::string subject_text(const Alert& alert) {
  constexpr std::size_t kCell = 60;
  if (alert.names.empty()) {
    return alerts::visible(alert.log.empty() ? alert.title : alert.log, kCell);
  }
  std::string out = alerts::visible(alert.names.front(), kCell);
  if (alert.names.size() > 1) {
    out += fmt::format(" +{}", alert.names.size() - 1);
  }
  return out;
}

void print_table(const std::vector<Alert>& list) {
  Table table({{"ID"},
               {"SEVERITY"},
               {"STATE"},
               {"RAISED"},
               {"KIND"},
               {"ABOUT"},
               {"ISSUER"},
               {"LOGS", Table::Align::kRight}});
  for (const auto& alert : list) {
    const Colour colour = colour_of(alert);
    std::string issuer;
    if (alert.certificate) {
      const auto& c = *alert.certificate;
      issuer = c.issuer_name.empty() ? c.issuer : c.issuer_name;
    }
    table.add(
        {alert.id.substr(0, 8),
         {std::string(to_string(alert.severity)), colour},
         {std::string(to_string(alert.state)), colour},
         format_time(alert.created / 1000 * 1000),
         alert.kind,
         {subject_text(alert), colour},
         alerts::visible(issuer, 40),
         alert.sightings.empty() ? "" : with_commas(alert.sightings.size())});
  }
  table.print(stdout);
}

void print_json(const std::vector<Alert>& list) {
  fmt::print("[");
  for (std::size_t i = 0; i < list.size(); ++i) {
    fmt::print("{}\n{}", i == 0 ? "" : ",", alerts::alert_json(list[i], false));
  }
  fmt::print("{}]\n", list.empty() ? "" : "\n");
}

int list(Session& session, const ListOptions& options) {
  auto filter = filter_from(options);
  if (!filter) return report(filter.error());
  const bool cut = filter->limit == 0 && !session.json;
  if (cut) filter->limit = kTableLimit + 1;
  auto db = session.open_database();
  if (!db) return report(db.error());
  auto found = sql::list_alerts(**db, *filter);
  if (!found) return report(found.error());
  if (session.json) {
    print_json(*found);
    return kExitOk;
  }
  if (found->empty()) {
    fmt::print("{}\n", options.all ? "No alerts."
                                   : "No such alerts. Settled and expected "
                                     "ones: ctvigil alerts list --all");
    return kExitOk;
  }
  const bool more = cut && found->size() > kTableLimit;
  if (more) found->resize(kTableLimit);
  print_table(*found);
  if (more) {
    fmt::print("These are the newest {}. More: --limit N, or --json for all.\n",
               kTableLimit);
  }
  return kExitOk;
}

Result<Alert> find(sql::Database& db, const std::string& id) {
  auto found = sql::find_alert(db, id);
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    return fail(Errc::kUsage,
                fmt::format("there is no alert '{}'; see `ctvigil alerts list "
                            "--all`",
                            printable(id)));
  }
  return std::move(**found);
}

void print_proof(const alerts::Sighting& s) {
  fmt::print(
      "\nProof that entry {} is in {}:\n"
      "  leaf hash  {}\n"
      "  tree size  {}\n"
      "  root hash  {}\n",
      s.leaf_index, printable(s.log), to_hex(s.leaf_hash), s.tree_size,
      to_hex(s.root));
  for (std::size_t i = 0; i < s.inclusion_proof.size(); ++i) {
    fmt::print("  {:<10} {}\n", i == 0 ? "path" : "",
               to_hex(s.inclusion_proof[i]));
  }
}

int show(Session& session, const std::string& id) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto alert = find(**db, id);
  if (!alert) return report(alert.error());
  if (session.json) {
    fmt::print("{}\n", alerts::alert_json(*alert, true));
    return kExitOk;
  }
  const std::string text = alerts::alert_text(*alert);
  const std::size_t end = text.find('\n');
  fmt::print("{}{}", coloured(stdout, colour_of(*alert), text.substr(0, end)),
             text.substr(end));
  for (const auto& sighting : alert->sightings) print_proof(sighting);
  if (!alert->evidence.empty()) {
    fmt::print("\nEvidence:\n{}\n", printable(alert->evidence));
  }
  if (alert->certificate && !alert->certificate->der.empty()) {
    fmt::print("\n{}", x509::to_pem("CERTIFICATE", alert->certificate->der));
  }
  return kExitOk;
}

int set_state(Session& session, const std::vector<std::string>& ids,
              AlertState state, const std::string& note) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  // All are looked up first: a mistyped one changes nothing.
  std::vector<Alert> chosen;
  for (const auto& id : ids) {
    auto alert = find(**db, id);
    if (!alert) return report(alert.error());
    chosen.push_back(std::move(*alert));
  }
  for (auto& alert : chosen) {
    const auto r = sql::set_alert_state(**db, alert.id, state, note);
    if (!r) return report(r.error());
    alert.state = state;
    fmt::print("{}\n", alerts::alert_line(alert));
  }
  return kExitOk;
}

int redeliver(Session& session, const std::vector<std::string>& ids) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  std::vector<std::string> whole;
  for (const auto& id : ids) {
    const auto alert = find(**db, id);
    if (!alert) return report(alert.error());
    whole.push_back(alert->id);
  }
  if (whole.empty()) whole.emplace_back();  // all dead letters
  std::size_t count = 0;
  for (const auto& id : whole) {
    const auto n = sql::redeliver(**db, id);
    if (!n) return report(n.error());
    count += *n;
  }
  fmt::print(
      "{} message{} queued{}\n", count, count == 1 ? "" : "s",
      count == 0 ? "." : "; a running monitor sends them within seconds.");
  return kExitOk;
}

void add_list_command(CLI::App& parent, Session& session) {
  auto o = std::make_shared<ListOptions>();
  CLI::App& c = *parent.add_subcommand(
      "list", "List alerts, newest first: open and acknowledged ones");
  session.add_common_options(c);
  c.add_option("--state", o->states,
               "open, acknowledged, resolved or expected; may be repeated")
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"open", "acknowledged", "resolved", "expected"}));
  c.add_flag("--all", o->all, "In every state");
  c.add_option("--watch", o->watch, "Of this watch, as `watch list` shows it");
  c.add_option("--kind", o->kind,
               "Of this kind: unexpected_certificate, log_fork …");
  c.add_option("--min-severity", o->min_severity, "At least this severe")
      ->check(CLI::IsMember({"info", "low", "medium", "high", "critical"}));
  c.add_option("--limit", o->limit,
               "So many, the newest (default: 50; with --json: all)");
  c.footer(
      "Examples:\n"
      "  ctvigil alerts list\n"
      "  ctvigil alerts list --watch example.com --min-severity high\n"
      "  ctvigil alerts list --all --json | jq '.[].names'");
  on_chosen(c, session, [&session, o] { return list(session, *o); });
}

void add_state_command(CLI::App& parent, Session& session, const char* word,
                       const char* what, AlertState state,
                       const char* examples) {
  struct Options {
    std::vector<std::string> ids;
    std::string note;
  };
  auto o = std::make_shared<Options>();
  CLI::App& c = *parent.add_subcommand(word, what);
  session.add_common_options(c, false);
  c.add_option("ID", o->ids, "Alerts, by 6 digits or more of their ids")
      ->required();
  c.add_option("--note", o->note, "Why; kept with the alert");
  c.footer(examples);
  on_chosen(c, session, [&session, o, state] {
    return set_state(session, o->ids, state, o->note);
  });
}

}  // namespace

void add_alert_commands(CLI::App& app, Session& session) {
  CLI::App& alerts =
      *app.add_subcommand("alerts", "What was found: certificates, and logs");
  alerts.require_subcommand(1);
  add_list_command(alerts, session);

  auto id = std::make_shared<std::string>();
  CLI::App& shower = *alerts.add_subcommand(
      "show", "Show all facts of an alert, the proof, and the PEM");
  session.add_common_options(shower);
  shower.add_option("ID", *id, "6 digits or more of the alert's id")
      ->required();
  shower.footer(
      "Examples:\n"
      "  ctvigil alerts show 3f2a9c\n"
      "  ctvigil alerts show 3f2a9c --json | jq -r .pem");
  on_chosen(shower, session, [&session, id] { return show(session, *id); });

  add_state_command(alerts, session, "ack",
                    "Say that somebody is looking into alerts",
                    AlertState::kAcknowledged,
                    "Example:\n  ctvigil alerts ack 3f2a9c --note \"asked the "
                    "CA\"");
  add_state_command(alerts, session, "resolve", "Close alerts",
                    AlertState::kResolved,
                    "Whoever was told of an alert is told that it is "
                    "resolved.\n\nExample:\n  ctvigil alerts resolve 3f2a9c "
                    "--note \"revoked\"");

  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App& again = *alerts.add_subcommand(
      "redeliver", "Send messages again: of some alerts, or all dead letters");
  session.add_common_options(again, false);
  again.add_option("ID", *ids, "Alerts; none: every message that was given up");
  again.footer(
      "Messages keep their ids, so a receiver that has one can tell.\n\n"
      "Examples:\n"
      "  ctvigil alerts redeliver           # all dead letters\n"
      "  ctvigil alerts redeliver 3f2a9c    # one alert, to every channel");
  on_chosen(again, session,
            [&session, ids] { return redeliver(session, *ids); });
}

}  // namespace ct::monitor
