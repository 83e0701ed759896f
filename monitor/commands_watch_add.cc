// ctvigil watch add
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <nlohmann/json.hpp>

#include "alerts/text.h"
#include "monitor/commands.h"
#include "monitor/fetching.h"
#include "monitor/history_alerts.h"
#include "monitor/history_text.h"
#include "monitor/retro_match.h"
#include "monitor/terminal.h"
#include "monitor/watch_request.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using Json = nlohmann::ordered_json;

// How many matches from history are shown, and how long it may take.
constexpr std::size_t kShown = 5;
constexpr std::chrono::seconds kPatience{10};

// A query of `ctvigil search` for the same.
std::string search_words(const Watch& watch) {
  const bool plain = watch.pattern.find(' ') == std::string::npos;
  return plain ? watch.pattern : '"' + watch.pattern + '"';
}

void print_history(const RetroAnswer& answer, const Watch& watch) {
  if (!answer.archived) return;
  if (answer.certificates == 0 && answer.whole) {
    fmt::print("History holds no certificate for it.\n");
    return;
  }
  fmt::print("History holds {}{} certificate{} for it, {} unexpected:\n",
             answer.whole ? "" : "at least ", with_commas(answer.certificates),
             answer.certificates == 1 ? "" : "s",
             answer.unexpected == 0 ? "none" : with_commas(answer.unexpected));
  Table table({{"ISSUED"}, {"EXPIRES"}, {"ISSUER"}, {"NAME"}, {"EXPECTED"}});
  for (const auto& match : answer.newest) {
    const auto& c = match.certificate;
    const bool expected = !match.explanation.empty();
    const Colour colour = expected ? Colour::kDim : Colour::kYellow;
    table.add(
        {format_seconds(c.not_before).substr(0, 10),
         format_seconds(c.not_after).substr(0, 10),
         {alerts::visible(short_issuer(c.issuer), 40), colour},
         {alerts::visible(c.names.empty() ? "" : c.names.front(), 60), colour},
         expected ? alerts::visible(match.explanation, 60) : "no"});
  }
  table.print(stdout);
  fmt::print("All of them: ctvigil search {}\n",
             printable(search_words(watch)));
}

// `seen` is what history was found to hold; all of it is gone through again,
// however long that takes.
Result<HistoryAlertCounts> alert_with_progress(
    EntryFetcher& fetcher, sql::Database& db, const Watch& watch,
    const std::vector<alerts::Expectation>& expectations,
    const RetroAnswer& seen) {
  // Told at the end, for the progress is drawn where they would be.
  constexpr std::size_t kMostTold = 1'000;
  std::vector<std::string> problems;
  const auto counts = [&] {
    Progress progress(stderr);
    return alert_on_history(
        fetcher, db, watch, expectations,
        [&](const std::string& what) {
          if (problems.size() < kMostTold) problems.push_back(what);
        },
        [&](const HistoryAlertCounts& c) {
          const auto all = std::max(seen.unexpected, c.certificates);
          progress.show(
              static_cast<double>(c.done) /
                  static_cast<double>(std::max<std::uint64_t>(all, 1)),
              fmt::format("{} of {}{} certificates fetched again",
                          with_commas(c.done), with_commas(all),
                          seen.whole ? "" : " or more"));
          return true;
        });
  }();
  for (const auto& what : problems) fmt::print(stderr, "ctvigil: {}\n", what);
  return counts;
}

void print_alerts(const HistoryAlertCounts& c) {
  fmt::print("{} alert{} raised about them", with_commas(c.raised),
             c.raised == 1 ? "" : "s");
  if (c.known > 0) fmt::print(", {} had been before", with_commas(c.known));
  if (c.expected > 0) {
    fmt::print(", {} turned out to be expected", with_commas(c.expected));
  }
  if (c.not_fetched > 0) {
    fmt::print(", {} could not be fetched", with_commas(c.not_fetched));
  }
  fmt::print(".\n");
}

