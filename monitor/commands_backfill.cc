// ctvigil backfill
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <charconv>
#include <csignal>
#include <iostream>
#include <nlohmann/json.hpp>

#include "alerts/payload.h"
#include "monitor/backfill.h"
#include "monitor/bulk_archive.h"
#include "monitor/commands.h"
#include "monitor/signals.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

// Of a row of history with its indexes, at most; an entry is a row only if it
// is the first of its certificate.
constexpr double kBytesPerRow = 350;
// Of its DER, where that is kept.
constexpr double kBytesOfDer = 500;

struct BackfillOptions {
  std::string mode = "archive";
  std::vector<std::string> logs, operators, ranges, from;
  std::string since, until;
  unsigned side_by_side = 8;
  bool dry_run = false, quiet = false, bulk = false;
};

// "1000:2000", ":2000", "1000:".
Result<sql::IndexRange> parse_range(const std::string& typed) {
  const auto number = [](std::string_view text, std::uint64_t& out) {
    if (text.empty()) return true;
    const auto [end, ec] =
        std::from_chars(text.data(), text.data() + text.size(), out);
    return ec == std::errc() && end == text.data() + text.size();
  };
  sql::IndexRange range{0, std::numeric_limits<std::int64_t>::max()};
  const auto colon = typed.find(':');
  if (colon == typed.npos ||
      !number(std::string_view(typed).substr(0, colon), range.begin) ||
      !number(std::string_view(typed).substr(colon + 1), range.end) ||
      range.begin >= range.end) {
    return fail(Errc::kUsage,
                "--range " + typed +
                    ": wants two indexes, as in 1000:2000, the second not "
                    "included; either may be left out");
  }
  return range;
}

Result<BackfillRequest> parse_request(const BackfillOptions& options) {
  BackfillRequest request;
  request.logs = options.logs;
  request.operators = options.operators;
  request.side_by_side = options.side_by_side;
  if (!options.from.empty()) {
    if (options.logs.size() > 1 || !options.operators.empty()) {
      return fail(Errc::kUsage,
                  "--from is of one log: give one --log, or none");
    }
    auto files = ctlog::LogFiles::open(options.from);
    if (!files) {
      return fail(Errc::kUsage, "--from " + files.error().what);
    }
    request.files = std::move(*files);
  }
  for (const auto& typed : options.ranges) {
    const auto range = parse_range(typed);
    if (!range) return tl::unexpected(range.error());
    request.ranges.push_back(*range);
  }
  const auto date = [](const char* flag, const std::string& typed,
                       std::optional<Millis>& out) -> Result<void> {
    if (typed.empty()) return {};
    out = parse_time(typed);
    if (out) return {};
    return fail(
        Errc::kUsage,
        std::string(flag) + " wants a date such as 2026-11-01, not " + typed);
  };
  if (auto ok = date("--since", options.since, request.since); !ok) {
    return tl::unexpected(ok.error());
  }
  if (auto ok = date("--until", options.until, request.until); !ok) {
    return tl::unexpected(ok.error());
  }
  if (request.since && request.until && *request.since >= *request.until) {
    return fail(Errc::kUsage, "--since lies behind --until");
  }
  return request;
}

std::string duration(double seconds) {
  return format_duration(std::chrono::milliseconds(
      static_cast<std::int64_t>(std::min(seconds, 1e12)) * 1000));
}

struct Sum {
  std::uint64_t entries = 0;
  double bytes = 0, seconds = 0;
};

Sum sum_of(const std::vector<BackfillPlan>& plans) {
  Sum sum;
  for (const auto& p : plans) {
    sum.entries += p.entries;
    sum.bytes += p.bytes;
    sum.seconds = std::max(sum.seconds, p.seconds);
  }
  return sum;
}

