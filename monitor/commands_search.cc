// ctvigil search
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "monitor/commands.h"
#include "monitor/der_source.h"
#include "monitor/fetch_report.h"
#include "monitor/fetching.h"
#include "monitor/files.h"
#include "monitor/search_output.h"
#include "monitor/search_query.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

constexpr std::size_t kMaxFile = 64u << 20;
constexpr std::size_t kMaxStandardInput = kMaxFile;
// With --fetch: entries asked for side by side, and answers that wait.
constexpr std::size_t kFetchedAtOnce = 8, kPage = 200;

struct Options {
  std::vector<std::string> queries;
  std::string file, by, after, timeout;
  TermOptions terms;
  NarrowingTexts narrowing;
  bool jsonl = false, csv = false, pem = false, count = false, fetch = false;
  std::uint64_t limit = 0;
};

// What is searched for, and as it was typed.
struct Terms {
  std::vector<std::string> typed;
  std::vector<sql::HistoryTerm> terms;
};

Result<std::string> standard_input() {
  std::string out;
  char buffer[1 << 16];
  while (const auto n = std::fread(buffer, 1, sizeof buffer, stdin)) {
    out.append(buffer, n);
    if (out.size() > kMaxStandardInput) {
      return fail(Errc::kUsage, "standard input is larger than 64 MB");
    }
  }
  return out;
}

Result<void> add_file(const Options& options, Terms& out) {
  const bool is_stdin = options.file == "-";
  const std::string name = is_stdin ? "standard input" : options.file;
  const auto content =
      is_stdin ? standard_input() : read_file(options.file, kMaxFile);
  if (!content) return tl::unexpected(content.error());
  for (const auto& [number, query] : query_lines(*content)) {
    auto term = parse_search_term(query, options.terms);
    if (!term) return fail_in(fmt::format("{}:{}", name, number), term.error());
    out.typed.emplace_back(query);
    out.terms.push_back(std::move(*term));
  }
  return {};
}

Result<Terms> terms_from(Options& options) {
  Terms out;
  for (const auto& typed : options.queries) {
    auto term = parse_search_term(typed, options.terms);
    if (!term) return tl::unexpected(term.error());
    out.typed.push_back(typed);
    out.terms.push_back(std::move(*term));
  }
  if (!options.file.empty()) {
    const auto added = add_file(options, out);
    if (!added) return tl::unexpected(added.error());
    if (out.terms.empty()) {
      return fail(Errc::kUsage, options.file + " holds no query");
    }
  }
  // By issuer or organisation alone: that is what to look for.
  if (out.terms.empty()) {
    auto& n = options.narrowing;
    std::string& what = !n.issuer.empty() ? n.issuer : n.organization;
    const std::string typed =
        what.empty() ? "" : (&what == &n.issuer ? "issuer:" : "org:") + what;
    auto term = parse_search_term(typed);
    if (!term) return tl::unexpected(term.error());
    out.typed.push_back(typed);
    out.terms.push_back(std::move(*term));
    what.clear();
  }
  return out;
}

Result<SearchFormat> format_from(const Session& session,
                                 const Options& options) {
  const int formats = session.json + options.jsonl + options.csv + options.pem;
  if (formats > 1) {
    return fail(Errc::kUsage,
                "--json, --jsonl, --csv and --pem exclude each other");
  }
  if ((options.count || !options.by.empty()) && formats > session.json) {
    return fail(Errc::kUsage, "counts are printed as text, or with --json");
  }
  if (options.fetch && !options.pem) {
    return fail(Errc::kUsage,
                "--fetch is for --pem: the other formats need no bytes");
  }
  if (session.json) return SearchFormat::kJson;
  if (options.jsonl) return SearchFormat::kJsonl;
  if (options.csv) return SearchFormat::kCsv;
  return options.pem ? SearchFormat::kPem : SearchFormat::kTable;
}

Result<std::chrono::milliseconds> patience_from(const Options& options) {
  if (options.timeout.empty()) return std::chrono::milliseconds(0);
  const auto patience = parse_duration(options.timeout);
  if (!patience || patience->count() <= 0) {
    return fail(Errc::kUsage, "--timeout wants a time such as 30s, not " +
                                  printable(options.timeout));
  }
  return *patience;
}

