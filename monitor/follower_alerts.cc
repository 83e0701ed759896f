// Follower: what is told about the log itself.
#include <fmt/format.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/log.h"
#include "monitor/follower.h"
#include "monitor/follower_persist.h"
#include "sql/alerts.h"

namespace ct::monitor {
namespace {

// A head may be as old as the MMD; frontends and clocks get this much more.
constexpr std::int64_t kStaleMargin = 60 * 60 * 1000;
constexpr std::size_t kMaxEvidenceHashes = 4096;

std::string hex_list(std::span<const Hash> hashes) {
  std::string out;
  for (const auto& h : hashes) {
    if (!out.empty()) out += ',';
    out += '"' + to_hex(h) + '"';
  }
  return out;
}

}  // namespace

// Stale heads, and entries that stay unread. The latter is lag only from the
// moment we last stood at the head, or started.
Task<void> Follower::check_health(ctlog::TreeHead head) {
  const Millis now = now_millis();
  const auto log = info();
  const bool ended = log.final_tree_head.has_value() || draining_;
  const bool stale =
      !ended && now - head.timestamp() > log.mmd * 1000 + kStaleMargin;
  if (stale) {
    const std::string age =
        format_duration(std::chrono::milliseconds(now - head.timestamp()));
    co_await raise(
        alerts::kind::kLogStale, alerts::Severity::kHigh,
        std::to_string(head.timestamp()), name_ + " has a stale tree head",
        fmt::format("The newest tree head of the log {} is {} old, of {}; it "
                    "promised a new one at least every {}. Certificates may "
                    "have been issued that it does not show.",
                    name_, age, format_time(head.timestamp()),
                    format_duration(std::chrono::seconds(log.mmd))),
        "");
  } else if (told_stale_ != false) {
    co_await clear(alerts::kind::kLogStale, "its tree head is fresh again");
  }
  told_stale_ = stale;

  const auto size = position_->range.size();
  // A short last tile may wait a little.
  if (size + 256 > head.size()) caught_up_at_ = now;
  const bool lags = now - caught_up_at_ > context_.config.lag_alert.count();
  if (lags) {
    co_await raise(
        alerts::kind::kLogLag, alerts::Severity::kMedium,
        std::to_string(caught_up_at_), "Reading of " + name_ + " lags",
        fmt::format("{} entries of the log {} are unread, and have been piling "
                    "up since {}. Alerts about certificates in them come "
                    "late.",
                    head.size() - size, name_, format_time(caught_up_at_)),
        "");
  } else if (told_lag_ != false) {
    co_await clear(alerts::kind::kLogLag, "all entries are read");
  }
  told_lag_ = lags;
  if (told_unreachable_ != false) {
    co_await clear(alerts::kind::kLogUnreachable, "the log answers again");
    told_unreachable_ = false;
  }
}

Task<void> Follower::note_failure(Error error) {
  const Millis now = now_millis();
  ++failures_;
  ++counters_.errors[static_cast<std::size_t>(error.code)];
  if (failing_since_ == 0) failing_since_ = now;
  log_warning("log cannot be read",
              {{"log", name_}, {"error", error.what}, {"failures", failures_}});
  auto noting =
      context_.store.run([id = log_id_, what = error.what](sql::Database& db) {
        return sql::set_last_error(db, id, what);
      });
  const auto noted = co_await noting;
  if (!noted) log_warning("database", {{"error", noted.error().what}});

  const auto patience = context_.config.unreachable_alert.count();
  if (told_unreachable_ == true || now - failing_since_ < patience) co_return;
  co_await raise(
      alerts::kind::kLogUnreachable, alerts::Severity::kMedium,
      std::to_string(failing_since_), name_ + " cannot be read",
      fmt::format("The log {} has not been readable since {}: {}. "
                  "Certificates logged there are not seen meanwhile.",
                  name_, format_time(failing_since_), error.what),
      "");
  told_unreachable_ = true;
}

// The log contradicts itself and goes on doing so: it is not read any more
// until somebody has looked.
Task<void> Follower::stop_log(Error error) {
  log_error("log stopped", {{"log", name_}, {"error", error.what}});
  const auto size = position_ ? position_->range.size() : 0;
  const bool fork = mismatch_.kind == alerts::kind::kLogFork;
  co_await raise(
      mismatch_.kind, alerts::Severity::kCritical,
      fmt::format("{}:{}", size, mismatch_.final ? "final" : "persists"),
      name_ + (fork ? " shows different trees to different people"
                    : " does not verify"),
      fmt::format("The log {}: {}. {}It is no longer read, and nothing in it "
                  "after entry {} is believed. The evidence is kept with this "
                  "alert.",
                  name_, error.what,
                  fork ? "Two signed heads that contradict each other prove "
                         "that it lies. "
                       : "It was read again, with the same result. ",
                  size),
      mismatch_.evidence);
  auto persisting =
      persist([id = log_id_, what = error.what](sql::Database& db) {
        return sql::set_state(db, id, sql::FollowState::kStopped, what);
      });
  co_await persisting;
}

Task<void> Follower::raise(std::string_view kind, alerts::Severity severity,
                           std::string episode, std::string title,
                           std::string reason, std::string evidence) {
  alerts::Alert alert;
  alert.id = alerts::log_alert_id(kind, log_id_, episode);
  alert.severity = severity;
  alert.kind = kind;
  alert.title = std::move(title);
  alert.reason = std::move(reason);
  alert.created = alert.updated = now_millis();
  alert.log_id = log_id_;
  alert.log = name_;
  alert.evidence = std::move(evidence);
  co_await raise(std::move(alert));
}

Task<void> Follower::raise(alerts::Alert alert) {
  auto persisting = persist([alert](sql::Database& db) -> Result<void> {
    const auto raised = sql::raise_alert(db, alert);
    if (!raised) return tl::unexpected(raised.error());
    return {};
  });
  co_await persisting;
}

Task<void> Follower::clear(std::string_view kind, std::string why) {
  auto persisting = persist([kind, id = log_id_, why](sql::Database& db) {
    return sql::clear_log_alerts(db, kind, id, why);
  });
  co_await persisting;
}

void Follower::keep_evidence(const Segment& segment,
                             const ctlog::TreeHead& head, ctlog::Proof proof) {
  const std::span<const Hash> hashes(segment.leaf_hashes);
  mismatch_ = {
      alerts::kind::kLogRootMismatch, false,
      fmt::format(
          R"({{"head":{{"size":{},"timestamp":{},"root":"{}","wire":"{}"}},)"
          R"("begin":{},"end":{},"compact_range":[{}],"leaf_hashes":[{}],)"
          R"("last_leaf_proof":[{}],"leaves":"{}"}})",
          head.size(), head.timestamp(), to_hex(head.root()),
          to_base64(as_bytes(head_wire_)), segment.before.size(), segment.end(),
          hex_list(segment.before.nodes()),
          hex_list(hashes.first(std::min(hashes.size(), kMaxEvidenceHashes))),
          hex_list(proof), to_base64(segment.leaves))};
}

}  // namespace ct::monitor
