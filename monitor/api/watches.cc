// /v1/watches
#include "sql/watches.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "monitor/api/log_fetches.h"
#include "monitor/api/route.h"
#include "monitor/terminal.h"
#include "monitor/watch_request.h"
#include "monitor/watchlist.h"

namespace ct::monitor::api {
namespace {

using Json = nlohmann::ordered_json;

// How many matches from history are shown, and how long it may take.
constexpr std::size_t kShown = 5;
constexpr std::chrono::seconds kPatience{10};
// Of problems with what was fetched for alerts, for each watch.
constexpr std::size_t kMostTold = 100;

constexpr const char* kExample =
    R"({"pattern": "example.com", "allowed_issuers": ["Let's Encrypt"]})";

std::string array_of(const std::vector<std::string>& objects) {
  std::string out = "[";
  for (const auto& object : objects) {
    out += out.size() > 1 ? ",\n" : "\n";
    out += object;
  }
  return out += objects.empty() ? "]\n" : "\n]\n";
}

Result<void> list(Call& call) {
  const auto watches = sql::load_watches(call.db);
  if (!watches) return tl::unexpected(watches.error());
  std::vector<std::string> out;
  for (const auto& watch : *watches) out.push_back(watch_json(watch));
  call.reply.give(200, kJson, array_of(out));
  return {};
}

// A string, or a list of them.
std::optional<std::vector<std::string>> texts_of(const Json& value) {
  if (value.is_string()) return std::vector{value.get<std::string>()};
  if (!value.is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& item : value) {
    if (!item.is_string()) return std::nullopt;
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<WatchRequest> request_from(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) {
    return fail(Errc::kUsage,
                std::string("the body is a JSON object such as ") + kExample);
  }
  WatchRequest request;
  for (const auto& [key, value] : json.items()) {
    std::vector<std::string>* texts =
        key == "pattern" || key == "patterns" ? &request.patterns
        : key == "allowed_issuers"            ? &request.issuers
        : key == "allowed_spkis"              ? &request.spkis
        : key == "tags"                       ? &request.tags
                                              : nullptr;
    std::string* text = key == "grace"  ? &request.grace
                        : key == "note" ? &request.note
                                        : nullptr;
    if (texts != nullptr) {
      auto list = texts_of(value);
      if (!list) return fail(Errc::kUsage, key + " wants a list of strings");
      texts->insert(texts->end(), list->begin(), list->end());
    } else if (text != nullptr && value.is_string()) {
      *text = value.get<std::string>();
    } else if (key == "force" && value.is_boolean()) {
      request.force = value.get<bool>();
    } else if (key == "alert_on_history" && value.is_boolean()) {
      request.alert_on_history = value.get<bool>();
    } else {
      return fail(Errc::kUsage,
                  printable(key.substr(0, 60)) +
                      " is no key of a watch, or of another type; there are "
                      "pattern or patterns, allowed_issuers, allowed_spkis, "
                      "tags, grace (\"10m\"), note, force and "
                      "alert_on_history (true or false)");
    }
  }
  if (request.patterns.empty()) {
    return fail(Errc::kUsage, "pattern says what to watch: \"example.com\"");
  }
  return request;
}

// Takes as long as the logs do. Meanwhile blank lines go out, which JSON may
// begin with: so it is seen that it goes on, and whether anybody still waits.
Result<Json> raise_alerts(
    Call& call, EntryFetcher& fetcher, const alerts::Watch& watch,
    const std::vector<alerts::Expectation>& expectations) {
  call.reply.head(200, kJson);
  if (!call.reply.write("\n")) return fail(Errc::kStopping, "nobody waits");
  Json problems = Json::array();
  const auto counts = alert_on_history(
      fetcher, call.db, watch, expectations,
      [&](const std::string& what) {
        const std::string told = printable(what);
        log_warning("an alert about history", {{"error", told}});
        if (problems.size() < kMostTold) problems.push_back(told);
      },
      [&](const HistoryAlertCounts&) { return call.reply.write("\n"); });
  if (!counts) return tl::unexpected(counts.error());
  Json out = Json::parse(history_alerts_json(*counts));
  out["problems"] = std::move(problems);
  return out;
}

Result<void> add(Call& call) {
  const auto request = request_from(call.request.body);
  if (!request) return tl::unexpected(request.error());
  auto watches = watches_from(*request, "api");
  if (!watches) return tl::unexpected(watches.error());
  const auto expectations = sql::load_expectations(call.db);
  if (!expectations) return tl::unexpected(expectations.error());
  const auto logs = call.context.logs.get(call.db);
  if (!logs) return tl::unexpected(logs.error());
  std::optional<LogFetches::Turn> turn;
  if (request->alert_on_history) {
    auto taken = call.context.fetches.turn();
    if (!taken) return tl::unexpected(taken.error());
    turn.emplace(std::move(*taken));
  }
  std::vector<std::string> out;
  for (auto& watch : *watches) {
    const auto id = sql::put_watch(call.db, watch);
    if (!id) return tl::unexpected(id.error());
    watch.id = *id;
    watch.created = now_millis();
    const auto history =
        match_history(call.db, watch, *expectations, kShown, kPatience);
    if (!history) return tl::unexpected(history.error());
    Json added = Json::parse(watch_json(watch));
    added["history"] =
        Json::parse(retro_json(*history, watch, log_names(**logs)));
    Json& alerts = added["history"]["alerts"] = nullptr;
    if (turn && history->archived) {
      auto raised = raise_alerts(call, turn->fetcher(), watch, *expectations);
      if (!raised) return tl::unexpected(raised.error());
      alerts = std::move(*raised);
    }
    out.push_back(added.dump(-1, ' ', true));
  }
  call.reply.give(200, kJson, array_of(out));
  return {};
}

Result<void> remove(Call& call) {
  // As typed, or as it is written once parsed: "EXAMPLE.com.".
  auto removed = sql::remove_watch(call.db, call.named);
  if (removed && !*removed) {
    const auto parsed = parse_watch(call.named, true);
    if (parsed) removed = sql::remove_watch(call.db, parsed->pattern);
  }
  if (!removed) return tl::unexpected(removed.error());
  if (!*removed) {
    return fail(Errc::kGone,
                "there is no watch with this pattern or id; GET "
                "/v1/watches lists them");
  }
  call.reply.give(200, kJson, "{\"removed\": true}\n");
  return {};
}

}  // namespace

void add_watch_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/watches",
                    .summary = "What is watched",
                    .handler = list});
  routes.push_back({.method = "POST",
                    .path = "/v1/watches",
                    .summary =
                        "Watch something, or change what is expected. With "
                        "alert_on_history alerts are raised about what history "
                        "holds and nothing explains, each fetched again with "
                        "proof: that takes as long as the logs take",
                    .scope = sql::TokenScope::kWrite,
                    .handler = add,
                    .body_example = kExample});
  routes.push_back({.method = "DELETE",
                    .path = "/v1/watches/{watch}",
                    .summary = "Watch it no longer; by pattern or id",
                    .scope = sql::TokenScope::kWrite,
                    .handler = remove,
                    .named_example = "example.com"});
}

}  // namespace ct::monitor::api
