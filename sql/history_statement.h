// The SQL of a search of history. For this room only.
//
// Every statement has the same form: for each term, and for each window of
// ends of validity, the latest first, the candidates that one index finds, put
// in order; and for each candidate its row, by primary key, if it passes the
// rest. So a large answer sorts keys, not rows, few at a time, and fetches no
// more rows than are read. A candidate whose row does not pass is given all
// the same, with nulls, so that whoever reads knows how far he came.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sql/history_search.h"
#include "sql/tx.h"

namespace ct::sql {

// What finds the candidates.
enum class HistoryDriver : std::uint8_t {
  kDomain,
  kSha256,
  kSpki,
  kSerial,
  kOrganization,
  kIssuer,
  kPart,  // the substring index, if there is one; otherwise like the next
  kScan,  // nothing does: all rows are looked at
};
[[nodiscard]] HistoryDriver history_driver(const HistoryTerm& term);
// For the transaction, before its statement is planned. What an index finds is
// found by it, whatever the planner thinks of a partition that it may know
// nothing about.
[[nodiscard]] std::string planner_settings(HistoryDriver driver);
// How many of its bits a history_hash() is without its number.
inline constexpr unsigned kUnnumberedBits = 11;
// HistoryCertificate::number, of history_hash(sha256).
[[nodiscard]] std::uint64_t history_number(std::int64_t sha256_hash);

// Whether it finds so many that each partition is asked by itself.
[[nodiscard]] bool by_window(HistoryDriver driver);

// Ends of validity.
struct HistoryWindow {
  Seconds from = 0, before = 0;
};
[[nodiscard]] HistoryWindow window_of(const HistoryNarrowing& narrowing);
// In parts, the latest first, small where most certificates end.
[[nodiscard]] std::vector<HistoryWindow> split_window(
    const HistoryWindow& window, Seconds now);

// Behind all answers that come before this one.
struct HistoryPlace {
  Seconds not_after = std::numeric_limits<std::int32_t>::max() * 1000LL;
  std::int64_t id = std::numeric_limits<std::int64_t>::max();

  // The answers come in falling order of it.
  friend auto operator<=>(const HistoryPlace&, const HistoryPlace&) = default;
};

// Numbers of the issuers that pass; nullopt: all do.
[[nodiscard]] std::optional<std::vector<std::string>> issuer_numbers(
    Tx& tx, const HistoryNarrowing& narrowing);

// Behind a subquery: planned by itself, with the term and the window known.
// Otherwise the planner, which takes any window for a small one, may look
// through it first.
inline constexpr const char* kFence = " OFFSET 0";

// The arguments of a statement that is being put together.
class HistoryArguments {
 public:
  // Gives its "$n".
  std::string add(Param value);
  // Gives a timestamptz.
  std::string add_time(Seconds t);
  [[nodiscard]] const std::vector<Param>& all() const { return all_; }

 private:
  std::vector<Param> all_;
};

// What is read of a row `h`: "h.domain, …".
extern const char* const kHistoryRow;
// " AND …" for what a row `h` must have besides; `issuers` as above.
[[nodiscard]] std::string history_conditions(
    const HistoryNarrowing& narrowing,
    const std::optional<std::vector<std::string>>& issuers,
    HistoryArguments& arguments);

class HistoryStatement {
 public:
  // For the terms [first, end), of one driver.
  HistoryStatement(Tx& tx, std::span<const HistoryTerm> terms,
                   std::size_t first, std::size_t end,
                   const HistoryNarrowing& narrowing,
                   const std::optional<std::vector<std::string>>& issuers);

  [[nodiscard]] HistoryDriver driver() const { return driver_; }
  [[nodiscard]] bool finds_nothing() const { return finds_nothing_; }
  [[nodiscard]] bool is_single() const { return is_single_; }
  [[nodiscard]] std::size_t first_term() const { return first_term_; }

  // Columns: q, the term; c_not_after (s), c_id; and of the row, null if it
  // does not pass: domain, names, …
  [[nodiscard]] const std::string& sql() const { return sql_; }
  // `limit` 0: all.
  [[nodiscard]] std::vector<Param> params(
      const std::vector<HistoryWindow>& windows, const HistoryPlace& after,
      std::size_t limit) const;

 private:
  void add_driver(Tx& tx, std::span<const HistoryTerm> terms, std::size_t first,
                  std::size_t end);

  HistoryDriver driver_;
  std::size_t first_term_;
  bool is_single_;
  bool finds_nothing_ = false;
  HistoryArguments arguments_;  // the first five are for params()
  std::string sql_;
};

}  // namespace ct::sql
