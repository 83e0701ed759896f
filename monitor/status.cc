#include "monitor/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "sql/watches.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

Json time_or_null(Millis t) { return t > 0 ? Json(format_time(t)) : Json(); }

Json log_json(const LogStatus& s) {
  const auto& info = s.row.info;
  Json j;
  j["log_id"] = to_base64(info.log_id);
  j["log"] = info.description;
  j["operator"] = info.operator_name;
  j["protocol"] = ctlog::to_string(info.kind);
  j["url"] = info.monitoring_url;
  j["list_state"] = ctlog::to_string(info.state);
  j["listed"] = s.row.listed;
  j["state"] = sql::to_string(s.row.state);
  j["state_reason"] = s.row.state_reason;
  j["start"] = s.row.position ? Json(s.row.position->start) : Json();
  j["position"] = s.row.position ? Json(s.row.position->range.size()) : Json();
  j["head"] = s.row.largest_head ? Json(s.row.largest_head->size()) : Json();
  j["head_timestamp"] = s.row.largest_head
                            ? time_or_null(s.row.largest_head->timestamp())
                            : Json();
  j["lag_entries"] = s.lag_entries;
  j["lag_seconds"] = s.lag.count() / 1000;
  j["entries_per_second"] = s.row.position ? s.row.position->rate : 0.0;
  j["verified_at"] =
      s.row.position ? time_or_null(s.row.position->verified_at) : Json();
  j["last_error"] = s.row.last_error;
  j["last_error_at"] = time_or_null(s.row.last_error_at);
  j["problem"] = s.problem;
  return j;
}

void add_problems(Status& status) {
  auto& out = status.problems;
  if (status.watches == 0) {
    out.push_back("nothing is watched: `ctvigil watch add example.com`");
  }
  if (status.outbox.empty()) {
    out.push_back(
        "nobody is told: `ctvigil channel add` names a webhook, Slack or mail");
  }
  for (const auto& s : status.logs) {
    if (!s.problem.empty()) {
      out.push_back(s.row.info.description + ": " + s.problem);
    }
  }
  for (const auto& c : status.outbox) {
    if (c.dead > 0) {
      out.push_back(
          fmt::format("channel {}: {} messages could not be delivered: {}",
                      c.channel, c.dead, c.last_error));
    } else if (c.pending > 0 && !c.last_error.empty()) {
      out.push_back(fmt::format("channel {}: {} messages wait: {}", c.channel,
                                c.pending, c.last_error));
    }
  }
}

}  // namespace

Result<Status> load_status(sql::Database& db, Millis now) {
  auto rows = sql::load_logs(db);
  if (!rows) return tl::unexpected(rows.error());
  const auto watches = sql::load_watches(db);
  if (!watches) return tl::unexpected(watches.error());
  auto outbox = sql::outbox_status(db);
  if (!outbox) return tl::unexpected(outbox.error());
  const auto alerts = sql::list_alerts(db, {});
  if (!alerts) return tl::unexpected(alerts.error());
  const auto running = sql::live_leases(db);
  if (!running) return tl::unexpected(running.error());

  Status status;
  status.logs = log_statuses(std::move(*rows), now, /*all=*/false);
  status.outbox = std::move(*outbox);
  status.watches = watches->size();
  status.open_alerts = static_cast<std::size_t>(std::ranges::count_if(
      *alerts,
      [](const auto& a) { return a.state == alerts::AlertState::kOpen; }));
  if (*running == 0) {
    status.problems.push_back("no monitor is running: start `ctvigil run`");
  }
  add_problems(status);
  return status;
}

std::string status_json(const Status& status) {
  Json out;
  out["ok"] = status.problems.empty();
  out["problems"] = status.problems;
  out["watches"] = status.watches;
  out["open_alerts"] = status.open_alerts;
  Json channels = Json::array();
  for (const auto& c : status.outbox) {
    channels.push_back({{"channel", c.channel},
                        {"pending", c.pending},
                        {"delivered", c.delivered},
                        {"dead", c.dead},
                        {"last_error", c.last_error}});
  }
  out["channels"] = std::move(channels);
  Json list = Json::array();
  for (const auto& s : status.logs) list.push_back(log_json(s));
  out["logs"] = std::move(list);
  return dump(out);
}

std::string logs_json(const std::vector<LogStatus>& logs) {
  Json out = Json::array();
  for (const auto& s : logs) out.push_back(log_json(s));
  return dump(out);
}

std::string coverage_json(const std::string& host, const Coverage& coverage) {
  Json out;
  out["domain"] = host;
  out["watched"] = !coverage.watches.empty();
  out["watches"] = coverage.watches;
  out["covered"] = coverage.complete();
  Json logs = Json::array();
  for (const auto& l : coverage.logs) {
    Json gaps = Json::array();
    for (const auto& g : l.gaps) {
      gaps.push_back(
          {{"begin", g.range.begin}, {"end", g.range.end}, {"why", g.why}});
    }
    logs.push_back({{"log_id", to_base64(l.row.info.log_id)},
                    {"log", l.row.info.description},
                    {"covered_from", l.from},
                    {"covered_to", l.to},
                    {"head", l.head_size},
                    {"head_timestamp", time_or_null(l.head_timestamp)},
                    {"gaps", std::move(gaps)}});
  }
  out["logs"] = std::move(logs);
  return dump(out);
}

}  // namespace ct::monitor
