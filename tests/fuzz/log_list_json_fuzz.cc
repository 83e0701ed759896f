#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base64.h"
#include "base/sha256.h"
#include "ctlog/log_list.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;
using nlohmann::json;

namespace {

bool printable(const std::string& text) {
  return std::ranges::none_of(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool usable(const std::string& url) {
  return url.empty() ||
         ((url.starts_with("https://") || url.starts_with("http://")) &&
          url.ends_with('/') && printable(url));
}

// The list again, in the plainest v3 form.
std::string write(const LogList& list) {
  json operators = json::array();
  for (const LogInfo& log : list.logs) {
    json entry{{"description", log.description},
               {"log_id", ct::to_base64(log.log_id)},
               {"key", ct::to_base64(log.key)},
               {"mmd", log.mmd},
               {"log_type", log.log_type}};
    const bool tiled = log.kind == LogKind::kStatic;
    entry[tiled ? "submission_url" : "url"] = log.submission_url;
    if (tiled) entry["monitoring_url"] = log.monitoring_url;
    if (log.state != LogState::kUnknown) {
      entry["state"][std::string(to_string(log.state))]["timestamp"] =
          ct::format_time(log.state_since);
    }
    operators.push_back({{"name", log.operator_name},
                         {tiled ? "tiled_logs" : "logs", {entry}}});
  }
  return json{{"version", list.version}, {"operators", operators}}.dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const auto list = parse_log_list(ct::as_text({data, n}));
  if (!list) return 0;

  std::set<ct::Hash> ids;
  for (const LogInfo& log : list->logs) {
    require(log.log_id == ct::sha256(log.key));
    require(ids.insert(log.log_id).second);
    require(usable(log.submission_url) && usable(log.monitoring_url));
    require(printable(log.description) && printable(log.operator_name));
    require(log.mmd > 0);
  }
  require(std::ranges::all_of(list->warnings, printable));
  require(merge_log_lists(*list, *list).logs.size() == list->logs.size());
  if (list->logs.empty()) return 0;

  const auto again = parse_log_list(write(*list));
  require(again && again->logs.size() == list->logs.size() &&
          again->version == list->version);
  // The states of logs that were left out are not written, and a list without
  // any state means another thing.
  const bool states = std::ranges::any_of(list->logs, [](const LogInfo& log) {
    return log.state != LogState::kUnknown;
  });
  for (std::size_t i = 0; i < list->logs.size(); ++i) {
    const LogInfo& a = list->logs[i];
    const LogInfo& b = again->logs[i];
    require(a.log_id == b.log_id && a.kind == b.kind &&
            (!states || a.state == b.state) &&
            a.submission_url == b.submission_url &&
            a.monitoring_url == b.monitoring_url && a.mmd == b.mmd &&
            a.description == b.description && a.log_type == b.log_type &&
            a.operator_name == b.operator_name);
  }
  return 0;
}
