#include "sql/history_search.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <unordered_set>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/history_answers.h"
#include "sql/history_der.h"
#include "sql/history_key.h"
#include "sql/history_statement.h"
#include "sql/tx.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;

// So many terms share a statement: less of its start, and of the way there and
// back, for each.
constexpr std::size_t kTermsAtOnce = 500;

Result<HistoryPlace> parse_place(std::string_view text) {
  HistoryPlace place;
  const char* const end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, place.not_after);
  if (time.ec == std::errc() && time.ptr != end && *time.ptr == ':') {
    const auto id = std::from_chars(time.ptr + 1, end, place.id);
    if (id.ec == std::errc() && id.ptr == end) return place;
  }
  return fail(Errc::kUsage, "\"" + std::string(text.substr(0, 100)) +
                                "\" is no place of an answer: give `place` of "
                                "the last one, as it was printed");
}

// Those from `first` on that one statement can answer.
std::size_t batch_end(std::span<const HistoryTerm> terms, std::size_t first) {
  const HistoryDriver driver = history_driver(terms[first]);
  std::size_t end = first + 1;
  if (by_window(driver)) return end;
  while (end < terms.size() && end - first < kTermsAtOnce &&
         history_driver(terms[end]) == driver) {
    ++end;
  }
  return end;
}

// Ends of validity at which partitions begin, the latest first.
std::vector<Seconds> partition_starts(Tx& tx) {
  std::vector<Seconds> out;
  for (const Row row :
       tx.exec("SELECT extract(epoch FROM b)::bigint AS begin FROM ("
               " SELECT substring(pg_get_expr(c.relpartbound, c.oid)"
               "   FROM 'FROM \\(''([^'']+)''')::timestamptz AS b"
               " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
               " WHERE i.inhparent = 'history'::regclass) AS bounds "
               "WHERE b IS NOT NULL ORDER BY b DESC")) {
    out.push_back(row.integer("begin"));
  }
  return out;
}

// For the whole session of a connection to search.
constexpr std::string_view kSearchPlans =
    "SET plan_cache_mode = force_generic_plan;"
    "SET enable_seqscan = off;";

bool is_to_search(const Database& db) {
  return db.settings().starts_with(kSearchPlans);
}

// Those of a transaction that searches by name; other terms want others.
void set_up(Tx& tx, std::chrono::milliseconds patience) {
  tx.run_script(
      planner_settings(HistoryDriver::kDomain) +
      ";SET LOCAL statement_timeout = " + std::to_string(patience.count()));
}

// Its errors said so that whoever searches knows what to do.
template <class Run>
Result<void> in_time(const Run& run) {
  try {
    run();
    return {};
  } catch (const SqlError& e) {
    if (e.sqlstate != "57014") throw;
    return fail(Errc::kTransient,
                "the search took too long and was stopped: "
                "narrow it, or give it more time");
  }
}

// Whether one statement found all there is. If not, the visitor was not called.
Result<bool> search_few(Database& db, const HistoryQuery& query,
                        const HistoryVisitor& visit) {
  bool few = false;
  std::vector<HistoryCertificate> found;
  const HistoryVisitor collect = [&](std::size_t, const auto& c) {
    found.push_back(c);
    return true;
  };
  const auto done = db.look([&](Tx& tx) {
    found.clear();
    return in_time([&] {
      few = HistoryAnswers(tx, query, collect)
                .run_if_few(issuer_numbers(tx, query.narrowing));
    });
  });
  if (!done) return tl::unexpected(done.error());
  for (const auto& c : found) {
    if (!visit(0, c)) break;
  }
  return few;
}

class Search {
 public:
  Search(Tx& tx, const HistoryQuery& query, const HistoryVisitor& visit)
      : tx_(tx), query_(query), answers_(tx, query, visit) {}

