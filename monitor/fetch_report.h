// FetchReport: what `search --fetch` says on standard error: how far it is, if
// that takes long, and what could not be had.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "monitor/terminal.h"
#include "sql/history_search.h"

namespace ct::monitor {

class FetchReport {
 public:
  // Counts what there is to fetch, while `go_on`; if standard output is a
  // terminal the certificates themselves show how far it is.
  [[nodiscard]] Result<void> begin(sql::Database& db,
                                   const sql::HistoryQuery& query,
                                   const std::function<bool()>& go_on);
  void show(std::uint64_t done);
  // A line that stays.
  void tell(const std::string& what);
  // Nothing is drawn any more.
  void end(std::uint64_t done);

 private:
  std::uint64_t all_ = 0;
  std::optional<Progress> progress_;
};

}  // namespace ct::monitor
