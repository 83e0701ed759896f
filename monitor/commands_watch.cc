// ctvigil watch
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "alerts/text.h"
#include "monitor/commands.h"
#include "monitor/files.h"
#include "monitor/history_text.h"
#include "monitor/retro_match.h"
#include "monitor/terminal.h"
#include "monitor/watch_file.h"
#include "monitor/watch_request.h"
#include "monitor/watch_text.h"
#include "monitor/watchlist.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxCertificateFile = 4u << 20;

std::string dump(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace);
}

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

int add_watches(Session& session, const WatchRequest& options) {
  auto watches = watches_from(options, "cli");
  if (!watches) return report(watches.error());
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto expectations = sql::load_expectations(**db);
  if (!expectations) return report(expectations.error());
  const auto logs = sql::load_logs(**db);
  if (!logs) return report(logs.error());
  Json out = Json::array();
  for (auto& watch : *watches) {
    const auto id = sql::put_watch(**db, watch);
    if (!id) return report(id.error());
    watch.id = *id;
    watch.created = now_millis();
    const auto history =
        match_history(**db, watch, *expectations, kShown, kPatience);
    if (!history) return report(history.error());
    if (session.json) {
      Json added = Json::parse(watch_json(watch));
      added["history"] =
          Json::parse(retro_json(*history, watch, log_names(*logs)));
      out.push_back(std::move(added));
      continue;
    }
    fmt::print("Watching {}.{}\n", printable(watch.pattern),
               watch.allowed_issuers.empty() && watch.allowed_spkis.empty()
                   ? " Nothing is declared as expected, so every certificate "
                     "is a finding: see --allow-issuer."
                   : "");
    print_history(*history, watch);
  }
  if (session.json) fmt::print("{}\n", dump(out));
  return kExitOk;
}

int remove_watches(Session& session, const std::vector<std::string>& patterns) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  int code = kExitOk;
  for (const auto& pattern : patterns) {
    // As typed, or as it is written once parsed: "EXAMPLE.com.".
    auto removed = sql::remove_watch(**db, pattern);
    if (removed && !*removed) {
      const auto parsed = parse_watch(pattern, true);
      if (parsed) removed = sql::remove_watch(**db, parsed->pattern);
    }
    if (!removed) return report(removed.error());
    if (*removed) {
      fmt::print("No longer watching {}.\n", printable(pattern));
    } else {
      code = report({Errc::kInternal, "there is no watch " + pattern});
    }
  }
  return code;
}

std::string joined(const std::vector<std::string>& texts) {
  return fmt::format("{}", fmt::join(texts, ", "));
}

int list_watches(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto watches = sql::load_watches(**db);
  if (!watches) return report(watches.error());
  if (session.json) {
    Json out = Json::array();
    for (const auto& w : *watches) out.push_back(Json::parse(watch_json(w)));
    fmt::print("{}\n", dump(out));
    return kExitOk;
  }
  if (watches->empty()) {
    fmt::print("Nothing is watched yet: `ctvigil watch add example.com`.\n");
    return kExitOk;
  }
  Table table({{"WATCH"},
               {"EXPECTED ISSUERS"},
               {"KEYS", Table::Align::kRight},
               {"TAGS"},
               {"GRACE"},
               {"SOURCE"},
               {"NOTE"}});
  for (const auto& w : *watches) {
    table.add({w.pattern, joined(w.allowed_issuers),
               std::to_string(w.allowed_spkis.size()), joined(w.tags),
               w.grace.count() > 0 ? format_duration(w.grace) : std::string(),
               w.source, w.note});
  }
  table.print(stdout);
  return kExitOk;
}

