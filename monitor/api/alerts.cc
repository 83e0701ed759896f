// /v1/alerts
#include "sql/alerts.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "alerts/payload.h"
#include "monitor/api/route.h"
#include "monitor/terminal.h"

namespace ct::monitor::api {
namespace {

using alerts::Alert;
using alerts::AlertState;
using Json = nlohmann::json;
using Kind = Parameter::Kind;

constexpr std::uint64_t kStandardLimit = 100, kMaxLimit = 1000;

Result<void> list(Call& call) {
  sql::AlertFilter filter;
  for (const auto& state : call.params("state")) {
    filter.states.push_back(*alerts::parse_alert_state(state));
  }
  if (call.flag("all")) {
    filter.states = {AlertState::kOpen, AlertState::kAcknowledged,
                     AlertState::kResolved, AlertState::kExpected};
  }
  const auto given = [&](const char* name) -> std::optional<std::string> {
    auto text = call.param(name);
    return text.empty() ? std::nullopt : std::optional(std::move(text));
  };
  filter.watch = given("watch");
  filter.kind = given("kind");
  if (const auto severity = given("min_severity")) {
    filter.min_severity = alerts::parse_severity(*severity);
  }
  const auto limit = call.count("limit");
  if (limit > kMaxLimit) {
    return fail(Errc::kUsage, fmt::format("limit is {} at most", kMaxLimit));
  }
  filter.limit = limit == 0 ? kStandardLimit : limit;
  const auto found = sql::list_alerts(call.db, filter);
  if (!found) return tl::unexpected(found.error());
  std::string out = "[";
  for (const auto& alert : *found) {
    out += out.size() > 1 ? ",\n" : "\n";
    out += alerts::alert_json(alert, false);
  }
  call.reply.give(200, kJson, out + (found->empty() ? "]\n" : "\n]\n"));
  return {};
}

Result<Alert> find(Call& call) {
  auto found = sql::find_alert(call.db, call.named);
  if (!found) return tl::unexpected(found.error());
  if (!*found) {
    return fail(Errc::kGone,
                "there is no alert with this id; GET /v1/alerts?all=true "
                "lists all");
  }
  return std::move(**found);
}

Result<void> show(Call& call) {
  const auto alert = find(call);
  if (!alert) return tl::unexpected(alert.error());
  call.reply.give(200, kJson, alerts::alert_json(*alert, true) + '\n');
  return {};
}

// Of a body {"note": "…"}, or none.
Result<std::string> note_of(const std::string& body) {
  if (body.empty()) return std::string();
  const Json json = Json::parse(body, nullptr, false);
  if (json.is_object() && json.empty()) return std::string();
  if (!json.is_object() || json.size() != 1 || !json.contains("note") ||
      !json["note"].is_string()) {
    return fail(Errc::kUsage, "the body is such as {\"note\": \"why\"}");
  }
  return json["note"].get<std::string>();
}

Result<void> set_state(Call& call, AlertState state) {
  const auto note = note_of(call.request.body);
  if (!note) return tl::unexpected(note.error());
  const auto alert = find(call);
  if (!alert) return tl::unexpected(alert.error());
  const auto done = sql::set_alert_state(call.db, alert->id, state, *note);
  if (!done) return done;
  const auto changed = sql::find_alert(call.db, alert->id);
  if (!changed) return tl::unexpected(changed.error());
  call.reply.give(
      200, kJson,
      alerts::alert_json(*changed ? **changed : *alert, false) + '\n');
  return {};
}

Result<void> acknowledge(Call& call) {
  return set_state(call, AlertState::kAcknowledged);
}

Result<void> resolve(Call& call) {
  return set_state(call, AlertState::kResolved);
}

}  // namespace

void add_alert_routes(std::vector<Route>& routes) {
  routes.push_back(
      {.method = "GET",
       .path = "/v1/alerts",
       .summary = "Alerts, newest first: open and acknowledged ones",
       .handler = list,
       .params = {
           {"state",
            "In this state",
            Kind::kChoice,
            {"open", "acknowledged", "resolved", "expected"},
            true},
           {"all", "In every state", Kind::kFlag},
           {"watch", "Of this watch, by its pattern"},
           {"kind", "Of this kind: unexpected_certificate, log_fork …"},
           {"min_severity",
            "At least this severe",
            Kind::kChoice,
            {"info", "low", "medium", "high", "critical"}},
           {"limit", "So many (default 100, at most 1000)", Kind::kCount}}});
  const std::string id(32, '0');
  routes.push_back({.method = "GET",
                    .path = "/v1/alerts/{id}",
                    .summary = "An alert with proofs, evidence and PEM; 6 "
                               "digits of its id will do",
                    .handler = show,
                    .named_example = id});
  const char* const note = R"({"note": "asked the CA"})";
  routes.push_back({.method = "POST",
                    .path = "/v1/alerts/{id}/ack",
                    .summary = "Say that somebody is looking into it",
                    .scope = sql::TokenScope::kWrite,
                    .handler = acknowledge,
                    .body_example = note,
                    .named_example = id});
  routes.push_back({.method = "POST",
                    .path = "/v1/alerts/{id}/resolve",
                    .summary = "Close it",
                    .scope = sql::TokenScope::kWrite,
                    .handler = resolve,
                    .body_example = note,
                    .named_example = id});
}

}  // namespace ct::monitor::api