  void run(const HistoryPlace& after) {
    const auto& terms = query_.terms;
    const auto issuers = issuer_numbers(tx_, query_.narrowing);
    if (issuers && issuers->empty()) return;
    for (std::size_t first = 0; first < terms.size() && !answers_.ended();) {
      const std::size_t end = batch_end(terms, first);
      const HistoryStatement statement(tx_, terms, first, end, query_.narrowing,
                                       issuers);
      first = end;
      if (statement.finds_nothing()) continue;
      plan_for(statement.driver());
      if (by_window(statement.driver())) {
        run_by_window(statement, after);
      } else {
        answers_.run(
            statement,
            split_window(window_of(query_.narrowing), now_millis() / 1000),
            after);
      }
    }
  }

 private:
  void plan_for(HistoryDriver driver) {
    auto settings = planner_settings(driver);
    if (settings == settings_) return;
    tx_.run_script(settings);
    settings_ = std::move(settings);
  }

  // What may be anywhere is looked for in one partition after the other, the
  // latest first, so that answers come at once.
  void run_by_window(const HistoryStatement& statement,
                     const HistoryPlace& after) {
    HistoryWindow rest = window_of(query_.narrowing);
    rest.before = std::min(rest.before, after.not_after + 1);
    auto starts = partition_starts(tx_);
    starts.push_back(rest.from);
    for (const Seconds start : starts) {
      const HistoryWindow window = {std::max(start, rest.from), rest.before};
      if (window.from >= window.before) continue;
      answers_.run(statement, {window}, after);
      if (answers_.ended() || answers_.has_enough()) return;
      rest.before = window.from;
    }
  }

  Tx& tx_;
  const HistoryQuery& query_;
  HistoryAnswers answers_;
  // Of the planner; set before.
  std::string settings_ = planner_settings(HistoryDriver::kDomain);
};

Result<void> search_all(Database& db, const HistoryQuery& query,
                        const HistoryVisitor& visit,
                        const HistoryPlace& after) {
  return db.transact([&](Tx& tx) {
    return in_time([&] {
      set_up(tx, query.patience);
      Search(tx, query, visit).run(after);
    });
  });
}

// One page of one term; `query` moves on behind it. What comes is the number
// of answers; 0 also when the visitor wants no more.
Result<std::size_t> visit_page(Database& db, HistoryQuery& query,
                               std::size_t term, const HistoryVisitor& visit) {
  std::vector<HistoryCertificate> page;
  const auto begin = std::chrono::steady_clock::now();
  const auto done =
      search_history(db, query, [&](std::size_t, const HistoryCertificate& c) {
        page.push_back(c);
        return true;
      });
  if (!done) return tl::unexpected(done.error());
  if (query.patience.count() > 0) {
    // At least a little: what ended in time is no failure.
    query.patience -= std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    query.patience = std::max(query.patience, std::chrono::milliseconds(1));
  }
  for (const auto& certificate : page) {
    if (!visit(term, certificate)) return std::size_t{0};
    query.after = history_place(certificate);
  }
  return page.size();
}

}  // namespace

std::string history_place(const HistoryCertificate& certificate) {
  return std::to_string(certificate.not_after) + ':' +
         std::to_string(certificate.id);
}

Result<void> search_history(Database& db, const HistoryQuery& query,
                            const HistoryVisitor& visit) {
  HistoryPlace after;
  if (!query.after.empty()) {
    if (query.terms.size() != 1) {
      return fail(Errc::kUsage,
                  "to go on behind a place is possible for one query alone");
    }
    const auto place = parse_place(query.after);
    if (!place) return tl::unexpected(place.error());
    after = *place;
  }
  if (query.terms.size() == 1 && query.after.empty() && is_to_search(db)) {
    const auto few = search_few(db, query, visit);
    if (!few) return tl::unexpected(few.error());
    if (*few) return {};
  }
  return search_all(db, query, visit, after);
}

