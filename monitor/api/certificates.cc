// /v1/certificates: history, as `ctvigil search` asks it.
#include <nlohmann/json.hpp>

#include "monitor/api/answer_stream.h"
#include "monitor/api/pem.h"
#include "monitor/api/route.h"
#include "monitor/history_text.h"
#include "monitor/search_query.h"
#include "monitor/terminal.h"
#include "sql/history_search.h"

namespace ct::monitor::api {
namespace {

using Json = nlohmann::json;
using Kind = Parameter::Kind;

constexpr std::size_t kMaxQueries = 100;  // of a GET

const std::vector<Parameter> kNarrowing = {
    {"part", "Queries are texts that are anywhere within a name", Kind::kFlag},
    {"registrable", "A host stands for its registrable domain", Kind::kFlag},
    {"issuer",
     "By this issuer: part of its name, or spki: and the SHA-256 of its key"},
    {"org", "For this organisation, as a whole"},
    {"valid_at", "Valid at that time: 2026-11-24, 2026-11-24T10:00:00Z or now",
     Kind::kTime},
    {"expires_after", "Validity ends then or later", Kind::kTime},
    {"expires_before", "Validity ends before", Kind::kTime},
    {"issued_after", "Validity begins then or later", Kind::kTime},
    {"issued_before", "Validity begins before", Kind::kTime},
    {"logged_after", "Logged then or later", Kind::kTime},
    {"logged_before", "Logged before", Kind::kTime},
    {"log", "Logged there: part of its name, or its id", Kind::kText, {}, true},
    {"expired", "No longer valid", Kind::kFlag},
    {"not_expired", "Still valid", Kind::kFlag},
    {"precert", "Logged as a precertificate", Kind::kFlag},
    {"final", "Logged as the certificate itself", Kind::kFlag}};

std::vector<Parameter> with_narrowing(std::vector<Parameter> own) {
  own.insert(own.end(), kNarrowing.begin(), kNarrowing.end());
  return own;
}

const Parameter kQuery = {
    "q",
    "What to look for: example.com (all below it, too), =www.example.com, "
    "api.*.example.com, an address or network, me@example.com, sha256:HEX, "
    "spki:HEX, serial:HEX, org:NAME, issuer:NAME",
    Kind::kText,
    {},
    true,
    "example.com"};
const Parameter kLimit = {"limit", "So many of each query, the newest; 0: all",
                          Kind::kCount};

// Options of the command line, as parameters are called.
Error as_params(Error error) {
  std::string out;
  const std::string& what = error.what;
  for (std::size_t i = 0; i < what.size(); ++i) {
    if (what.compare(i, 2, "--") != 0) {
      out += what[i];
      continue;
    }
    for (i += 2; i < what.size() &&
                 ((what[i] >= 'a' && what[i] <= 'z') || what[i] == '-');
         ++i) {
      out += what[i] == '-' ? '_' : what[i];
    }
    --i;
  }
  error.what = std::move(out);
  return error;
}

struct Search {
  std::vector<std::string> typed;
  std::vector<sql::HistoryTerm> terms;
  sql::HistoryNarrowing narrowing;
  LogNames names;
};

Result<void> add_terms(const Call& call, const std::vector<std::string>& typed,
                       Search& out) {
  const TermOptions options{call.flag("part"), call.flag("registrable")};
  for (const auto& text : typed) {
    auto term = parse_search_term(text, options);
    if (!term) return tl::unexpected(as_params(term.error()));
    out.typed.push_back(text);
    out.terms.push_back(*std::move(term));
  }
  return {};
}

// By issuer or organisation alone: that is what to look for.
std::vector<std::string> stand_in(NarrowingTexts& n) {
  std::string& what = !n.issuer.empty() ? n.issuer : n.organization;
  if (what.empty()) return {""};
  const std::string typed = (&what == &n.issuer ? "issuer:" : "org:") + what;
  what.clear();
  return {typed};
}

Result<Search> search_of(Call& call, std::vector<std::string> typed) {
  NarrowingTexts texts;
  texts.issuer = call.param("issuer");
  texts.organization = call.param("org");
  texts.valid_at = call.param("valid_at");
  texts.expires_after = call.param("expires_after");
  texts.expires_before = call.param("expires_before");
  texts.issued_after = call.param("issued_after");
  texts.issued_before = call.param("issued_before");
  texts.logged_after = call.param("logged_after");
  texts.logged_before = call.param("logged_before");
  texts.logs = call.params("log");
  texts.expired = call.flag("expired");
  texts.not_expired = call.flag("not_expired");
  texts.precert = call.flag("precert");
  texts.final = call.flag("final");
  Search out;
  if (typed.empty()) typed = stand_in(texts);
  const auto added = add_terms(call, typed, out);
  if (!added) return tl::unexpected(added.error());
  const auto logs = call.context.logs.get(call.db);
  if (!logs) return tl::unexpected(logs.error());
  auto narrowing = parse_narrowing(texts, **logs, now_millis());
  if (!narrowing) return tl::unexpected(as_params(narrowing.error()));
  out.narrowing = *std::move(narrowing);
  out.names = log_names(**logs);
  return out;
}

Result<void> run(Call& call, const Search& search, SearchOutput& output) {
  sql::HistoryQuery query;
  query.terms = search.terms;
  query.narrowing = search.narrowing;
  query.limit = call.count("limit");
  query.after = call.param("after");
  return stream_search(call, std::move(query),
                       [&](std::size_t term, const sql::HistoryCertificate& c) {
                         return output.add(term, c);
                       });
}

Result<void> answer(Call& call, const Search& search, std::string format) {
  const SearchFormat f = format == "jsonl" ? SearchFormat::kJsonl
                         : format == "csv" ? SearchFormat::kCsv
                                           : SearchFormat::kJson;
  call.reply.head(200, f == SearchFormat::kJsonl ? kJsonLines
                       : f == SearchFormat::kCsv ? kCsv
                                                 : kJson);
  AnswerStream stream(call.reply);
  const auto output =
      make_search_output(f, stream.file(), search.typed, search.names);
  const auto done = run(call, search, *output);
  output->end(done.has_value());
  return stream.end(done);
}

Result<void> find(Call& call) {
  auto typed = call.params("q");
  if (typed.size() > kMaxQueries) {
    return fail(Errc::kUsage,
                "up to 100 queries can be given as q; POST takes long lists");
  }
  const auto search = search_of(call, std::move(typed));
  if (!search) return tl::unexpected(search.error());
  return answer(call, *search, call.param("format"));
}

Result<void> count(Call& call) {
  auto typed = call.params("q");
  if (typed.size() > kMaxQueries) {
    return fail(Errc::kUsage, "up to 100 queries can be given as q");
  }
  const auto search = search_of(call, std::move(typed));
  if (!search) return tl::unexpected(search.error());
  const std::string by = call.param("by");
  const SearchGroup group = by == "issuer"  ? SearchGroup::kIssuer
                            : by == "month" ? SearchGroup::kMonth
                            : by == "log"   ? SearchGroup::kLog
                                            : SearchGroup::kNone;
  call.reply.head(200, kJson);
  AnswerStream stream(call.reply);
  const auto output = make_search_count(group, true, stream.file(),
                                        search->typed, search->names);
  const auto done = run(call, *search, *output);
  output->end(done.has_value());
  return stream.end(done);
}

// Of a body {"queries": […]} or a text with one a line.
Result<std::vector<std::string>> listed_queries(const HttpRequest& request) {
  std::vector<std::string> out;
  if (!request.content_type.starts_with("text/plain")) {
    const Json body = Json::parse(request.body, nullptr, false);
    const auto list = body.is_object() ? body.find("queries") : body.end();
    if (!body.is_object() || list == body.end() || !list->is_array()) {
      return fail(Errc::kUsage,
                  "the body is such as {\"queries\": [\"example.com\"]}");
    }
    for (const auto& item : *list) {
      if (!item.is_string()) {
        return fail(Errc::kUsage, "each of the queries must be a string");
      }
      out.push_back(item.get<std::string>());
    }
  } else {
    for (const auto& line : query_lines(request.body)) {
      out.emplace_back(line.query);
    }
  }
  if (out.empty()) return fail(Errc::kUsage, "there are no queries");
  return out;
}

Result<void> find_listed(Call& call) {
  auto typed = listed_queries(call.request);
  if (!typed) return tl::unexpected(typed.error());
  const auto search = search_of(call, *std::move(typed));
  if (!search) return tl::unexpected(search.error());
  const std::string format = call.param("format");
  return answer(call, *search, format.empty() ? "jsonl" : format);
}

Result<void> show(Call& call) {
  const bool pem = call.param("format") == "pem", fetch = call.flag("fetch");
  if (fetch && !pem) {
    return fail(Errc::kUsage, "fetch is for format=pem: JSON needs no bytes");
  }
  const auto search = search_of(call, {"sha256:" + call.named});
  if (!search) return tl::unexpected(search.error());
  std::optional<sql::HistoryCertificate> found;
  sql::HistoryQuery query;
  query.terms = search->terms;
  query.limit = 1;
  const auto done = stream_search(call, std::move(query),
                                  [&](std::size_t, const auto& certificate) {
                                    found = certificate;
                                    return false;
                                  });
  if (!done) return done;
  if (!found) {
    return fail(Errc::kGone,
                "history has no certificate with this SHA-256; of a "
                "precertificate it is only known until the certificate itself "
                "was seen");
  }
  if (fetch) return give_fetched_pem(call, *found);
  if (pem) return give_pem(call, *found);
  call.reply.give(200, kJson,
                  history_json(*found, search->typed[0], search->names) + '\n');
  return {};
}

}  // namespace

void add_certificate_routes(std::vector<Route>& routes) {
  const Parameter after = {
      "after", "Only what comes behind this place: `place` of an answer"};
  const Parameter format = {"format",
                            "One array, an object a line, or CSV",
                            Kind::kChoice,
                            {"json", "jsonl", "csv"}};
  const std::vector<std::string> streams = {
      std::string(kJson), std::string(kJsonLines), std::string(kCsv)};
  routes.push_back(
      {.method = "GET",
       .path = "/v1/certificates",
       .summary = "Certificates, newest end of validity first, without a limit",
       .handler = find,
       .params = with_narrowing({kQuery, kLimit, after, format}),
       .answers = streams});
  routes.push_back({.method = "POST",
                    .path = "/v1/certificates",
                    .summary = "The same for a list of queries, one after the "
                               "other, as JSON Lines",
                    .handler = find_listed,
                    .params = with_narrowing({kLimit, format}),
                    .answers = streams,
                    .body_example = R"({"queries": ["example.com"]})",
                    .takes_text = true});
  routes.push_back(
      {.method = "GET",
       .path = "/v1/certificates/count",
       .summary = "How many, for each query or for each query and group",
       .handler = count,
       .params = with_narrowing(
           {kQuery,
            {"by", "The groups", Kind::kChoice, {"issuer", "month", "log"}}})});
  // Whoever may only read must not be able to spend what others are sent by
  // us: requests to logs are counted, and logs lock out whoever sends too many.
  const Parameter fetch = {
      .name = "fetch",
      .what =
          "With format=pem: if the bytes are not kept, get them again from "
          "a log, checked against its signed head and what was archived",
      .kind = Kind::kFlag,
      .scope = sql::TokenScope::kWrite};
  routes.push_back(
      {.method = "GET",
       .path = "/v1/certificates/{sha256}",
       .summary = "One certificate; its bytes, if they are kept. With fetch "
                  "they are got from its log, and proven, otherwise; that "
                  "takes the scope write, for it makes the server speak to "
                  "logs, at the cost of its operators' request budgets",
       .handler = show,
       .params = {{"format", "JSON, or PEM", Kind::kChoice, {"json", "pem"}},
                  fetch},
       .answers = {std::string(kJson), std::string(kPem)},
       .named_example = std::string(64, '0')});
}

}  // namespace ct::monitor::api
