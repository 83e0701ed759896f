// Rows of history on their way into the bulk path: more than fit in memory, by
// partition, in the order of the primary key. For this room only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sql/history_row.h"

namespace ct::sql {

// A row that stands on its own.
struct LooseRow {
  HistoryDraft draft;
  HistoryRow row;
  bool stored = false;  // it is in the table, and so are its other roots

  // `row` with its pointer set.
  [[nodiscard]] const HistoryRow& whole() {
    row.draft = &draft;
    return row;
  }
};
// Less than 0: `a` goes before `b`. 0: the same issuance.
[[nodiscard]] int compare_keys(const LooseRow& a, const LooseRow& b);

// Gives rows in order.
class RowSource {
 public:
  virtual ~RowSource() = default;
  // nullopt: there are no more. Throws SqlError.
  virtual std::optional<LooseRow> next() = 0;
};

// All rows of several sources in order, those of an issuance merged.
class MergedRows : public RowSource {
 public:
  explicit MergedRows(std::vector<std::unique_ptr<RowSource>> sources);
  std::optional<LooseRow> next() override;

 private:
  struct Head {
    LooseRow row;
    std::size_t source;
  };
  void advance(std::size_t source);
  [[nodiscard]] std::optional<Head> pop();

  std::vector<std::unique_ptr<RowSource>> sources_;
  std::vector<Head> heads_;  // a heap, the first row on top
};

class HistorySpool {
 public:
  // What exceeds `memory` bytes goes to files in `folder`, which have no name
  // there: they are gone with the process, whatever ends it.
  HistorySpool(std::string folder, std::size_t memory);
  ~HistorySpool();

  [[nodiscard]] Result<void> add(const std::vector<HistoryRow>& rows);
  // By quarter: how many rows, repeated ones counted.
  [[nodiscard]] const std::map<int, std::uint64_t>& counts() const {
    return counts_;
  }
  // Of a quarter. Nothing can be added any more. Of different quarters, in
  // different threads.
  [[nodiscard]] std::unique_ptr<RowSource> rows(int quarter);

 private:
  struct Pile;
  struct File;
  struct Segment;
  [[nodiscard]] Result<void> spill();

  std::string folder_;
  std::size_t memory_, used_ = 0;
  std::map<int, std::uint64_t> counts_;
  std::map<int, Pile> piles_;
  std::map<int, std::vector<Segment>> segments_;
};

}  // namespace ct::sql
