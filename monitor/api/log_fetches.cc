#include "monitor/api/log_fetches.h"

#include <fmt/format.h>

#include "base/log.h"

namespace ct::monitor::api {
namespace {

// Half of the server's workers: the others go on answering from the database.
constexpr std::size_t kAtOnce = 4;

Error stopped() { return {Errc::kStopping, "the server is being stopped"}; }

}  // namespace

LogFetches::Turn::~Turn() {
  if (of_ == nullptr) return;
  const std::lock_guard lock(of_->mutex_);
  --of_->turns_;
}

Result<LogFetches::Turn> LogFetches::turn() {
  const std::lock_guard lock(mutex_);
  if (stopping_) return tl::unexpected(stopped());
  if (turns_ >= kAtOnce) {
    return fail(Errc::kTransient,
                fmt::format("{} requests have logs asked already, no more may "
                            "at once: try again later",
                            turns_));
  }
  if (!fetcher_) {
    auto db = sql::Database::connect(url_);
    if (!db) {
      log_warning("no connection for the API", {{"error", db.error().what}});
      return fail(Errc::kTransient,
                  "the database cannot be reached: the log of the server says "
                  "more");
    }
    fetcher_ = std::make_unique<EntryFetcher>(config_, std::move(*db), nullptr,
                                              budgets_);
  }
  // Each time, for there may be new logs by now.
  const auto read = fetcher_->read_logs();
  if (!read) return tl::unexpected(read.error());
  return Turn(*this);
}

FetchedEntry LogFetches::fetch(EntryRequest request) {
  auto turn = this->turn();
  if (!turn) return {tl::unexpected(turn.error()), {}};
  // A thread waits, for it can be left alone.
  auto fetching = std::async(
      std::launch::async,
      [turn = std::move(*turn), request = std::move(request)]() mutable {
        const Turn mine = std::move(turn);  // given back when it has ended
        return mine.fetcher().fetch(std::move(request)).get();
      });
  if (fetching.wait_for(patience_) == std::future_status::ready) {
    return fetching.get();
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(left_, [](const auto& f) {
    return f.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  });
  left_.push_back(std::move(fetching));
  return {fail(Errc::kTransient,
               fmt::format("its log has not given it within {} s: try again "
                           "later",
                           std::chrono::duration<double>(patience_).count())),
          {}};
}

void LogFetches::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (fetcher_) fetcher_->stop();
}

}  // namespace ct::monitor::api