// `row_bytes` 0: nothing is archived.
void print_plan(const std::vector<BackfillPlan>& plans, double row_bytes) {
  using Align = Table::Align;
  Table table({{"LOG"},
               {"ENTRIES", Align::kRight},
               {"THERE ALREADY", Align::kRight},
               {"TO FETCH", Align::kRight},
               {"TAKES", Align::kRight},
               {"PROBLEM"}});
  for (const auto& p : plans) {
    table.add({p.log,
               with_commas(p.entries),
               with_commas(p.covered),
               format_bytes(p.bytes),
               duration(p.seconds),
               {p.problem, Colour::kRed}});
  }
  table.print(stdout);
  const Sum sum = sum_of(plans);
  std::cout << fmt::format(
      "{} entries, {} to fetch, at least {} at the configured request rates",
      with_commas(sum.entries), format_bytes(sum.bytes), duration(sum.seconds));
  if (row_bytes > 0) {
    std::cout << fmt::format(
        "; disk: up to {}",
        format_bytes(static_cast<double>(sum.entries) * row_bytes));
  }
  std::cout << '.' << std::endl;
}

void print_plan_json(const std::vector<BackfillPlan>& plans, double row_bytes) {
  auto out = json::array();
  for (const auto& p : plans) {
    auto stretches = json::array();
    for (const auto& s : p.stretches) stretches.push_back({s.begin, s.end});
    out.push_back(
        {{"log", printable(p.log)},
         {"problem", p.problem.empty() ? json() : json(printable(p.problem))},
         {"ranges", stretches},
         {"entries", p.entries},
         {"covered", p.covered},
         {"fetch_bytes", static_cast<std::uint64_t>(p.bytes)},
         {"seconds", static_cast<std::uint64_t>(p.seconds)},
         {"disk_bytes", static_cast<std::uint64_t>(
                            static_cast<double>(p.entries) * row_bytes)}});
  }
  std::cout << out.dump(2) << std::endl;
}

// Says how far it is, with a rate over the last half minute or so.
class Teller {
 public:
  void operator()(const BackfillProgress& p) {
    using Clock = std::chrono::steady_clock;
    const auto now = Clock::now();
    if (samples_.empty() || now - samples_.back().first > kSample) {
      samples_.emplace_back(now, p.entries);
      if (samples_.size() > kSamples) samples_.pop_front();
    }
    const double elapsed =
        std::chrono::duration<double>(now - samples_.front().first).count();
    const double rate =
        elapsed > 0
            ? static_cast<double>(p.entries - samples_.front().second) / elapsed
            : 0;
    std::string text = fmt::format(
        "{} of {} entries, {}/s, {}", with_commas(p.entries), with_commas(p.of),
        with_commas(static_cast<std::uint64_t>(rate)),
        format_bytes(static_cast<double>(p.bytes)));
    if (p.entries < p.of) {
      text += ", ETA " +
              (rate > 0 ? duration(static_cast<double>(p.of - p.entries) / rate)
                        : std::string("unknown"));
    }
    if (p.newest_entry > 0) {
      text += ", at " + format_time(p.newest_entry).substr(0, 10);
    }
    progress_.show(
        p.of == 0 ? 1
                  : static_cast<double>(p.entries) / static_cast<double>(p.of),
        text);
    last_ = p;
  }
  [[nodiscard]] const BackfillProgress& last() const { return last_; }

 private:
  static constexpr std::chrono::seconds kSample{2};
  static constexpr std::size_t kSamples = 15;
  Progress progress_{stderr};
  std::deque<std::pair<std::chrono::steady_clock::time_point, std::uint64_t>>
      samples_;
  BackfillProgress last_;
};

void print_findings(const std::vector<alerts::Finding>& findings) {
  for (const auto& f : findings) {
    if (f.alert.state == alerts::AlertState::kExpected) continue;
    std::cout << alerts::alert_line(f.alert) + "\n";
  }
  std::cout.flush();
}

