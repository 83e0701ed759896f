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
#include "sql/history_bulk.h"
#include "sql/history_substring.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

json json_of(const sql::SubstringIndex& index) {
  if (!index.wanted) return nullptr;
  return {{"bytes", index.bytes},
          {"complete", index.indexed == index.partitions}};
}

std::string describe(const sql::SubstringIndex& index) {
  const std::string size = format_bytes(static_cast<double>(index.bytes));
  if (index.indexed == index.partitions) {
    return fmt::format("Of that, the substring index: {}.\n", size);
  }
  return fmt::format(
      "Of that, the substring index: {}; {} of {} partitions lack it, so "
      "`ctvigil history index --substring on` has to go on.\n",
      size, index.partitions - index.indexed, index.partitions);
}

int show_size(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto size = sql::history_size(**db);
  if (!size) return report(size.error());
  const auto index = sql::substring_index(**db);
  if (!index) return report(index.error());
  if (session.json) {
    auto partitions = json::array();
    for (const auto& p : size->partitions) {
      partitions.push_back({{"name", p.name},
                            {"certificates", p.certificates},
                            {"bytes", p.bytes}});
    }
    std::cout << json{{"certificates", size->certificates},
                      {"bytes", size->bytes},
                      {"partitions", partitions},
                      {"substring_index", json_of(*index)}}
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
  if (index->wanted) std::cout << describe(*index);
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

int pack(Session& session, bool with_current) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto before = sql::history_size(**db);
  if (!before) return report(before.error());
  {
    Progress progress(stderr);
    const auto packed = sql::pack_history(
        **db, with_current ? sql::HistoryPack::kAll : sql::HistoryPack::kEnded,
        [&progress](double done, const std::string& at) {
          progress.show(done, "history_" + at);
        });
    if (!packed) return report(packed.error());
  }
  const auto after = sql::history_size(**db);
  if (!after) return report(after.error());
  if (session.json) {
    std::cout << json{{"bytes_before", before->bytes}, {"bytes", after->bytes}}
                     .dump(2)
              << '\n';
    return kExitOk;
  }
  std::cout << fmt::format("History takes {}, where it took {}.\n",
                           format_bytes(static_cast<double>(after->bytes)),
                           format_bytes(static_cast<double>(before->bytes)));
  return kExitOk;
}

int set_substring_index(Session& session, bool on) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  if (!on) {
    const auto dropped = sql::drop_substring_index(**db);
    if (!dropped) return report(dropped.error());
    std::cout << "There is no substring index now.\n";
    return kExitOk;
  }
  {
    Progress progress(stderr);
    const auto created = sql::create_substring_index(
        **db, session.database_url(),
        [&progress](double done, const std::string& at) {
          progress.show(done, at);
        });
    if (!created) return report(created.error());
  }
  const auto index = sql::substring_index(**db);
  if (!index) return report(index.error());
  std::cout << fmt::format("The substring index takes {}.\n",
                           format_bytes(static_cast<double>(index->bytes)));
  return kExitOk;
}

}  // namespace

void add_history_commands(CLI::App& app, Session& session) {
  CLI::App& history = *app.add_subcommand(
      "history",
      "Size and indexes of what was archived; packing and dropping old parts");
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

  auto with_current = std::make_shared<bool>(false);
  CLI::App& packing = *history.add_subcommand(
      "pack", "Build what has ended anew, in the least room");
  session.add_common_options(packing);
  packing.add_flag("--all", *with_current,
                   "Certificates that are valid, too: reading logs waits "
                   "meanwhile, and their room grows again");
  packing.footer(
      "What comes batch by batch, and is touched again by other logs, takes "
      "up to twice its room. Partitions are built anew one at a time, while "
      "others search; it needs free disk for the largest.\n\n"
      "Example:\n  ctvigil history pack");
  on_chosen(packing, session,
            [&session, with_current] { return pack(session, *with_current); });

  auto substring = std::make_shared<std::string>();
  CLI::App& index = *history.add_subcommand(
      "index", "Make an index that not everybody needs, or drop it");
  session.add_common_options(index, false);
  index
      .add_option("--substring", *substring,
                  "on: parts of names are found quickly; off: by a look at "
                  "all of history")
      ->required()
      ->check(CLI::IsMember({"on", "off"}));
  index.footer(
      "It makes history larger and storing slower: docs/performance.md says "
      "by how much. Made while others read and write; the same command goes "
      "on after an interruption. Needs the extension pg_trgm, which comes with "
      "Postgres.\n\nExample:\n  ctvigil history index --substring on");
  on_chosen(index, session, [&session, substring] {
    return set_substring_index(session, *substring == "on");
  });
}

}  // namespace ct::monitor
