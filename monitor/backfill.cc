#include "monitor/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/ascii.h"
#include "base/log.h"
#include "monitor/log_choice.h"
#include "monitor/log_lists.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

using sql::IndexRange;

// Ascending, apart, within `limit`.
std::vector<IndexRange> tidy(std::vector<IndexRange> ranges,
                             const IndexRange& limit) {
  std::ranges::sort(ranges, {}, &IndexRange::begin);
  std::vector<IndexRange> out;
  for (IndexRange r : ranges) {
    r.begin = std::max(r.begin, limit.begin);
    r.end = std::min(r.end, limit.end);
    if (r.begin >= r.end) continue;
    if (!out.empty() && r.begin <= out.back().end) {
      out.back().end = std::max(out.back().end, r.end);
    } else {
      out.push_back(r);
    }
  }
  return out;
}

std::uint64_t total(const std::vector<IndexRange>& ranges) {
  std::uint64_t n = 0;
  for (const IndexRange& r : ranges) n += r.end - r.begin;
  return n;
}

}  // namespace

std::vector<IndexRange> not_covered(const std::vector<IndexRange>& wanted,
                                    const std::vector<IndexRange>& covered) {
  std::vector<IndexRange> out;
  for (IndexRange w : wanted) {
    for (const IndexRange& c : covered) {
      if (c.end <= w.begin) continue;
      if (c.begin >= w.end) break;
      if (c.begin > w.begin) out.push_back({w.begin, c.begin});
      w.begin = std::min(c.end, w.end);
    }
    if (w.begin < w.end) out.push_back(w);
  }
  return out;
}

// The follower must outlive the future, which is why that comes last.
struct Backfill::Stretch {
  sql::LogRow row;
  IndexRange range;
  std::unique_ptr<Follower> follower;
  std::optional<Future<FollowEnd>> running;
};

Backfill::Backfill(const Config& config, std::unique_ptr<sql::Database> db,
                   sql::PrivatePostgres* postgres, BackfillRequest request,
                   LogReading::Options options)
    : config_(config),
      request_(std::move(request)),
      reading_(config, std::move(db), postgres, std::move(options)) {}

// What is under way refers to us.
Backfill::~Backfill() {
  reading_.executor().request_stop();
  reading_.http().stop();
  for (const auto& s : started_) {
    if (s->running) s->running->get();
  }
}

Result<std::vector<sql::LogRow>> Backfill::chosen_logs() {
  auto loaded = load_log_list(config_, reading_.http());
  if (!loaded) return tl::unexpected(loaded.error());
  for (const auto& note : loaded->notes) log_warning(note);
  list_is_private_ = loaded->is_private;
  const auto synced = reading_.on_store(
      [&](sql::Database& db) { return sql::sync_logs(db, loaded->list); });
  if (!synced) return tl::unexpected(synced.error());
  auto rows =
      reading_.on_store([](sql::Database& db) { return sql::load_logs(db); });
  if (!rows) return rows;
  reading_.know_logs(*rows);
  if (request_.files) {
    const auto found = choose_by_checkpoint(*rows);
    if (!found) return tl::unexpected(found.error());
    return rows;
  }
  std::erase_if(*rows, [](const sql::LogRow& row) {
    return !row.listed || !ctlog::is_followed(row.info);
  });
  const auto chosen = choose(*rows);
  if (!chosen) return tl::unexpected(chosen.error());
  std::erase_if(*rows, [&](const sql::LogRow& row) {
    return !chosen->contains(row.info.log_id);
  });
  return rows;
}

Result<std::set<Hash>> Backfill::choose(
    const std::vector<sql::LogRow>& rows) const {
  std::set<Hash> out;
  for (const auto& typed : request_.logs) {
    const auto found = logs_called(typed, rows);
    if (found.empty()) {
      return fail(Errc::kUsage,
                  fmt::format("--log {}: no log of the list that can be read "
                              "has that in its name, or that id",
                              typed));
    }
    for (const auto* row : found) out.insert(row->info.log_id);
  }
  const bool all = request_.logs.empty() && request_.operators.empty();
  for (const auto& row : rows) {
    if (all || std::ranges::any_of(request_.operators, [&](const auto& typed) {
          return equal_ignoring_case(row.info.operator_name, typed);
        })) {
      out.insert(row.info.log_id);
    }
  }
  if (out.empty()) {
    return fail(Errc::kUsage,
                all ? "the log list names no log that can be read"
                    : "--operator: none of the list's is called so");
  }
  return out;
}

