// GET / and /json: history in the shape of crt.sh's output=json, for tools
// written against that.
//
// A plain name stands for itself and everything below it, as there; "%" stands
// for any characters. What differs: the precertificate and its certificate are
// one answer, whether deduplicate=Y is given or not; common_name is the first
// name, as the subject's is not kept by itself; order is by end of validity;
// nothing is cut off.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/ascii.h"
#include "base/hex.h"
#include "monitor/api/answer_stream.h"
#include "monitor/api/pem.h"
#include "monitor/api/route.h"
#include "monitor/search_query.h"
#include "monitor/terminal.h"
#include "sql/history_key.h"
#include "sql/history_search.h"

namespace ct::monitor::api {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Parameter::Kind;
using sql::HistoryCertificate;
using sql::HistoryTerm;

// In whatever case it is written: tools write Identity, CN and dNSName.
std::string param(const Call& call, std::string_view name) {
  for (const auto& [key, value] : call.request.params) {
    if (ascii_lower(key) == name) return value;
  }
  return {};
}

// "2026-03-04T00:00:00", with milliseconds if `exact`, without a zone.
std::string bare_time(Millis t, bool exact) {
  const std::string seconds =
      format_time(t - ((t % 1000) + 1000) % 1000).substr(0, 19);
  if (!exact) return seconds;
  return fmt::format("{}.{:03}", seconds, ((t % 1000) + 1000) % 1000);
}

Result<HistoryTerm> name_term(const std::string& text, bool exact) {
  const bool wild = text.find('%') != std::string::npos;
  auto term = parse_search_term(exact && !wild ? '=' + text : text);
  // Identities are organisations as well, which are no host names.
  if (!term && !wild && text.find_first_of("@*/") == std::string::npos) {
    return parse_search_term("org:" + text);
  }
  return term;
}

struct Asked {
  std::string text;
  HistoryTerm term;
};

Result<Asked> asked_for(const Call& call) {
  const bool exact = param(call, "match") == "=";
  for (const char* name : {"q", "identity", "cn", "dnsname", "emailaddress"}) {
    const std::string text = param(call, name);
    if (text.empty()) continue;
    auto term = name_term(text, exact);
    if (!term) return tl::unexpected(term.error());
    return Asked{text, *std::move(term)};
  }
  constexpr std::pair<const char*, const char*> kOthers[] = {
      {"o", "org:"},
      {"serial", "serial:"},
      {"sha256", "sha256:"},
      {"spkisha256", "spki:"}};
  for (const auto& [name, prefix] : kOthers) {
    const std::string text = param(call, name);
    if (text.empty()) continue;
    auto term = parse_search_term(prefix + text);
    if (!term) return tl::unexpected(term.error());
    return Asked{text, *std::move(term)};
  }
  return fail(Errc::kUsage,
              "nothing is asked for: /?q=%25.example.com&output=json; "
              "/openapi.json describes this and the API of its own");
}

Json certificate_json(const HistoryCertificate& c, const HistoryTerm& term) {
  std::vector<std::string_view> names;
  for (const auto& name : c.names) {
    if (name == sql::kHistoryNamesCut) continue;
    if (!term.is_name() || sql::means(term, name)) names.emplace_back(name);
  }
  return {{"issuer_ca_id", std::abs(c.issuer_number)},
          {"issuer_name", c.issuer},
          {"common_name", c.names.empty() ? "" : c.names.front()},
          {"name_value", fmt::format("{}", fmt::join(names, "\n"))},
          {"id", c.number},
          {"entry_timestamp",
           c.sightings.empty()
               ? Json(nullptr)
               : Json(bare_time(c.sightings.front().timestamp, true))},
          {"not_before", bare_time(c.not_before * 1000, false)},
          {"not_after", bare_time(c.not_after * 1000, false)},
          {"serial_number", c.serial},
          {"result_count", names.size()}};
}

Result<void> answer(Call& call, sql::HistoryQuery query,
                    const HistoryTerm& term) {
  query.terms = {&term, 1};
  query.limit = call.count("limit");
  call.reply.head(200, kJson);
  AnswerStream stream(call.reply);
  bool any = false;
  const auto done = stream_search(
      call, std::move(query), [&](std::size_t, const HistoryCertificate& c) {
        const std::string object = certificate_json(c, term).dump(
            -1, ' ', true, Json::error_handler_t::replace);
        std::fputc(std::exchange(any, true) ? ',' : '[', stream.file());
        return std::fwrite(object.data(), 1, object.size(), stream.file()) ==
               object.size();
      });
  if (done) std::fputs(any ? "]" : "[]", stream.file());
  return stream.end(done);
}

// One certificate, by our id of it.
Result<HistoryTerm> term_of_id(Call& call, const std::string& id) {
  std::uint64_t number = 0;
  const auto [at, error] =
      std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || at != id.data() + id.size()) {
    return fail(Errc::kUsage, "an id is a number, as answers have it");
  }
  const auto hashes = sql::hashes_of_number(call.db, number);
  if (!hashes) return tl::unexpected(hashes.error());
  if (hashes->empty()) {
    return fail(Errc::kGone,
                "there is no certificate with this id; a precertificate's "
                "changes once the certificate itself is seen");
  }
  return parse_search_term("sha256:" + to_hex(hashes->front()));
}

