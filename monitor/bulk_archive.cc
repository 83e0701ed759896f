#include "monitor/bulk_archive.h"

#include <utility>

#include "base/log.h"

namespace ct::monitor {

BulkArchive::BulkArchive(std::string url, std::string folder,
                         std::uint64_t most)
    : url_(std::move(url)), folder_(std::move(folder)), most_(most) {}

Result<void> BulkArchive::add(const Hash& log_id, sql::IndexRange range,
                              const sql::HistoryBatch& batch) {
  const std::lock_guard lock(mutex_);
  if (!bulk_) {
    sql::HistoryBulkOptions options;
    options.folder = folder_;
    auto opened = sql::HistoryBulk::open(url_, options);
    if (!opened) return tl::unexpected(opened.error());
    bulk_ = std::move(*opened);
  }
  const auto added = bulk_->add(batch);
  if (!added) return added;
  ranges_[log_id].push_back(range);
  entries_ += range.end - range.begin;
  return entries_ < most_ ? Result<void>{} : build();
}

Result<void> BulkArchive::finish() {
  const std::lock_guard lock(mutex_);
  return build();
}

Result<void> BulkArchive::build() {
  if (!bulk_) return {};
  log_info("building history", {{"entries", entries_}});
  const auto ranges = std::exchange(ranges_, {});
  entries_ = 0;
  const auto stored = std::exchange(bulk_, nullptr)->finish();
  if (!stored) return tl::unexpected(stored.error());
  auto db = sql::Database::connect(url_);
  if (!db) return tl::unexpected(db.error());
  return sql::mark_archived(**db, ranges);
}

}  // namespace ct::monitor