int add_watches(Session& session, const WatchRequest& options) {
  auto watches = watches_from(options, "cli");
  if (!watches) return report(watches.error());
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto expectations = sql::load_expectations(**db);
  if (!expectations) return report(expectations.error());
  const auto logs = sql::load_logs(**db);
  if (!logs) return report(logs.error());
  std::unique_ptr<Fetching> fetching;
  if (options.alert_on_history) {
    auto started = Fetching::start(session);
    if (!started) return report(started.error());
    fetching = std::move(*started);
  }
  Json out = Json::array();
  bool all_fetched = true;
  for (auto& watch : *watches) {
    const auto id = sql::put_watch(**db, watch);
    if (!id) return report(id.error());
    watch.id = *id;
    watch.created = now_millis();
    const auto history =
        match_history(**db, watch, *expectations, kShown, kPatience);
    if (!history) return report(history.error());
    if (!session.json) {
      fmt::print("Watching {}.{}\n", printable(watch.pattern),
                 watch.allowed_issuers.empty() && watch.allowed_spkis.empty()
                     ? " Nothing is declared as expected, so every certificate "
                       "is a finding: see --allow-issuer."
                     : "");
      print_history(*history, watch);
      std::fflush(stdout);
    }
    std::optional<HistoryAlertCounts> alerted;
    if (fetching && history->archived) {
      const auto done = alert_with_progress(fetching->fetcher(), **db, watch,
                                            *expectations, *history);
      if (!done) return report(done.error());
      alerted = *done;
      all_fetched = all_fetched && alerted->not_fetched + alerted->lies == 0;
      if (!session.json) print_alerts(*alerted);
    }
    if (session.json) {
      Json added = Json::parse(watch_json(watch));
      added["history"] =
          Json::parse(retro_json(*history, watch, log_names(*logs)));
      added["history"]["alerts"] =
          alerted ? Json::parse(history_alerts_json(*alerted)) : Json();
      out.push_back(std::move(added));
    }
  }
  if (session.json) {
    fmt::print("{}\n", out.dump(2, ' ', true, Json::error_handler_t::replace));
  }
  return all_fetched ? kExitOk : kExitFailed;
}

}  // namespace

void add_watch_add_command(CLI::App& watch, Session& session) {
  auto options = std::make_shared<WatchRequest>();
  CLI::App& command = *watch.add_subcommand(
      "add", "Watch a name; one that is watched already is changed");
  session.add_common_options(command);
  command.add_option("PATTERN", options->patterns, "What to watch")->required();
  command
      .add_option("--allow-issuer", options->issuers,
                  "A CA whose certificates are expected: its name, its DN, "
                  "or spki:SHA-256 of its key; repeatable")
      ->allow_extra_args(false);
  command
      .add_option("--allow-spki", options->spkis,
                  "SHA-256 of a subject key known as ours; repeatable")
      ->allow_extra_args(false);
  command
      .add_option("--tag", options->tags, "For routing to channels; repeatable")
      ->allow_extra_args(false);
  command.add_option("--grace", options->grace,
                     "Hold messages back this long, so that a certificate can "
                     "be registered with `expect add` meanwhile");
  command.add_option("--note", options->note, "For people");
  command.add_flag("--force", options->force, "Even if it is a public suffix");
  command.add_flag("--alert-on-history", options->alert_on_history,
                   "Raise alerts about unexpected certificates that history "
                   "holds: each is fetched again from a log, with proof");
  add_log_list_options(command, session,
                       "Private logs, for --alert-on-history");
  command.footer(
      "Patterns:\n"
      "  example.com        the name and everything below it\n"
      "  =www.example.com   that name only\n"
      "  192.0.2.0/24       addresses\n"
      "  @example.com       e-mail addresses there and below\n"
      "  org:Example Ltd    the subject's organisation\n\n"
      "What history already holds for it is shown at once, the unexpected "
      "first.\n--alert-on-history raises alerts about all of these, as if "
      "their entries were\nread just now; expired ones are of low severity, "
      "see `channel add\n--min-severity`. Doing it again tells nobody "
      "twice.\n\n"
      "Examples:\n"
      "  ctvigil watch add example.com --allow-issuer \"Let's Encrypt\"\n"
      "  ctvigil watch add example.org --alert-on-history\n\n"
      "Exit codes:\n"
      "  0   done\n"
      "  1   it could not be done; or, with --alert-on-history, a certificate "
      "could\n"
      "      not be fetched, or a log gave what does not hold: standard error "
      "says\n"
      "      which\n"
      "  64  the command line cannot be");
  on_chosen(command, session,
            [&session, options] { return add_watches(session, *options); });
}

}  // namespace ct::monitor
