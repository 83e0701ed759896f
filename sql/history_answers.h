// Reading the answers of a search of history as they come. For this room only.
#pragma once

#include <chrono>
#include <memory>
#include <unordered_map>

#include "sql/history_search.h"
#include "sql/history_statement.h"

namespace ct::sql {

// What the numbers of history mean, as far as a connection has met them. They
// never change.
struct HistoryLabels {
  struct Issuer {
    std::string name;
    std::optional<Hash> spki_sha256;
  };
  std::unordered_map<std::int64_t, Hash> logs;
  std::unordered_map<std::int64_t, Issuer> issuers;
};

class HistoryAnswers {
 public:
  // All three must outlive it.
  HistoryAnswers(Tx& tx, const HistoryQuery& query,
                 const HistoryVisitor& visit);

  // Has what most answers will need before they come: issuers and logs.
  void learn_ahead();
  // Gives every answer to a single term to the visitor, if they are few; if
  // not, or if that cannot be said soon, none, and false. Throws SqlError.
  [[nodiscard]] bool run_if_few(
      const std::optional<std::vector<std::string>>& issuers);
  // Gives every answer of `statement` to the visitor. Throws SqlError.
  void run(const HistoryStatement& statement,
           const std::vector<HistoryWindow>& windows,
           const HistoryPlace& after);
  // Whoever asked wants no more.
  [[nodiscard]] bool ended() const { return ended_; }
  // The term asked for last has as many answers as are wanted of each.
  [[nodiscard]] bool has_enough() const {
    return query_.limit > 0 && given_ >= query_.limit;
  }

 private:
  void run_cursor(const HistoryStatement& statement,
                  const std::vector<Param>& params);
  // False: no more are wanted.
  bool take(const Rows& rows);
  bool take(std::size_t term, const HistoryPlace& place, const Row& row);
  void learn_issuers(const Rows& rows);
  void keep_issuers(const Rows& rows);
  void learn_logs();
  // All zero: there is none of that number.
  [[nodiscard]] Hash log_id(std::int64_t number);
  [[nodiscard]] std::optional<HistoryCertificate> read(const Row& row);
  [[nodiscard]] bool passes(std::size_t term,
                            const HistoryCertificate& certificate) const;
  template <class Work>
  auto timed(const Work& work);

  Tx& tx_;
  const HistoryQuery& query_;
  const HistoryVisitor& visit_;
  const std::shared_ptr<HistoryLabels> labels_;
  bool knows_logs_ = false;  // all there are
  std::chrono::steady_clock::duration spent_{0};
  bool ended_ = false;
  bool single_ = false;  // the statement has one term
  // The candidate read last.
  std::optional<std::size_t> term_;
  HistoryPlace place_;
  std::uint64_t given_ = 0;  // answers to term_
};

}  // namespace ct::sql
