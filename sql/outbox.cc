#include "sql/outbox.h"

#include <algorithm>
#include <map>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/alert_rows.h"
#include "sql/alerts.h"

namespace ct::sql {
namespace {

using alerts::Alert;
using alerts::Channel;

// Derived, so that queueing twice is harmless.
std::string message_id(std::string_view channel_id, std::string_view alert_id,
                       std::string_view event) {
  std::string all;
  for (const auto part : {channel_id, alert_id, event}) {
    all += part;
    all += '\n';
  }
  return "msg_" + to_hex(sha256(as_bytes(all))).substr(0, 32);
}

void put_delivery(Tx& tx, std::string_view channel_id,
                  std::string_view alert_id, std::string_view event,
                  std::chrono::milliseconds delay) {
  tx.exec(
      "INSERT INTO delivery (id, channel_id, alert_id, event, "
      "next_attempt_at) VALUES ($1, $2, $3, $4, clock_timestamp() + "
      "$5::bigint * interval '1 ms') ON CONFLICT (id) DO NOTHING",
      {message_id(channel_id, alert_id, event), channel_id, alert_id, event,
       delay.count()});
}

void cancel(Tx& tx, std::string_view id) {
  tx.exec(
      "UPDATE delivery SET state = 'cancelled', claimed_until = NULL, "
      "finished_at = clock_timestamp() WHERE id = $1",
      {id});
}

}  // namespace

void enqueue(Tx& tx, const std::vector<Channel>& channels, const Alert& alert,
             std::string_view event, std::chrono::milliseconds delay) {
  for (const Channel& c : channels) {
    if (!c.enabled || !wants(c, alert)) continue;
    put_delivery(tx, c.id, alert.id, event, delay);
  }
}

void enqueue_resolved(Tx& tx, const std::string& alert_id, bool cancel_untold) {
  for (const Row row :
       tx.exec("SELECT id, channel_id, state, attempts, claimed_until > "
               "clock_timestamp() AS claimed FROM delivery WHERE alert_id = $1 "
               "AND event = $2 ORDER BY id FOR UPDATE",
               {alert_id, alerts::event::kOpened})) {
    const bool pending = row.text("state") == "pending";
    const bool under_way = row.boolean("claimed");
    // A failed attempt may have arrived, its answer being what failed.
    const bool told = row.text("state") == "delivered" ||
                      (pending && (under_way || row.integer("attempts") > 0));
    // One under way is left to whoever is at it.
    if (pending && !under_way && cancel_untold) cancel(tx, row.text("id"));
    if (!told) continue;
    put_delivery(tx, row.text("channel_id"), alert_id, alerts::event::kResolved,
                 std::chrono::milliseconds(0));
  }
}

Result<std::vector<Delivery>> claim_deliveries(Database& db,
                                               std::string_view channel_id,
                                               std::size_t limit,
                                               std::chrono::milliseconds ttl) {
  std::vector<Delivery> claimed;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    claimed.clear();
    std::vector<std::string> alert_ids;
    for (const Row row :
         tx.exec("UPDATE delivery SET claimed_until = clock_timestamp() + "
                 "$3::bigint * interval '1 ms' WHERE id IN (SELECT id FROM "
                 "delivery WHERE channel_id = $1 AND state = 'pending' AND "
                 "next_attempt_at <= clock_timestamp() AND (claimed_until IS "
                 "NULL OR claimed_until <= clock_timestamp()) AND EXISTS "
                 "(SELECT FROM channel WHERE id = $1 AND enabled) ORDER BY "
                 "next_attempt_at, id LIMIT $2 FOR UPDATE SKIP LOCKED) "
                 "RETURNING id, alert_id, event, attempts, " CT_MILLIS(
                     "created_at") " AS created_ms",
                 {channel_id, limit, ttl.count()})) {
      Delivery d;
      d.id = row.text("id");
      d.channel_id = channel_id;
      d.created = row.integer("created_ms");
      d.message.id = d.id;
      d.message.type = row.text("event");
      d.message.attempt = static_cast<unsigned>(row.count("attempts")) + 1;
      d.message.alert.id = row.text("alert_id");
      alert_ids.push_back(d.message.alert.id);
      claimed.push_back(std::move(d));
    }
    if (claimed.empty()) return {};
    std::map<std::string, Alert> alerts;
    for (Alert& a : read_alerts(tx, "WHERE id = ANY ($1)", {alert_ids})) {
      alerts.emplace(a.id, std::move(a));
    }
    // An alert explained while its first message was under way.
    std::erase_if(claimed, [&](Delivery& d) {
      const auto found = alerts.find(d.message.alert.id);
      const bool void_by_now =
          found == alerts.end() ||
          (d.message.type == alerts::event::kOpened &&
           found->second.state == alerts::AlertState::kExpected);
      if (void_by_now) {
        cancel(tx, d.id);
      } else {
        d.message.alert = found->second;
      }
      return void_by_now;
    });
    // Oldest first; RETURNING has no order.
    std::sort(claimed.begin(), claimed.end(), [](const auto& a, const auto& b) {
      return std::pair(a.created, a.id) < std::pair(b.created, b.id);
    });
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return claimed;
}

Result<void> mark_delivered(Database& db, std::string_view id) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec(
        "UPDATE delivery SET state = 'delivered', claimed_until = NULL, "
        "last_error = '', finished_at = clock_timestamp() WHERE id = $1 "
        "AND state <> 'delivered'",
        {id});
    return {};
  });
}