Result<void> download(Call& call, const HistoryTerm& term) {
  std::optional<HistoryCertificate> found;
  sql::HistoryQuery query;
  query.terms = {&term, 1};
  query.limit = 1;
  const auto done =
      stream_search(call, std::move(query), [&](std::size_t, const auto& c) {
        found = c;
        return false;
      });
  if (!done) return done;
  if (!found) return fail(Errc::kGone, "the certificate has just gone");
  return give_pem(call, *found);
}

Result<void> search(Call& call) {
  if (const auto output = param(call, "output");
      !output.empty() && output != "json") {
    return fail(Errc::kUsage, "this server speaks output=json only");
  }
  if (const auto id = param(call, "d"); !id.empty()) {
    const auto term = term_of_id(call, id);
    if (!term) return tl::unexpected(term.error());
    return download(call, *term);
  }
  if (const auto id = param(call, "id"); !id.empty()) {
    const auto term = term_of_id(call, id);
    if (!term) return tl::unexpected(term.error());
    return answer(call, {}, *term);
  }
  const auto asked = asked_for(call);
  if (!asked) return tl::unexpected(asked.error());
  sql::HistoryQuery query;
  if (param(call, "exclude") == "expired") {
    query.narrowing.not_after_from = now_millis() / 1000;
  }
  return answer(call, std::move(query), asked->term);
}

std::vector<Parameter> parameters() {
  const std::string ignored = "Taken, and of no effect";
  return {
      {.name = "q",
       .what = "A name, which stands for all below it as well, with % for any "
               "characters; an address, an organisation, a SHA-256",
       .example = "%.example.com"},
      {.name = "identity", .what = "The same"},
      {.name = "CN", .what = "The same"},
      {.name = "dNSName", .what = "The same"},
      {.name = "emailAddress", .what = "The same"},
      {.name = "O", .what = "The subject's organisation"},
      {.name = "serial", .what = "Hex digits"},
      {.name = "sha256", .what = "Of the certificate"},
      {.name = "spkisha256", .what = "Of its key"},
      {.name = "id", .what = "One certificate: `id` of an answer"},
      {.name = "d", .what = "The same, as PEM, if it is kept"},
      {.name = "output", .what = "The only form there is", .example = "json"},
      {"exclude", "Only what is still valid", Kind::kChoice, {"expired"}},
      {"match",
       "= finds that very name only; the others mean the same here",
       Kind::kChoice,
       {"=", "ILIKE", "LIKE", "single", "any", "FTS"}},
      {.name = "limit",
       .what = "So many, the newest; 0: all",
       .kind = Kind::kCount},
      {.name = "deduplicate",
       .what = "A precertificate and its certificate always are one answer"},
      {.name = "group", .what = ignored},
      {.name = "opt", .what = ignored},
      {.name = "sort", .what = ignored},
      {.name = "dir", .what = ignored},
      {.name = "showSQL", .what = ignored}};
}

}  // namespace

void add_crtsh_routes(std::vector<Route>& routes) {
  for (const char* path : {"/", "/json"}) {
    routes.push_back({.method = "GET",
                      .path = path,
                      .summary = "Certificates, as crt.sh gives them with "
                                 "output=json",
                      .handler = search,
                      .params = parameters(),
                      .answers = {std::string(kJson), std::string(kPem)},
                      .any_case = true});
  }
}

}  // namespace ct::monitor::api