Result<void> search_history_by_pages(Database& db, HistoryQuery query,
                                     std::size_t page,
                                     const HistoryVisitor& visit) {
  const auto terms = query.terms;
  if (terms.size() > 1 && !query.after.empty()) {
    return search_history(db, query, visit);  // says that it cannot be
  }
  const std::string after = query.after;
  const std::uint64_t limit = query.limit;
  bool ended = false;
  const HistoryVisitor visit_all = [&](std::size_t term, const auto& c) {
    ended = !visit(term, c);
    return !ended;
  };
  for (std::size_t term = 0; term < terms.size() && !ended; ++term) {
    query.terms = terms.subspan(term, 1);
    query.after = after;
    for (std::uint64_t rest = limit; !ended;) {
      query.limit = limit == 0 ? page : std::min<std::uint64_t>(page, rest);
      const auto came = visit_page(db, query, term, visit_all);
      if (!came) return tl::unexpected(came.error());
      if (*came < query.limit) break;
      rest -= *came;
      if (limit > 0 && rest == 0) break;
    }
  }
  return {};
}

Result<std::unique_ptr<Database>> connect_to_search(
    const std::string& url, std::chrono::milliseconds patience) {
  return Database::connect(
      url, std::string(kSearchPlans) +
               "SET statement_timeout = " + std::to_string(patience.count()));
}

Result<void> prepare_search(Database& db, std::chrono::milliseconds patience) {
  HistoryTerm nobody;
  HistoryQuery query;
  query.terms = {&nobody, 1};
  query.patience = patience;
  const HistoryVisitor any = [](std::size_t, const auto&) { return true; };
  if (is_to_search(db)) {
    const auto learned = db.look([&](Tx& tx) {
      return in_time([&] { HistoryAnswers(tx, query, any).learn_ahead(); });
    });
    if (!learned) return learned;
    // A name with others above it takes another statement.
    for (const char* name : {"nobody.example.invalid", "nobody.invalid"}) {
      nobody.text = name;
      const auto few = search_few(db, query, any);
      if (!few) return tl::unexpected(few.error());
    }
  }
  nobody.text = "nobody.invalid";
  return search_all(db, query, any, {});
}

Result<bool> has_history(Database& db) {
  bool any = false;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    any =
        tx.exec("SELECT EXISTS (SELECT FROM history) AS any")[0].boolean("any");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return any;
}

Result<std::optional<Bytes>> find_der(Database& db,
                                      const HistoryCertificate& certificate) {
  std::optional<Bytes> der;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    der.reset();
    for (const Row row :
         tx.exec("SELECT d.template <> 0 AS deflated, d.der, "
                 "coalesce(t.der, '') AS base FROM history_der d "
                 "LEFT JOIN history_der_template t ON t.issuer = d.template "
                 "WHERE d.id = $1 AND d.not_after = to_timestamp($2::bigint)",
                 {certificate.id, certificate.not_after})) {
      auto bytes = unpack_history_der(row.boolean("deflated"), row.bytes("der"),
                                      row.bytes("base"));
      if (bytes && sha256(*bytes) == certificate.sha256) {
        der = std::move(*bytes);
        return {};
      }
    }
    const auto rows = tx.exec(
        "SELECT der FROM alert WHERE cert_sha256 = $1 AND der IS NOT NULL "
        "LIMIT 1",
        {certificate.sha256});
    if (!rows.empty()) der = rows[0].bytes("der");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return der;
}

Result<std::vector<Hash>> hashes_of_number(Database& db, std::uint64_t number) {
  std::vector<Hash> out;
  if (number >> (64 - kUnnumberedBits) != 0) return out;
  const auto first = static_cast<std::int64_t>(number << kUnnumberedBits);
  const std::int64_t last = first + (1 << kUnnumberedBits) - 1;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    for (const Row row :
         tx.exec("SELECT DISTINCT sha256 FROM history WHERE "
                 "history_hash(sha256) BETWEEN $1::bigint AND $2::bigint",
                 {first, last})) {
      out.push_back(row.hash("sha256"));
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<std::vector<std::int64_t>> history_ids(
    Database& db, const std::vector<Hash>& tbs_sha256) {
  std::vector<std::int64_t> out;
  const auto done = db.transact([&](Tx& tx) -> Result<void> {
    const Bytes salt =
        tx.exec("SELECT salt FROM history_salt")[0].bytes("salt");
    for (const Hash& h : tbs_sha256) out.push_back(history_id(salt, h));
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace ct::sql