// A file's certificates, or the name itself.
Result<std::vector<Matches>> matches_of(const std::string& what,
                                        const Watchlist& watchlist) {
  std::vector<Matches> out;
  if (!std::filesystem::is_regular_file(what)) {
    const x509::Name dns{x509::NameKind::kDns, 0, as_bytes(what)};
    const bool is_address = what.find('@') != std::string::npos;
    const x509::Name email{x509::NameKind::kEmail, 0, as_bytes(what)};
    const x509::Name organization{x509::NameKind::kOrganization, 0x0c,
                                  as_bytes(what)};
    out.push_back(
        watchlist.match(std::array{is_address ? email : dns, organization}));
    return out;
  }
  const auto content = read_file(what, kMaxCertificateFile);
  if (!content) return tl::unexpected(content.error());
  auto blocks = x509::from_pem("CERTIFICATE", *content);
  if (!blocks) return fail_in(what, blocks.error());
  if (blocks->empty()) {
    blocks->emplace_back(content->begin(), content->end());
  }
  for (const auto& der : *blocks) {
    const auto certificate = x509::parse_certificate(der);
    if (!certificate) {
      out.push_back(watchlist.match_bytes(der));
      continue;
    }
    out.push_back(watchlist.match(certificate->names));
    if (certificate->names_incomplete) {
      out.push_back(watchlist.match_bytes(der));
    }
  }
  return out;
}

int test_name(Session& session, const std::string& what) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  auto watches = sql::load_watches(**db);
  if (!watches) return report(watches.error());
  const Watchlist watchlist(std::move(*watches));
  const auto found = matches_of(what, watchlist);
  if (!found) return report(found.error());
  std::vector<NameMatch> matches;
  std::size_t left_out = 0;
  for (const Matches& m : *found) {
    matches.insert(matches.end(), m.list.begin(), m.list.end());
    left_out += m.left_out;
  }
  if (session.json) {
    Json out = Json::array();
    for (const auto& m : matches) {
      out.push_back({{"watch", watchlist.watches()[m.watch].pattern},
                     {"name", m.name},
                     {"why", m.why}});
    }
    fmt::print("{}\n", dump(out));
  } else if (matches.empty() && left_out == 0) {
    fmt::print("No watch would match {}.\n", printable(what));
  } else {
    for (const auto& m : matches) {
      fmt::print("{}: {} {}.\n",
                 printable(watchlist.watches()[m.watch].pattern),
                 printable(m.name), printable(m.why));
    }
  }
  if (left_out > 0) {
    fmt::print(stderr,
               "ctvigil: up to {} more watches are not listed: wildcards cover "
               "too many\n",
               with_commas(left_out));
  }
  return kExitOk;
}

struct ApplyOptions {
  std::string file, source;
  bool dry_run = false, exit_code = false;
};

Json change_json(const sql::WatchChange& change) {
  const auto& [before, after] = change;
  const auto side = [](const std::optional<Watch>& w) {
    return w ? Json::parse(declared_watch_json(*w)) : Json();
  };
  return {{"watch", (after ? after : before)->pattern},
          {"change", !before  ? "added"
                     : !after ? "removed"
                              : "changed"},
          {"before", side(before)},
          {"after", side(after)}};
}

void print_changes(const sql::ApplyResult& result, bool dry_run) {
  for (const auto& change : result.changes) {
    const Colour colour = !change.before  ? Colour::kGreen
                          : !change.after ? Colour::kRed
                                          : Colour::kYellow;
    fmt::print("{}\n", coloured(stdout, colour, change_line(change)));
  }
  fmt::print("{}{} added, {} changed, {} removed, {} unchanged.\n",
             dry_run ? "Would be: " : "", result.added, result.changed,
             result.removed, result.unchanged);
}

