// The answers of a search on their way to standard output, as they come.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "monitor/der_source.h"
#include "monitor/history_text.h"
#include "sql/history_search.h"

namespace ct::monitor {

enum class SearchFormat : std::uint8_t { kTable, kJson, kJsonl, kCsv, kPem };

class SearchOutput {
 public:
  virtual ~SearchOutput() = default;
  SearchOutput() = default;
  SearchOutput(const SearchOutput&) = delete;
  SearchOutput& operator=(const SearchOutput&) = delete;

  // False: nothing more can be written.
  [[nodiscard]] virtual bool add(std::size_t query,
                                 const sql::HistoryCertificate& c) = 0;
  // Behind the last one; of a search that failed, too, but for the end of an
  // array, so that half of it is not taken for the whole.
  virtual void end(bool whole) = 0;
};

// `queries`, as typed, outlive it. Of all formats but PEM.
[[nodiscard]] std::unique_ptr<SearchOutput> make_search_output(
    SearchFormat format, std::FILE* stream,
    const std::vector<std::string>& queries, LogNames logs);
// A PEM bundle, in the order of the answers; the DER of so many may be under
// way `at_once`.
[[nodiscard]] std::unique_ptr<SearchOutput> make_pem_output(
    std::FILE* stream, LogNames logs, DerSource der, std::size_t at_once);

enum class SearchGroup : std::uint8_t { kNone, kIssuer, kMonth, kLog };
// How many, for each query or for each query and group.
[[nodiscard]] std::unique_ptr<SearchOutput> make_search_count(
    SearchGroup by, bool json, std::FILE* stream,
    const std::vector<std::string>& queries, LogNames logs);

}  // namespace ct::monitor
