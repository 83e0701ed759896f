// Alerts, channels and the outbox.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "alerts/channel.h"
#include "alerts/watch.h"
#include "sql/database.h"

namespace ct::sql {

struct AlertFilter {
  std::vector<alerts::AlertState> states;  // empty: open and acknowledged
  std::optional<std::string> watch;        // pattern
  std::optional<std::string> kind;
  std::optional<alerts::Severity> min_severity;
  std::size_t limit = 0;  // newest first; 0: all
};
[[nodiscard]] Result<std::vector<alerts::Alert>> list_alerts(
    Database& db, const AlertFilter& filter);
// `id` may be an unambiguous prefix of 6 digits or more. nullopt: none.
[[nodiscard]] Result<std::optional<alerts::Alert>> find_alert(
    Database& db, std::string_view id);
[[nodiscard]] Result<void> set_alert_state(Database& db, std::string_view id,
                                           alerts::AlertState state,
                                           std::string_view note);

// Log alerts, outside of commit_batch. Raising one that is there already
// changes nothing. False: it was there.
[[nodiscard]] Result<bool> raise_alert(Database& db,
                                       const alerts::Alert& alert);
// Findings of entries that were met again, outside of commit_batch but as it
// stores them. Those that are there already change nothing: neither their
// state, nor is anybody told twice.
struct FindingsStored {
  std::size_t opened = 0, expected = 0;  // new ones
  std::size_t known = 0;                 // that were there
};
[[nodiscard]] Result<FindingsStored> add_findings(
    Database& db, const std::vector<alerts::Finding>& findings);
// Resolves all open alerts of that kind for that log: the condition is over.
[[nodiscard]] Result<void> clear_log_alerts(Database& db, std::string_view kind,
                                            const Hash& log_id,
                                            std::string_view note);

[[nodiscard]] Result<std::vector<alerts::Channel>> load_channels(Database& db);
// kUsage: the name is taken. Returns the id.
[[nodiscard]] Result<std::string> add_channel(Database& db,
                                              const alerts::Channel& channel);
[[nodiscard]] Result<bool> remove_channel(Database& db, std::string_view name);
[[nodiscard]] Result<void> set_channel_enabled(Database& db,
                                               std::string_view name,
                                               bool enabled,
                                               std::string_view why);

// The outbox: one row for each message and channel.
struct Delivery {
  std::string id;
  std::string channel_id;
  alerts::Message message;
  Millis created = 0;
};
// Up to `limit` messages of one channel that are due, claimed for `ttl` so
// that no other process takes them; the alert's state as of now.
[[nodiscard]] Result<std::vector<Delivery>> claim_deliveries(
    Database& db, std::string_view channel_id, std::size_t limit,
    std::chrono::milliseconds ttl);
[[nodiscard]] Result<void> mark_delivered(Database& db, std::string_view id);
// `retry_at` nullopt: dead letter.
[[nodiscard]] Result<void> mark_failed(Database& db, std::string_view id,
                                       std::string_view error,
                                       std::optional<Millis> retry_at);
// Puts messages of an alert ("": all dead letters) back into the queue.
// Returns how many.
[[nodiscard]] Result<std::size_t> redeliver(Database& db,
                                            std::string_view alert_id);

struct OutboxStatus {
  std::string channel;  // name
  std::size_t pending = 0, due = 0, delivered = 0, dead = 0;
  std::string last_error;
  std::optional<Millis> next_attempt;
};
[[nodiscard]] Result<std::vector<OutboxStatus>> outbox_status(Database& db);

}  // namespace ct::sql