std::unique_ptr<SearchOutput> output_for(Session& session,
                                         const Options& options,
                                         SearchFormat format,
                                         const Terms& terms, LogNames logs,
                                         FetchedDer* fetched) {
  if (options.count || !options.by.empty()) {
    const SearchGroup by = options.by == "issuer"  ? SearchGroup::kIssuer
                           : options.by == "month" ? SearchGroup::kMonth
                           : options.by == "log"   ? SearchGroup::kLog
                                                   : SearchGroup::kNone;
    return make_search_count(by, session.json, stdout, terms.typed,
                             std::move(logs));
  }
  if (format != SearchFormat::kPem) {
    return make_search_output(format, stdout, terms.typed, std::move(logs));
  }
  if (fetched == nullptr) {
    return make_pem_output(stdout, std::move(logs), kept_der(session), 1);
  }
  return make_pem_output(
      stdout, std::move(logs),
      [fetched](const auto& c) { return fetched->get(c); }, kFetchedAtOnce);
}

int failed(const Error& error) {
  return report(error) == kExitUsage ? kExitUsage : kExitSearchFailed;
}

int search(Session& session, Options& options) {
  const auto terms = terms_from(options);
  if (!terms) return failed(terms.error());
  const auto format = format_from(session, options);
  if (!format) return failed(format.error());
  const auto patience = patience_from(options);
  if (!patience) return failed(patience.error());
  // Before the database is asked for: mistakes in times need no database.
  auto early = options.narrowing;
  early.logs.clear();
  if (const auto n = parse_narrowing(early, {}, now_millis()); !n) {
    return failed(n.error());
  }
  auto db = session.open_database();
  if (!db) return failed(db.error());
  const auto logs = sql::load_logs(**db);
  if (!logs) return failed(logs.error());
  const auto narrowing =
      parse_narrowing(options.narrowing, *logs, now_millis());
  if (!narrowing) return failed(narrowing.error());

  const bool cut = *format == SearchFormat::kTable && options.limit == 0 &&
                   !options.count && options.by.empty() &&
                   terms->terms.size() == 1 && isatty(STDOUT_FILENO) != 0;
  constexpr std::uint64_t kTableLimit = 100;
  std::unique_ptr<Fetching> fetching;
  FetchReport fetch_report;
  std::optional<FetchedDer> fetched;
  if (options.fetch) {
    auto started = Fetching::start(session);
    if (!started) return failed(started.error());
    fetching = std::move(*started);
    fetched.emplace(session, fetching->fetcher(),
                    [&](const std::string& what) { fetch_report.tell(what); });
  }
  const auto output =
      output_for(session, options, *format, *terms, log_names(*logs),
                 fetched ? &*fetched : nullptr);
  sql::HistoryQuery query;
  query.terms = terms->terms;
  query.narrowing = *narrowing;
  query.limit = cut ? kTableLimit + 1 : options.limit;
  query.after = options.after;
  query.patience = *patience;
  std::uint64_t found = 0;
  const sql::HistoryVisitor visit = [&](std::size_t term,
                                        const sql::HistoryCertificate& c) {
    ++found;
    if (cut && found > kTableLimit) return false;
    const bool go_on = output->add(term, c);
    if (fetched) fetch_report.show(fetched->done());
    return go_on;
  };
  if (fetching) {
    const auto begun = fetch_report.begin(
        **db, query, [&] { return !fetching->fetcher().stopping(); });
    if (!begun) return failed(begun.error());
  }
  const auto done =
      fetching ? sql::search_history_by_pages(**db, query, kPage, visit)
               : sql::search_history(**db, query, visit);
  output->end(done.has_value());
  if (fetched) fetch_report.end(fetched->done());
  std::fflush(stdout);
  if (!done) return failed(done.error());
  if (cut && found > kTableLimit) {
    fmt::print(stderr,
               "These are the {} that expire last. More: --limit N, or --jsonl "
               "for all.\n",
               kTableLimit);
  }
  if (found == 0 && *format == SearchFormat::kTable && !options.count) {
    fmt::print(stderr,
               "Nothing found. History holds what was archived: see "
               "`ctvigil search --help`.\n");
  }
  const bool incomplete =
      fetching && (fetched->failed() > 0 || fetched->lies() > 0 ||
                   fetching->fetcher().stopping());
  if (incomplete) return kExitSearchFailed;
  return found > 0 ? kExitOk : kExitNothingFound;
}

