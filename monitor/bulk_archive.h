// BulkArchive: the bulk path of archive mode. What is read is collected beside
// the database, and built into history every so many entries, all indexes
// afterwards: several times faster than batch by batch.
//
// A range counts as archived once it is in history, not before: what a crash
// takes away is read again.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sql/history_bulk.h"
#include "sql/logs.h"

namespace ct::monitor {

class BulkArchive {
 public:
  // `url`: of the database. What does not fit in memory goes to files in
  // `folder`, some 0.3 kB an entry; `most` entries are collected at a time.
  BulkArchive(std::string url, std::string folder,
              std::uint64_t most = 20'000'000);

  // From any thread. Builds what was collected if that is enough; others wait
  // meanwhile.
  [[nodiscard]] Result<void> add(const Hash& log_id, sql::IndexRange range,
                                 const sql::HistoryBatch& batch);
  // Builds the rest. After an error nothing of it counts as archived.
  [[nodiscard]] Result<void> finish();

 private:
  [[nodiscard]] Result<void> build();

  const std::string url_, folder_;
  const std::uint64_t most_;
  std::mutex mutex_;  // guards the rest
  std::unique_ptr<sql::HistoryBulk> bulk_;
  std::map<Hash, std::vector<sql::IndexRange>> ranges_;
  std::uint64_t entries_ = 0;
};

}  // namespace ct::monitor
