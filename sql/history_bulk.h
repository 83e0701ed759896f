// The bulk path into history: for backfills of many millions of entries.
//
// Entries are sorted outside of the database, in memory and in files that have
// no name. Then each partition is built anew, with what it held before and
// without indexes, gets its indexes, and takes the old one's place, all in one
// transaction. Readers see the old one until then; whoever wants to write to
// it waits. A crash leaves nothing behind, neither tables nor files.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sql/database.h"
#include "sql/history_store.h"

namespace ct::sql {

struct HistoryBulkOptions {
  std::string folder = "/tmp";  // for what does not fit in memory
  std::size_t memory = 256 << 20;
};

class HistoryBulk {
 public:
  // `url` as for Database::connect.
  [[nodiscard]] static Result<std::unique_ptr<HistoryBulk>> open(
      const std::string& url, const HistoryBulkOptions& options);
  ~HistoryBulk();
  HistoryBulk(const HistoryBulk&) = delete;
  HistoryBulk& operator=(const HistoryBulk&) = delete;

  // Nothing of it is in history before `finish`.
  [[nodiscard]] Result<void> add(const HistoryBatch& batch);

  // Builds several partitions at a time. To be called once. kTransient: some
  // may have been built, others not; all entries must be added again, to a new
  // object, which does those no harm. So positions may only be moved after
  // success.
  [[nodiscard]] Result<HistoryStored> finish();

 private:
  struct Impl;
  explicit HistoryBulk(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Of 1, and the partition that is at hand.
using PackProgress = std::function<void(double done, const std::string& at)>;

enum class HistoryPack : std::uint8_t {
  kLoose,  // what ended a week ago, or earlier, and never was packed
  kEnded,  // whatever has ended
  kAll,
};

// Builds partitions anew, one after the other, with nothing added: storing
// batch by batch leaves room between rows and in indexes. One at a time is
// there twice, and whoever wants to write to it waits.
// kTransient: queries held one for minutes; those before it are done.
[[nodiscard]] Result<void> pack_history(Database& db, HistoryPack which,
                                        const PackProgress& progress);

}  // namespace ct::sql
