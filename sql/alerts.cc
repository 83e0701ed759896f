#include "sql/alerts.h"

#include "sql/alert_rows.h"
#include "sql/findings.h"
#include "sql/outbox.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

using alerts::Alert;
using alerts::AlertState;
using alerts::Severity;

constexpr std::size_t kMinPrefix = 6;

std::vector<std::string> names_of(const std::vector<AlertState>& states) {
  std::vector<std::string> out;
  for (const AlertState s : states) out.emplace_back(to_string(s));
  return out;
}

std::vector<std::string> at_least(Severity least) {
  std::vector<std::string> out;
  for (const Severity s : {Severity::kInfo, Severity::kLow, Severity::kMedium,
                           Severity::kHigh, Severity::kCritical}) {
    if (s >= least) out.emplace_back(to_string(s));
  }
  return out;
}

// The alert of that id, or the only one whose id begins so.
Result<std::optional<Alert>> find(Tx& tx, std::string_view id) {
  auto exact = read_alerts(tx, "WHERE id = $1", {id});
  if (!exact.empty()) return std::move(exact[0]);
  if (id.size() < kMinPrefix) return std::nullopt;
  // Ids are compared as bytes: those that begin so are from there to here.
  std::string end(id);
  ++end.back();
  auto found = read_alerts(tx, "WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2",
                           {id, end});
  if (found.size() > 1) {
    return fail(Errc::kUsage, "more than one alert begins with " +
                                  std::string(id) + ": give more digits");
  }
  if (found.empty()) return std::nullopt;
  return std::move(found[0]);
}

}  // namespace

Result<std::vector<Alert>> list_alerts(Database& db,
                                       const AlertFilter& filter) {
  const auto states =
      filter.states.empty()
          ? names_of({AlertState::kOpen, AlertState::kAcknowledged})
          : names_of(filter.states);
  const auto severities =
      at_least(filter.min_severity.value_or(Severity::kInfo));
  std::vector<Alert> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    out = read_alerts(
        tx,
        "WHERE state = ANY ($1) AND severity = ANY ($2) AND ($3::text IS NULL "
        "OR watch = $3) AND ($4::text IS NULL OR kind = $4) ORDER BY "
        "created_at DESC, id LIMIT nullif($5::bigint, 0)",
        {states, severities, filter.watch, filter.kind, filter.limit});
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<std::optional<Alert>> find_alert(Database& db, std::string_view id) {
  std::optional<Alert> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    auto found = find(tx, id);
    if (!found) return tl::unexpected(found.error());
    out = *std::move(found);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> set_alert_state(Database& db, std::string_view id,
                             AlertState state, std::string_view note) {
  return db.transact([&](Tx& tx) -> Result<void> {
    const auto found = find(tx, id);
    if (!found) return tl::unexpected(found.error());
    if (!*found) {
      return fail(Errc::kUsage, "there is no alert " + std::string(id));
    }
    tx.exec(
        "UPDATE alert SET state = $2, note = $3, updated_at = "
        "clock_timestamp() WHERE id = $1",
        {(*found)->id, to_string(state), note});
    return {};
  });
}

Result<bool> raise_alert(Database& db, const Alert& alert) {
  bool is_new = false;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    is_new = store_alert(tx, {alert, std::chrono::milliseconds(0)});
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return is_new;
}

Result<FindingsStored> add_findings(
    Database& db, const std::vector<alerts::Finding>& findings) {
  FindingsStored out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    const NewFindings added = store_findings(tx, findings);
    out = {added.opened, added.expected,
           findings.size() - added.opened - added.expected};
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<void> clear_log_alerts(Database& db, std::string_view kind,
                              const Hash& log_id, std::string_view note) {
  return db.transact([&](Tx& tx) -> Result<void> {
    const Rows cleared = tx.exec(
        "UPDATE alert SET state = 'resolved', note = $3, updated_at = "
        "clock_timestamp() WHERE id IN (SELECT id FROM alert WHERE log_id = $1 "
        "AND kind = $2 AND state IN ('open', 'acknowledged') ORDER BY id FOR "
        "UPDATE) RETURNING id",
        {log_id, kind, note});
    // It was so for a while, hence even those not told yet are still told.
    for (const Row row : cleared) enqueue_resolved(tx, row.text("id"), false);
    return {};
  });
}

}  // namespace ct::sql
