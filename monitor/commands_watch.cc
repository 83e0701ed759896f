// ctvigil watch
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "monitor/commands.h"
#include "monitor/files.h"
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
  add_watch_add_command(watch, session);

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