Result<void> mark_failed(Database& db, std::string_view id,
                         std::string_view error,
                         std::optional<Millis> retry_at) {
  std::optional<Millis> next;
  if (retry_at) next = storable_time(*retry_at);
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec("UPDATE delivery SET attempts = attempts + 1, last_error = $2, "
            "claimed_until = NULL, next_attempt_at = coalesce(" CT_TIME(
                "$3") ", next_attempt_at), state = CASE WHEN $3 IS NULL THEN "
            "'dead' ELSE state END, finished_at = CASE WHEN $3 IS NULL THEN "
            "clock_timestamp() END WHERE id = $1 AND state = 'pending'",
            {id, error, next});
    return {};
  });
}

Result<std::size_t> redeliver(Database& db, std::string_view alert_id) {
  constexpr const char* kRequeue =
      "UPDATE delivery SET state = 'pending', attempts = 0, last_error = '', "
      "claimed_until = NULL, finished_at = NULL, created_at = "
      "clock_timestamp(), next_attempt_at = clock_timestamp() WHERE ";
  std::size_t count = 0;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    if (alert_id.empty()) {
      count = tx.exec(std::string(kRequeue) + "state = 'dead'").affected();
      return {};
    }
    const auto alerts = read_alerts(tx, "WHERE id = $1", {alert_id});
    if (alerts.empty()) {
      return fail(Errc::kUsage, "there is no alert " + std::string(alert_id));
    }
    if (alerts[0].state == alerts::AlertState::kExpected) {
      return fail(Errc::kUsage, "alert " + std::string(alert_id) +
                                    " is expected: nobody is told of it");
    }
    // Channels younger than the alert as well.
    enqueue(tx, read_channels(tx), alerts[0], alerts::event::kOpened,
            std::chrono::milliseconds(0));
    count = tx.exec(std::string(kRequeue) + "alert_id = $1 AND event = $2",
                    {alert_id, alerts::event::kOpened})
                .affected();
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return count;
}

Result<std::vector<OutboxStatus>> outbox_status(Database& db) {
  std::vector<OutboxStatus> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    out.clear();
    for (const Row row : tx.exec(
             "SELECT c.name, count(*) FILTER (WHERE d.state = 'pending') AS "
             "pending, count(*) FILTER (WHERE d.state = 'pending' AND "
             "d.next_attempt_at <= clock_timestamp()) AS due, count(*) FILTER "
             "(WHERE d.state = 'delivered') AS delivered, count(*) FILTER "
             "(WHERE d.state = 'dead') AS dead, coalesce((array_agg("
             "d.last_error ORDER BY coalesce(d.finished_at, d.next_attempt_at) "
             "DESC) FILTER (WHERE d.last_error <> ''))[1], '') AS "
             "last_error, " CT_MILLIS(
                 "min(d.next_attempt_at) FILTER (WHERE d.state = "
                 "'pending')") " AS next_ms "
                               "FROM channel c LEFT JOIN delivery d ON "
                               "d.channel_id = c.id "
                               "GROUP BY c.id, c.name ORDER BY c.name")) {
      out.push_back({row.text("name"), row.count("pending"), row.count("due"),
                     row.count("delivered"), row.count("dead"),
                     row.text("last_error"), row.maybe_integer("next_ms")});
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace ct::sql
