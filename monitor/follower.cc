#include "monitor/follower.h"

#include <fmt/format.h>

#include <random>

#include "base/hex.h"
#include "base/log.h"
#include "monitor/follower_persist.h"

namespace ct::monitor {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLeaseTtl{30'000};
constexpr unsigned kOnceTries = 4;
// How long a log that left the list is tried before it counts as dead.
constexpr milliseconds kDrainPatience = std::chrono::hours(24);

// Followers must not all knock at the same moment: 80 to 120 percent of `d`.
milliseconds jittered(milliseconds d) {
  thread_local std::minstd_rand random{std::random_device{}()};
  return milliseconds(std::uniform_int_distribution<std::int64_t>(
      d.count() * 8 / 10, d.count() * 12 / 10)(random));
}

}  // namespace

Follower::Follower(FollowerContext& context, sql::LogRow row,
                   std::unique_ptr<ctlog::LogSource> source)
    : context_(context),
      source_(std::move(source)),
      log_id_(row.info.log_id),
      kind_(row.info.kind),
      name_(row.info.description),
      draining_(!row.listed),
      info_(std::move(row.info)) {}

Follower::Follower(FollowerContext& context, sql::LogRow row,
                   std::unique_ptr<ctlog::LogSource> source,
                   sql::IndexRange stretch)
    : context_(context),
      source_(std::move(source)),
      log_id_(row.info.log_id),
      kind_(row.info.kind),
      name_(row.info.description),
      stretch_(stretch),
      info_(std::move(row.info)),
      lease_(sql::Lease{log_id_, 0}),
      largest_head_(row.largest_head) {}

void Follower::update(const ctlog::LogInfo& info) {
  const std::lock_guard lock(info_mutex_);
  info_ = info;
}

ctlog::LogInfo Follower::info() const {
  const std::lock_guard lock(info_mutex_);
  return info_;
}

Task<FollowEnd> Follower::run() {
  auto key = ctlog::LogKey::from_spki(info().key);
  if (!key) {
    co_await note_failure(key.error());
    co_return FollowEnd::kUnread;
  }
  key_ = std::move(*key);
  caught_up_at_ = now_millis();
  while (true) {
    const auto r = co_await round();
    if (context_.executor.stopping()) co_return FollowEnd::kStopping;
    if (!r && r.error().code == Errc::kUntrusted) {
      const bool again = co_await survives_mismatch(r.error());
      if (context_.executor.stopping()) co_return FollowEnd::kStopping;
      if (!again) co_return FollowEnd::kUnproven;
      continue;
    }
    if (!r) {
      co_await note_failure(r.error());
      const auto end = co_await give_up();
      if (end) co_return *end;
    } else {
      failures_ = mismatches_ = 0;
      failing_since_ = 0;
      const auto end = co_await finished();
      if (end) co_return *end;
    }
    const bool slept = co_await context_.executor.sleep(pause_after(!r));
    if (!slept) co_return FollowEnd::kStopping;
  }
}

// Lease, head, entries: everything that is there to be read now.
Task<Result<void>> Follower::round() {
  if (!lease_) {
    const auto taken = co_await take_lease();
    if (!taken) co_return taken;
  }
  const auto polled = co_await poll_head();
  if (!polled) co_return tl::unexpected(polled.error());
  if (!once_head_) once_head_ = *polled;
  const ctlog::TreeHead head = context_.once ? *once_head_ : *polled;
  if (!position_) {
    const auto found = co_await find_start(head);
    if (!found) co_return found;
  }
  const auto read = co_await read_to(head);
  if (!read || stretch_) co_return read;
  co_await check_health(*polled);
  const auto final_head = co_await check_final_head();
  co_return final_head;
}

Task<Result<void>> Follower::take_lease() {
  auto claiming = context_.store.run(
      [id = log_id_, owner = context_.owner](sql::Database& db) {
        return sql::claim_log(db, id, owner, kLeaseTtl);
      });
  const auto claimed = co_await claiming;
  if (!claimed) co_return tl::unexpected(claimed.error());
  if (!*claimed) {
    co_return fail(Errc::kTransient, "another process is reading this log");
  }
  // Only now, as its owner, is the position ours to go on from.
  auto loading = context_.store.run(
      [id = log_id_](sql::Database& db) -> Result<sql::LogRow> {
        auto rows = sql::load_logs(db);
        if (!rows) return tl::unexpected(rows.error());
        for (auto& r : *rows) {
          if (r.info.log_id == id) return std::move(r);
        }
        return fail(Errc::kInternal, "the log is not in the database");
      });
  const auto row = co_await loading;
  if (!row) co_return tl::unexpected(row.error());
  lease_ = **claimed;
  position_ = row->position;
  largest_head_ = row->largest_head;
  if (position_) counters_.position = position_->range.size();
  co_return Result<void>{};
}

// A readonly log ends at the final tree head that its list gives.
Task<Result<void>> Follower::check_final_head() {
  const auto final_head = info().final_tree_head;
  if (!final_head || !position_ || position_->range.size() < final_head->size) {
    co_return Result<void>{};
  }
  if (position_->range.size() == final_head->size &&
      position_->range.root() == final_head->root) {
    co_return Result<void>{};
  }
  mismatch_ = {
      alerts::kind::kLogRootMismatch, false,
      fmt::format(R"({{"final_tree_head":{{"size":{},"root":"{}"}},)"
                  R"("position":{{"size":{},"root":"{}"}}}})",
                  final_head->size, to_hex(final_head->root),
                  position_->range.size(), to_hex(position_->range.root()))};
  co_return fail(
      Errc::kUntrusted,
      fmt::format("the log list gives a final tree of {} entries whose root "
                  "is not the one that its entries lead to",
                  final_head->size));
}

Task<std::optional<FollowEnd>> Follower::finished() {
  const auto size = position_ ? position_->range.size() : 0;
  if (stretch_) co_return FollowEnd::kReachedHead;
  const auto final_head = info().final_tree_head;
  const bool at_final = position_ && final_head && size >= final_head->size;
  const bool drained =
      position_ && draining_ && largest_head_ && size >= largest_head_->size();
  if (at_final || drained) {
    const std::string why = at_final ? "read to its final tree head"
                                     : "left the log list; read to its end";
    auto persisting = persist([id = log_id_, why](sql::Database& db) {
      return sql::set_state(db, id, sql::FollowState::kComplete, why);
    });
    co_await persisting;
    log_info("log complete", {{"log", name_}, {"entries", size}});
    co_return FollowEnd::kComplete;
  }
  if (context_.once && once_head_ && size >= once_head_->size()) {
    co_return FollowEnd::kReachedHead;
  }
  co_return std::nullopt;
}

Task<std::optional<FollowEnd>> Follower::give_up() {
  if (context_.once && failures_ >= kOnceTries) co_return FollowEnd::kUnread;
  if (!draining_ || now_millis() - failing_since_ < kDrainPatience.count()) {
    co_return std::nullopt;
  }
  const auto size = position_ ? position_->range.size() : 0;
  const auto head = largest_head_ ? largest_head_->size() : 0;
  const std::string why = fmt::format(
      "it left the log list and does not answer; entries {} to {} were never "
      "read",
      size, head);
  co_await raise(alerts::kind::kLogUnread, alerts::Severity::kHigh,
                 std::to_string(size), name_ + " is gone with entries unread",
                 "The log " + name_ + ": " + why + ".", "");
  auto persisting = persist([id = log_id_, why](sql::Database& db) {
    return sql::set_state(db, id, sql::FollowState::kDead, why);
  });
  co_await persisting;
  co_return FollowEnd::kUnread;
}

// False: the mismatch persists, and the log is stopped.
Task<bool> Follower::survives_mismatch(Error error) {
  ++counters_.verification_failures;
  const auto& retries = context_.config.mismatch_retries;
  if (mismatch_.final || mismatches_ >= retries.size()) {
    co_await stop_log(std::move(error));
    co_return false;
  }
  log_warning("log does not verify; will read again",
              {{"log", name_},
               {"error", error.what},
               {"again_in", format_duration(retries[mismatches_])}});
  const bool slept = co_await context_.executor.sleep(retries[mismatches_]);
  ++mismatches_;
  co_return slept;
}

milliseconds Follower::pause_after(bool failed) {
  if (!failed) return jittered(context_.config.poll_interval);
  const milliseconds base(context_.once ? 1'000 : 5'000);
  return jittered(std::min<milliseconds>(base * (1 << std::min(failures_, 7u)),
                                         std::chrono::minutes(10)));
}

}  // namespace ct::monitor
