// Watches as `watch add` and the API take them and give them.
#pragma once

#include <string>
#include <vector>

#include "alerts/watch.h"
#include "base/result.h"
#include "monitor/history_alerts.h"
#include "monitor/history_text.h"
#include "monitor/retro_match.h"

namespace ct::monitor {

// As typed.
struct WatchRequest {
  std::vector<std::string> patterns, issuers, spkis, tags;
  std::string grace, note;
  bool force = false;  // public suffixes and the like, too
  bool alert_on_history = false;
};
// One watch for each pattern. kUsage: not understood; says what and why.
[[nodiscard]] Result<std::vector<alerts::Watch>> watches_from(
    const WatchRequest& request, std::string_view source);

// A JSON object, as `watch list --json` has it, and what its owner says of it.
[[nodiscard]] std::string watch_json(const alerts::Watch& watch);
[[nodiscard]] std::string declared_watch_json(const alerts::Watch& watch);
// What history holds for it.
[[nodiscard]] std::string retro_json(const RetroAnswer& answer,
                                     const alerts::Watch& watch,
                                     const LogNames& logs);
// Of alert_on_history.
[[nodiscard]] std::string history_alerts_json(const HistoryAlertCounts& counts);

}  // namespace ct::monitor
