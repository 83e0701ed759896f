#include "sql/history_answers.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "base/hex.h"
#include "sql/history_few.h"
#include "sql/history_key.h"

namespace ct::sql {
namespace {

// Most terms have no more answers.
constexpr std::size_t kFew = 100;
// Most others have no more, and come with one statement. Longer ones go on with
// a cursor, whose plan takes some time to make.
constexpr std::size_t kFirstPage = 1'000, kLeastPage = 100;
// Issuers that a connection remembers.
constexpr std::size_t kMostKept = 10'000;
// A slow reader of a large answer keeps its transaction open.
constexpr const char* kSlowly =
    "SET LOCAL idle_in_transaction_session_timeout = '1h'";
constexpr const char* kFetch = "FETCH 1000 FROM history_answers";

bool passes_sighting(const HistoryNarrowing& n, const HistorySighting& s) {
  return (n.log_ids.empty() ||
          std::ranges::find(n.log_ids, s.log_id) != n.log_ids.end()) &&
         (!n.type || *n.type == s.type) &&
         (!n.logged_from || s.timestamp >= *n.logged_from) &&
         (!n.logged_before || s.timestamp < *n.logged_before);
}

std::shared_ptr<HistoryLabels> labels_of(Tx& tx) {
  auto& labels = tx.session().history_labels;
  if (!labels) labels = std::make_shared<HistoryLabels>();
  return labels;
}

HistoryPlace place_of(const Row& row) {
  return {row.integer("c_not_after"), row.integer("c_id")};
}

bool narrows_sightings(const HistoryNarrowing& n) {
  return !n.log_ids.empty() || n.type || n.logged_from || n.logged_before;
}

}  // namespace

HistoryAnswers::HistoryAnswers(Tx& tx, const HistoryQuery& query,
                               const HistoryVisitor& visit)
    : tx_(tx), query_(query), visit_(visit), labels_(labels_of(tx)) {}

// The time limit of a statement holds for each FETCH; this one for all.
template <class Work>
auto HistoryAnswers::timed(const Work& work) {
  const auto begin = std::chrono::steady_clock::now();
  auto result = work();
  spent_ += std::chrono::steady_clock::now() - begin;
  if (query_.patience.count() > 0 && spent_ > query_.patience) {
    throw SqlError{{Errc::kTransient, ""}, "57014"};
  }
  return result;
}

bool HistoryAnswers::run_if_few(
    const std::optional<std::vector<std::string>>& issuers) {
  const auto few =
      history_few(query_.terms[0], query_.narrowing, issuers, kFew + 1);
  if (!few) return false;
  const Rows rows = tx_.exec(few->sql, few->params);
  if (rows.size() > kFew) return false;
  learn_issuers(rows);
  std::vector<std::pair<HistoryPlace, Row>> in_order;
  for (const Row row : rows) {
    if (row.boolean("passes")) in_order.emplace_back(place_of(row), row);
  }
  std::ranges::sort(in_order, std::greater(),
                    [](const auto& each) { return each.first; });
  for (const auto& [place, row] : in_order) {
    if (!take(0, place, row)) break;
  }
  return true;
}

void HistoryAnswers::run(const HistoryStatement& statement,
                         const std::vector<HistoryWindow>& windows,
                         const HistoryPlace& after) {
  if (term_ != statement.first_term()) given_ = 0;
  single_ = statement.is_single();
  if (!statement.is_single()) {
    run_cursor(statement, statement.params(windows, after, 0));
    return;
  }
  const std::size_t page =
      query_.limit == 0
          ? kFirstPage
          : std::clamp<std::size_t>(query_.limit, kLeastPage, kFirstPage);
  const Rows rows = timed([&] {
    return tx_.exec(statement.sql(), statement.params(windows, after, page));
  });
  if (take(rows) && rows.size() == page) {
    run_cursor(statement, statement.params(windows, place_, 0));
  }
}

void HistoryAnswers::run_cursor(const HistoryStatement& statement,
                                const std::vector<Param>& params) {
  tx_.run_script(kSlowly);
  timed([&] {
    return tx_.exec(
        "DECLARE history_answers NO SCROLL CURSOR FOR " + statement.sql(),
        params);
  });
  for (;;) {
    const Rows rows = timed([&] { return tx_.exec_once(kFetch); });
    if (rows.empty() || !take(rows)) break;
  }
  tx_.run_script("CLOSE history_answers");
}

void HistoryAnswers::learn_ahead() {
  keep_issuers(
      tx_.exec("SELECT issuer, name, spki_sha256 FROM history_issuer LIMIT $1",
               {static_cast<std::uint64_t>(kMostKept)}));
  learn_logs();
}

void HistoryAnswers::keep_issuers(const Rows& rows) {
  for (const Row row : rows) {
    HistoryLabels::Issuer issuer{row.text("name"), {}};
    const Bytes spki = row.bytes("spki_sha256");
    if (spki.size() == Hash().size()) {
      std::ranges::copy(spki, issuer.spki_sha256.emplace().begin());
    }
    labels_->issuers.emplace(row.integer("issuer"), std::move(issuer));
  }
}

// A thousand answers have few issuers.
void HistoryAnswers::learn_issuers(const Rows& rows) {
  auto& issuers = labels_->issuers;
  if (issuers.size() > kMostKept) issuers.clear();
  std::set<std::int64_t> unknown;
  for (const Row row : rows) {
    const auto number = row.maybe_integer("issuer");
    if (number && !issuers.contains(*number)) unknown.insert(*number);
  }
  if (unknown.empty()) return;
  Array numbers(Array::kInteger);
  for (const std::int64_t number : unknown) numbers.integer(number);
  keep_issuers(
      tx_.exec("SELECT issuer, name, spki_sha256 FROM history_issuer "
               "WHERE issuer = ANY ($1::int[])",
               {numbers.param()}));
}

void HistoryAnswers::learn_logs() {
  knows_logs_ = true;
  for (const Row row : tx_.exec("SELECT log, log_id FROM history_log")) {
    labels_->logs.emplace(row.integer("log"), row.hash("log_id"));
  }
}

Hash HistoryAnswers::log_id(std::int64_t number) {
  auto& logs = labels_->logs;
  auto log = logs.find(number);
  if (log == logs.end() && !knows_logs_) {
    learn_logs();
    log = logs.find(number);
  }
  return log == logs.end() ? Hash{} : log->second;
}

bool HistoryAnswers::take(const Rows& rows) {
  learn_issuers(rows);
  for (const Row row : rows) {
    const auto term = static_cast<std::size_t>(row.integer("q"));
    if (!take(term, place_of(row), row)) return false;
  }
  return true;
}

bool HistoryAnswers::take(std::size_t term, const HistoryPlace& place,
                          const Row& row) {
  if (term_ != term) {
    given_ = 0;
  } else if (place > place_) {
    // Pages would have gaps.
    throw SqlError{{Errc::kInternal, "database: answers out of order"}, ""};
  }
  // Found by several of its roots, it is its own neighbour.
  const bool again = term_ == term && place == place_;
  term_ = term;
  place_ = place;
  if (again || has_enough() || row.is_null("domain")) return true;
  const auto certificate = read(row);
  if (!certificate || !passes(term, *certificate)) return true;
  ++given_;
  ended_ = !visit_(term, *certificate);
  return !ended_ && !(single_ && has_enough());
}

std::optional<HistoryCertificate> HistoryAnswers::read(const Row& row) {
  HistoryCertificate c;
  c.sightings = {};
  for (const NumberedSighting& s :
       decode_history_sightings(row.bytes("sightings"))) {
    c.sightings.push_back(
        {s.timestamp, log_id(s.log), s.leaf_index,
         s.precert ? ctlog::EntryType::kPrecert : ctlog::EntryType::kX509});
  }
  if (narrows_sightings(query_.narrowing) &&
      std::ranges::none_of(c.sightings, [&](const HistorySighting& s) {
        return passes_sighting(query_.narrowing, s);
      })) {
    return std::nullopt;
  }
  c.id = row.integer("c_id");
  c.number = history_number(row.integer("sha256_hash"));
  c.final = row.boolean("final");
  c.sha256 = row.hash("sha256");
  c.spki_sha256 = row.bytes("spki");
  c.issuer_number = row.integer("issuer");
  const auto& issuer = labels_->issuers.at(c.issuer_number);
  c.issuer = issuer.name;
  c.issuer_spki_sha256 = issuer.spki_sha256;
  c.serial = to_hex(row.bytes("serial"));
  c.organization = row.text("organization");
  c.not_before = row.integer("not_before");
  c.not_after = row.integer("c_not_after");
  c.domain = row.text("domain");
  c.names = decode_history_names(c.domain, row.text("names"));
  return c;
}

bool HistoryAnswers::passes(std::size_t term,
                            const HistoryCertificate& certificate) const {
  const HistoryTerm& t = query_.terms[term];
  return !t.is_name() ||
         std::ranges::any_of(certificate.names, [&](const std::string& name) {
           return means(t, name);
         });
}

}  // namespace ct::sql