int apply_file(Session& session, const ApplyOptions& options) {
  auto watches = read_watch_file(options.file);
  if (!watches) return report(watches.error());
  const std::string source =
      options.source.empty()
          ? std::filesystem::path(options.file).filename().string()
          : options.source;
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto result =
      sql::apply_watches(**db, source, std::move(*watches), options.dry_run);
  if (!result) return report(result.error());
  if (session.json) {
    Json changes = Json::array();
    for (const auto& c : result->changes) changes.push_back(change_json(c));
    fmt::print("{}\n", dump({{"source", source},
                             {"dry_run", options.dry_run},
                             {"added", result->added},
                             {"changed", result->changed},
                             {"removed", result->removed},
                             {"unchanged", result->unchanged},
                             {"changes", std::move(changes)}}));
  } else {
    print_changes(*result, options.dry_run);
  }
  return options.exit_code && !result->changes.empty() ? kExitChanges : kExitOk;
}

void add_add_command(CLI::App& watch, Session& session) {
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
  command.footer(
      "Patterns:\n"
      "  example.com        the name and everything below it\n"
      "  =www.example.com   that name only\n"
      "  192.0.2.0/24       addresses\n"
      "  @example.com       e-mail addresses there and below\n"
      "  org:Example Ltd    the subject's organisation\n\n"
      "What history already holds for it is shown at once, the unexpected "
      "first.\n\n"
      "Example:\n"
      "  ctvigil watch add example.com --allow-issuer \"Let's Encrypt\"");
  on_chosen(command, session,
            [&session, options] { return add_watches(session, *options); });
}

void add_apply_command(CLI::App& watch, Session& session) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App& command = *watch.add_subcommand(
      "apply", "Make the watches of a file what that file says");
  session.add_common_options(command);
  command.add_option("FILE", options->file, "TOML, see below")->required();
  command.add_option("--source", options->source,
                     "Whose watches these are (default: the file's name); "
                     "those of others are left alone");
  CLI::Option* const dry_run = command.add_flag(
      "--dry-run", options->dry_run, "Print what would change, change nothing");
  command
      .add_flag("--exit-code", options->exit_code,
                "With --dry-run: end with 2 if anything would change")
      ->needs(dry_run);
  command.footer(
      "The file:\n"
      "  [[watch]]\n"
      "  pattern = \"example.com\"\n"
      "  allow_issuers = [\"Let's Encrypt\"]\n"
      "  allow_spkis = []\n"
      "  tags = [\"shop\"]\n"
      "  grace = \"10m\"\n"
      "  note = \"run by the web team\"\n"
      "  force = false              # true: watch a public suffix\n\n"
      "Prints a line for each watch that is added (+), removed (-) or changed "
      "(~).\nAll of them are applied, or none.\n\n"
      "Exit codes:\n"
      "  0   done; with --dry-run: the file can be applied\n"
      "  1   it could not be done\n"
      "  2   with --exit-code: something would change\n"
      "  64  the file or the command line cannot be");
  on_chosen(command, session,
            [&session, options] { return apply_file(session, *options); });
}

}  // namespace

void add_watch_commands(CLI::App& app, Session& session) {
  CLI::App& watch = *app.add_subcommand("watch", "What is watched");
  watch.require_subcommand(1);
  add_add_command(watch, session);

  auto patterns = std::make_shared<std::vector<std::string>>();
  CLI::App& remove = *watch.add_subcommand("remove", "Stop watching");
  session.add_common_options(remove, false);
  remove.add_option("PATTERN", *patterns, "As `watch list` shows it")
      ->required();
  on_chosen(remove, session, [&session, patterns] {
    return remove_watches(session, *patterns);
  });

  CLI::App& list = *watch.add_subcommand("list", "List the watches");
  session.add_common_options(list);
  on_chosen(list, session, [&session] { return list_watches(session); });

  auto name = std::make_shared<std::string>();
  CLI::App& test = *watch.add_subcommand(
      "test", "Say which watches a name or a certificate would meet, and why");
  session.add_common_options(test);
  test.add_option("NAME", *name, "A name, or a certificate file")->required();
  on_chosen(test, session,
            [&session, name] { return test_name(session, *name); });

  add_apply_command(watch, session);
}

}  // namespace ct::monitor