void add_narrowing(CLI::App& c, NarrowingTexts& n) {
  const auto add = [&](const char* option, std::string& text,
                       const char* what) {
    c.add_option(option, text, what)->group("Narrowing");
  };
  add("--issuer", n.issuer,
      "By this issuer: part of its name, or spki: and the SHA-256 of its key");
  add("--org", n.organization, "For this organisation, as a whole");
  add("--valid-at", n.valid_at, "Valid at that time");
  add("--expires-after", n.expires_after, "Validity ends then or later");
  add("--expires-before", n.expires_before, "Validity ends before");
  add("--issued-after", n.issued_after, "Validity begins then or later");
  add("--issued-before", n.issued_before, "Validity begins before");
  add("--logged-after", n.logged_after, "Logged then or later");
  add("--logged-before", n.logged_before, "Logged before");
  c.add_option("--log", n.logs,
               "Logged there: part of its name, or its id; repeatable")
      ->allow_extra_args(false)
      ->group("Narrowing");
  const auto flag = [&](const char* option, bool& value, const char* what) {
    c.add_flag(option, value, what)->group("Narrowing");
  };
  flag("--expired", n.expired, "No longer valid");
  flag("--not-expired", n.not_expired, "Still valid");
  flag("--precert", n.precert, "Logged as a precertificate");
  flag("--final", n.final, "Logged as the certificate itself");
}

constexpr const char* kFooter =
    "Queries:\n"
    "  example.com              the name and everything below it\n"
    "  =www.example.com         that name only; =*.example.com: that wildcard\n"
    "  '%.dev.example.com'      \"%\" and \"*\" are any characters\n"
    "  'api.*.example.com'\n"
    "  192.0.2.7  192.0.2.0/24  addresses\n"
    "  me@example.com           a mail address\n"
    "  @example.com             all mail addresses there and below\n"
    "  sha256:HEX  spki:HEX     of the certificate; of its key\n"
    "  serial:HEX\n"
    "  org:'Example Ltd'        the subject's organisation\n"
    "  issuer:'Let''s Encrypt'  part of the issuer's name; issuer:spki:HEX\n\n"
    "Several are answered one after the other. Times are such as 2026-11-24,\n"
    "2026-11-24T10:00:00Z or now. --log, --logged-… and --precert or --final\n"
    "are about one and the same log entry.\n\n"
    "Answers come newest end of validity first, as they are found, and there\n"
    "is no limit. Each has a place (in JSON and CSV): --after PLACE goes on\n"
    "behind it. --part and patterns without a literal end look at every name,\n"
    "so narrow them by time.\n\n"
    "Examples:\n"
    "  ctvigil search example.com --not-expired\n"
    "  ctvigil search example.com --by issuer\n"
    "  ctvigil search '=*.example.com' --logged-after 2026-11-01 --json\n"
    "  ctvigil search --file domains.txt --jsonl > found.jsonl\n"
    "  ctvigil search example.com --not-expired --pem --fetch > found.pem\n\n"
    "Exit codes, as grep has them:\n"
    "  0   found\n"
    "  1   nothing found\n"
    "  2   the search could not be done; --fetch: a certificate could not be\n"
    "      had, or a log gave what does not hold, which is said on standard "
    "error\n"
    "  64  the command line or a file cannot be";

}  // namespace

void add_search_commands(CLI::App& app, Session& session) {
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand(
      "search", "Ask history for certificates: by name, key, issuer, …");
  session.add_common_options(c);
  c.add_option("QUERY", o->queries, "What to look for, see below");
  c.add_option("--file", o->file, "Queries, one a line; -: standard input");
  c.add_flag("--part", o->terms.part,
             "A query is a text that is anywhere within a name");
  c.add_flag("--registrable", o->terms.registrable,
             "A host stands for its registrable domain: a.b.example.co.uk for "
             "example.co.uk");
  add_narrowing(c, o->narrowing);
  const auto output = [&](const char* option, bool& value, const char* what) {
    c.add_flag(option, value, what)->group("Output");
  };
  output("--jsonl", o->jsonl, "JSON Lines: an object a line");
  output("--csv", o->csv, "Comma-separated values with a heading");
  output("--pem", o->pem, "A PEM bundle of those that the database keeps");
  output("--fetch", o->fetch,
         "With --pem: what the database does not keep is fetched from the "
         "logs, and proven");
  output("--count", o->count, "Only how many");
  c.add_option("--by", o->by, "How many for each issuer, month or log")
      ->check(CLI::IsMember({"issuer", "month", "log"}))
      ->group("Output");
  c.add_option("--limit", o->limit,
               "So many of each query (default: all; on a terminal 100)")
      ->group("Output");
  c.add_option("--after", o->after, "Only what comes behind this place")
      ->group("Output");
  c.add_option("--timeout", o->timeout,
               "How long the database may take, such as 30s (default: for "
               "ever)");
  add_log_list_options(c, session, "Private logs, for --fetch");
  c.footer(kFooter);
  on_chosen(c, session, [&session, o] { return search(session, *o); });
}

}  // namespace ct::monitor
