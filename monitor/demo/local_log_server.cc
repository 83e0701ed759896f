#include "monitor/demo/local_log_server.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/base64.h"

namespace ct::monitor::demo {
namespace {

using Json = nlohmann::ordered_json;

Json log_json(const ctlog::LogInfo& info, const std::string& state) {
  const bool tiled = info.kind == ctlog::LogKind::kStatic;
  Json out = {{"description", info.description},
              {"log_id", to_base64(info.log_id)},
              {"key", to_base64(info.key)}};
  if (tiled) {
    out["submission_url"] = info.submission_url;
    out["monitoring_url"] = info.monitoring_url;
  } else {
    out["url"] = info.monitoring_url;
  }
  out["mmd"] = info.mmd;
  if (!state.empty()) {
    out["state"][state]["timestamp"] = format_time(info.state_since);
  }
  if (info.interval_start && info.interval_end) {
    out["temporal_interval"] = {
        {"start_inclusive", format_seconds(*info.interval_start)},
        {"end_exclusive", format_seconds(*info.interval_end)}};
  }
  return out;
}

ctlog::LogState log_state(const std::string& name) {
  using ctlog::LogState;
  for (const LogState s :
       {LogState::kPending, LogState::kQualified, LogState::kUsable,
        LogState::kReadonly, LogState::kRetired, LogState::kRejected}) {
    if (ctlog::to_string(s) == name) return s;
  }
  return LogState::kUnknown;
}

}  // namespace

Result<std::unique_ptr<LocalLogServer>> LocalLogServer::start(
    const Options& options, std::vector<LocalLog*> logs) {
  std::unique_ptr<LocalLogServer> server(
      new LocalLogServer(options.endpoints, std::move(logs)));
  auto http = HttpServer::start(
      options.http, [self = server.get()](const ServerRequest& request) {
        return self->answer(request);
      });
  if (!http) return fail_in("log server", http.error());
  server->http_ = std::move(*http);
  return server;
}

void LocalLogServer::on_request(Hook hook) {
  const std::lock_guard lock(mutex_);
  hook_ = hook ? std::make_shared<const Hook>(std::move(hook)) : nullptr;
}

ServerResponse LocalLogServer::answer(const ServerRequest& request) {
  for (LocalLog* const log : logs_) {
    const std::string prefix = "/" + log->options().name + "/";
    if (!request.path.starts_with(prefix)) continue;
    const std::string path = request.path.substr(prefix.size());
    const auto honest = [&] {
      return answer_for_log(*log, endpoints_, path, request);
    };
    std::shared_ptr<const Hook> hook;
    {
      const std::lock_guard lock(mutex_);
      hook = hook_;
    }
    return hook ? (*hook)({*log, path, request}, honest) : honest();
  }
  ServerResponse r;
  r.status = 404;
  r.body = "no log here\n";
  return r;
}

std::string LocalLogServer::url(const LocalLog& log) const {
  return http_->url() + log.options().name + "/";
}

ctlog::LogInfo LocalLogServer::info(const LocalLog& log) const {
  const LocalLog::Options& o = log.options();
  ctlog::LogInfo info;
  info.log_id = log.log_id();
  info.description = o.description;
  info.operator_name = o.operator_name;
  info.kind = o.kind;
  const ByteView spki = log.key().spki();
  info.key.assign(spki.begin(), spki.end());
  info.monitoring_url = url(log);
  // A Static CT log's origin is its submission URL, which readers never ask.
  info.submission_url = o.kind == ctlog::LogKind::kStatic
                            ? "https://" + o.origin + "/"
                            : info.monitoring_url;
  info.mmd = o.mmd;
  info.state = log_state(o.state);
  info.state_since = o.state_since;
  info.interval_start = o.interval_start;
  info.interval_end = o.interval_end;
  return info;
}

std::string LocalLogServer::log_list_json() const {
  Json operators = Json::array();
  for (const LocalLog* const log : logs_) {
    const LocalLog::Options& o = log->options();
    auto found = std::find_if(
        operators.begin(), operators.end(),
        [&](const Json& j) { return j["name"] == o.operator_name; });
    if (found == operators.end()) {
      operators.push_back({{"name", o.operator_name},
                           {"email", {"logs@demo.example"}},
                           {"logs", Json::array()},
                           {"tiled_logs", Json::array()}});
      found = operators.end() - 1;
    }
    const bool tiled = o.kind == ctlog::LogKind::kStatic;
    (*found)[tiled ? "tiled_logs" : "logs"].push_back(
        log_json(info(*log), o.state));
  }
  const Json list = {{"version", "1.0"},
                     {"log_list_timestamp", format_time(now_millis())},
                     {"operators", operators}};
  return list.dump(2) + "\n";
}

Result<void> LocalLogServer::write_log_list(const std::string& path) const {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << log_list_json() << std::flush;
  if (!out) return fail(Errc::kUsage, path + ": cannot be written");
  return {};
}

}  // namespace ct::monitor::demo