// Any log whose key is known: an archive is of a log that has ended.
Result<void> Backfill::choose_by_checkpoint(
    std::vector<sql::LogRow>& rows) const {
  const auto origin = ctlog::origin_of(*request_.files);
  if (!origin) {
    return fail(Errc::kUsage, "--from: " + origin.error().what);
  }
  if (request_.logs.empty()) {
    std::erase_if(rows, [&](const sql::LogRow& row) {
      return ctlog::origin_of(row.info) != *origin;
    });
  } else {
    std::vector<sql::LogRow> called;
    for (const auto* row : logs_called(request_.logs.front(), rows)) {
      called.push_back(*row);
    }
    rows = std::move(called);
  }
  if (rows.size() == 1) return {};
  return fail(
      Errc::kUsage,
      fmt::format("--from: the checkpoint is of {}, and {} log of the "
                  "list {}: name it with --log, or a list that has it "
                  "with --log-list",
                  printable(*origin), rows.empty() ? "no" : "more than one",
                  request_.logs.empty() ? "is at that address"
                                        : "is called as --log says"));
}

// Archived ones; or, to watch, those matched against today's watches.
Result<std::vector<IndexRange>> Backfill::covered(const Hash& log_id) {
  if (config_.mode == ReadMode::kArchive) {
    return reading_.on_store(
        [&](sql::Database& db) { return sql::archived_ranges(db, log_id); });
  }
  const auto ranges = reading_.on_store(
      [&](sql::Database& db) { return sql::verified_ranges(db, log_id); });
  if (!ranges) return tl::unexpected(ranges.error());
  std::vector<IndexRange> out;
  for (const auto& r : *ranges) {
    if (r.generation == reading_.watches()->generation) {
      out.push_back({r.begin, r.end});
    }
  }
  return out;
}

BackfillPlan Backfill::plan_log(const sql::LogRow& row) {
  BackfillPlan plan;
  plan.log = row.info.description;
  auto source =
      reading_.open_source(row.info, list_is_private_, request_.files);
  if (!source) {
    plan.problem = source.error().what;
    return plan;
  }
  Follower follower(reading_.context(), row, std::move(*source), IndexRange{});
  const auto survey =
      reading_.executor()
          .start(follower.survey(request_.since, request_.until))
          .get();
  if (!survey) {
    plan.problem = survey.error().what;
    return plan;
  }
  const auto wanted = tidy(
      request_.ranges.empty() ? std::vector{survey->range} : request_.ranges,
      survey->range);
  const auto done = covered(row.info.log_id);
  if (!done) {
    plan.problem = done.error().what;
    return plan;
  }
  plan.stretches = not_covered(wanted, *done);
  plan.entries = total(plan.stretches);
  plan.covered = total(wanted) - plan.entries;
  plan.bytes = static_cast<double>(plan.entries) * survey->bytes_per_entry;
  if (survey->page > 0 && !request_.files) {
    plan.seconds = static_cast<double>(plan.entries) /
                   static_cast<double>(survey->page) /
                   request_rate(config_, row.info.operator_name);
  }
  for (const IndexRange& range : plan.stretches) {
    waiting_.push_back(
        std::make_unique<Stretch>(Stretch{row, range, nullptr, std::nullopt}));
  }
  planned_ += plan.entries;
  return plan;
}

Result<std::vector<BackfillPlan>> Backfill::plan() {
  reading_.look_after_watches();
  if (!reading_.watches()) {
    return fail(Errc::kTransient, "the database does not give the watches");
  }
  const auto rows = chosen_logs();
  if (!rows) return tl::unexpected(rows.error());
  std::vector<BackfillPlan> plans;
  for (const auto& row : *rows) {
    if (stopping_) return fail(Errc::kStopping, "stopping");
    plans.push_back(plan_log(row));
    failed_ = failed_ || !plans.back().problem.empty();
  }
  return plans;
}

void Backfill::start_next() {
  std::unique_ptr<Stretch> next = std::move(waiting_.front());
  waiting_.pop_front();
  auto source =
      reading_.open_source(next->row.info, list_is_private_, request_.files);
  if (!source) {
    log_error("log cannot be read", {{"log", next->row.info.description},
                                     {"error", source.error().what}});
    failed_ = true;
    return;
  }
  next->follower = std::make_unique<Follower>(reading_.context(), next->row,
                                              std::move(*source), next->range);
  next->running = reading_.executor().start(next->follower->run());
  started_.push_back(std::move(next));
}

BackfillProgress Backfill::progress() const {
  BackfillProgress p;
  p.of = planned_;
  for (const auto& s : started_) {
    const auto& c = s->follower->counters();
    p.entries += c.entries;
    p.bytes += c.bytes;
    p.matches += c.matches;
    p.newest_entry = std::max<Millis>(p.newest_entry, c.newest_entry);
  }
  return p;
}

bool Backfill::run(const std::function<void(const BackfillProgress&)>& tick) {
  while (!stopping_) {
    std::size_t running = 0;
    for (const auto& s : started_) {
      if (s->running && s->running->ready()) {
        failed_ = s->running->get() != FollowEnd::kReachedHead || failed_;
        s->running.reset();
      }
      running += s->running ? 1 : 0;
    }
    for (; running < request_.side_by_side && !waiting_.empty(); ++running) {
      start_next();
    }
    tick(progress());
    if (running == 0) break;
    reading_.look_after_watches();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  tick(progress());
  return !failed_ && !stopping_;
}

}  // namespace ct::monitor