int run_backfill(Session& session, const BackfillOptions& options) {
  const auto request = parse_request(options);
  if (!request) return report(request.error());
  const auto config = session.config();
  if (!config) return report(config.error());
  set_up_log((*config)->log_level, (*config)->log_format);
  auto db = session.open_database();
  if (!db) return report(db.error());
  block_signals();

  const bool archive = (*config)->mode == ReadMode::kArchive;
  const bool all_der = (*config)->keep_der == KeepDer::kAll;
  const double row_bytes =
      archive ? kBytesPerRow + (all_der ? kBytesOfDer : 0) : 0;
  if (options.bulk && !archive) {
    return report({Errc::kUsage, "--bulk is for --mode archive"});
  }
  BulkArchive bulk(session.database_url(), (*config)->state_dir);
  LogReading::Options reading{
      .once = true, .on_findings = {}, .bulk = options.bulk ? &bulk : nullptr};
  if (!options.quiet && !session.json) reading.on_findings = print_findings;
  Backfill backfill(**config, std::move(*db), session.private_postgres(),
                    *request, std::move(reading));
  const SignalThread signals([&backfill](int signal) {
    if (signal != SIGHUP) backfill.stop();
  });
  const auto plans = backfill.plan();
  if (!plans) return report(plans.error());
  if (session.json) {
    print_plan_json(*plans, row_bytes);
  } else {
    print_plan(*plans, row_bytes);
  }
  const bool readable = std::ranges::all_of(
      *plans, [](const BackfillPlan& p) { return p.problem.empty(); });
  if (options.dry_run) return readable ? kExitOk : kExitUnproven;

  BackfillProgress last;
  bool done = false;
  {
    Teller teller;
    done = backfill.run(std::ref(teller));
    last = teller.last();
  }
  const auto built = bulk.finish();
  if (!built) {
    return report(
        {built.error().code, "history was not built: " + built.error().what +
                                 "; the same command reads the rest again"});
  }
  if (!session.json) {
    std::cout << fmt::format(
        "{} entries verified{}, {} of them named something watched.\n",
        with_commas(last.entries), archive ? " and archived" : "",
        with_commas(last.matches));
  }
  if (backfill.stopped()) {
    return report(
        {Errc::kStopping, "stopped; the same command goes on from here"});
  }
  return done ? kExitOk : kExitUnproven;
}

}  // namespace

void add_backfill_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<BackfillOptions>();
  CLI::App& command = *app.add_subcommand(
      "backfill", "Read the past of logs: keep every entry, or what matches");
  session.add_common_options(command);
  command
      .add_option("--mode", options->mode,
                  "archive: keep every entry, for `ctvigil search` (default); "
                  "watch: only what matches")
      ->check(CLI::IsMember({"archive", "watch"}));
  command.add_option("--log", options->logs,
                     "Logs: part of the name, or the id in hex (default: all)");
  command.add_option("--operator", options->operators,
                     "All logs of an operator, by name");
  command.add_option("--from", options->from,
                     "Files of a Static CT log, or of an archive in that form, "
                     "instead of its server: a folder, zip archives, or a "
                     "folder of these");
  command.add_option("--range", options->ranges,
                     "Indexes A:B, from A to before B; may be given again");
  command.add_option("--since", options->since,
                     "Entries logged on that date or later");
  command.add_option("--until", options->until, "Entries logged before it");
  command
      .add_option("--parallel", options->side_by_side,
                  "Ranges that are read side by side (default 8)")
      ->check(CLI::Range(1u, 256u));
  command.add_flag("--bulk", options->bulk,
                   "Collect what is read in files of the state folder, and "
                   "build it into history every 20 million entries: faster, "
                   "but what is not built when it is killed is read again");
  add_keep_der_option(command, session);
  command.add_flag("--dry-run", options->dry_run,
                   "Only say what it would read, and what that takes");
  command.add_flag("--quiet", options->quiet,
                   "Do not print matches on standard output");
  add_log_list_options(command, session);
  command.footer(
      "Everything is verified as in `ctvigil run`, which may run meanwhile. "
      "What is\nthere already is left out, so that after an interruption the "
      "same command\ngoes on. Requests keep to the configured rates, for each "
      "process by itself.\n\n"
      "Examples:\n"
      "  ctvigil backfill --dry-run\n"
      "  ctvigil backfill --log argon2026h2 --since 2026-11-01\n"
      "  ctvigil backfill --operator Sectigo --mode watch\n"
      "  ctvigil backfill --log tiger2026h1 --range 0:1000000\n"
      "  ctvigil backfill --from archive/");
  on_chosen(command, session, [&session, &command, options] {
    session.overrides.push_back([options](Config& config) {
      config.mode =
          options->mode == "watch" ? ReadMode::kWatch : ReadMode::kArchive;
      using std::chrono::seconds;
      config.mismatch_retries = {seconds(1), seconds(3), seconds(6)};
    });
    const auto fits = check_keep_der(command, session);
    if (!fits) return report(fits.error());
    return run_backfill(session, *options);
  });
}

}  // namespace ct::monitor
