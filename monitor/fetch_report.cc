#include "monitor/fetch_report.h"

#include <fmt/format.h>
#include <unistd.h>

namespace ct::monitor {
namespace {

// Fewer are fetched before anybody would wonder.
constexpr std::uint64_t kMany = 20;

}  // namespace

Result<void> FetchReport::begin(sql::Database& db,
                                const sql::HistoryQuery& query,
                                const std::function<bool()>& go_on) {
  if (isatty(STDOUT_FILENO) != 0) return {};
  auto counted = sql::search_history(db, query, [&](auto, const auto&) {
    ++all_;
    return go_on();
  });
  if (counted && all_ >= kMany) progress_.emplace(stderr);
  return counted;
}

void FetchReport::show(std::uint64_t done) {
  if (!progress_) return;
  progress_->show(static_cast<double>(done) / static_cast<double>(all_),
                  fmt::format("{} of {} certificates", with_commas(done),
                              with_commas(all_)));
}

void FetchReport::tell(const std::string& what) {
  const std::string line = "ctvigil: " + what;
  if (progress_) return progress_->tell(line);
  fmt::print(stderr, "{}\n", line);
}

void FetchReport::end(std::uint64_t done) {
  show(done);
  progress_.reset();
}

}  // namespace ct::monitor
