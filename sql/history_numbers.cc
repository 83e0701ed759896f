#include "sql/history_numbers.h"

#include <utility>

namespace ct::sql {
namespace {

// `insert` numbers those that are not there. It is run under a lock that other
// writers wait for, so that a number is given once. `find` says how many of
// those wanted are there.
template <class Find>
void number(Tx& tx, const std::string& table, const std::string& insert,
            const std::vector<Param>& params, std::size_t wanted,
            const Find& find) {
  if (find() == wanted) return;
  tx.run_script("LOCK TABLE " + table + " IN SHARE ROW EXCLUSIVE MODE");
  tx.exec(insert, params);
  if (find() == wanted) return;
  throw SqlError{{Errc::kInternal, table + " does not hold what it was given"},
                 ""};
}

void number_issuers(Tx& tx, const std::vector<HistoryIssuer>& issuers,
                    HistoryNumbers& numbers) {
  Array names(Array::kText), keys(Array::kBytea);
  for (const auto& issuer : issuers) {
    if (!numbers.issuers.try_emplace(issuer.key(), 0).second) continue;
    names.text(issuer.name);
    keys.bytes(as_bytes(issuer.spki_sha256));
  }
  if (names.size() == 0) return;
  const std::vector<Param> params{names.param(), keys.param()};
  const auto find = [&] {
    const Rows rows = tx.exec(
        "SELECT i.issuer, i.name, i.spki_sha256 "
        "FROM unnest($1::text[], $2::bytea[]) AS w (name, key) "
        "JOIN history_issuer i ON i.name = w.name AND i.spki_sha256 = w.key",
        params);
    for (const Row row : rows) {
      const HistoryIssuer issuer{
          row.text("name"), std::string(as_text(row.bytes("spki_sha256")))};
      numbers.issuers[issuer.key()] =
          static_cast<std::int32_t>(row.integer("issuer"));
    }
    return rows.size();
  };
  number(tx, "history_issuer",
         "INSERT INTO history_issuer (issuer, name, spki_sha256) "
         "SELECT CASE WHEN key = '' "
         "THEN (SELECT least(min(issuer), 0) FROM history_issuer) - n "
         "ELSE (SELECT greatest(max(issuer), 0) FROM history_issuer) + n END, "
         "name, key FROM (SELECT name, key, row_number() OVER (PARTITION BY "
         "key = '' ORDER BY name, key) AS n "
         "FROM (SELECT * FROM unnest($1::text[], $2::bytea[]) AS w (name, key) "
         "EXCEPT SELECT name, spki_sha256 FROM history_issuer) AS missing) "
         "AS numbered",
         params, names.size(), find);
}

void number_logs(Tx& tx, const std::vector<Hash>& logs,
                 HistoryNumbers& numbers) {
  Array ids(Array::kBytea);
  for (const Hash& log : logs) {
    if (numbers.logs.try_emplace(log, 0).second) ids.bytes(log);
  }
  if (ids.size() == 0) return;
  const std::vector<Param> params{ids.param()};
  const auto find = [&] {
    const Rows rows = tx.exec(
        "SELECT log, log_id FROM history_log WHERE log_id = ANY "
        "($1::bytea[])",
        params);
    for (const Row row : rows) {
      numbers.logs[row.hash("log_id")] =
          static_cast<std::int16_t>(row.integer("log"));
    }
    return rows.size();
  };
  number(tx, "history_log",
         "INSERT INTO history_log (log, log_id) "
         "SELECT (SELECT coalesce(max(log), 0) FROM history_log) + "
         "row_number() OVER (ORDER BY id), id "
         "FROM (SELECT * FROM unnest($1::bytea[]) AS w (id) "
         "EXCEPT SELECT log_id FROM history_log) AS missing",
         params, ids.size(), find);
}

}  // namespace

void keep_history_partitions(Tx& tx) {
  tx.exec("SELECT pg_advisory_xact_lock_shared($1)", {kHistoryPruneLock});
}

std::shared_ptr<HistoryNumbers> number_history(
    Tx& tx, const std::vector<HistoryIssuer>& issuers,
    const std::vector<Hash>& logs) {
  constexpr std::size_t kMostIssuers = 100'000;  // so that memory is bounded
  keep_history_partitions(tx);
  const Rows rows = tx.exec(
      "SELECT salt, extract(epoch FROM until)::bigint AS until "
      "FROM history_salt, history_pruned");
  if (rows.size() != 1) {
    throw SqlError{{Errc::kUsage,
                    "history_salt and history_pruned must hold one row each"},
                   ""};
  }
  // While they are being asked for they are not in the session: after an
  // error they would not be whole.
  auto numbers = std::exchange(tx.session().history_numbers, nullptr);
  if (!numbers || numbers->issuers.size() > kMostIssuers) {
    numbers = std::make_shared<HistoryNumbers>();
  }
  numbers->salt = rows[0].bytes("salt");
  numbers->pruned_until = rows[0].maybe_integer("until");
  number_issuers(tx, issuers, *numbers);
  number_logs(tx, logs, *numbers);
  tx.session().history_numbers = numbers;
  return numbers;
}

}  // namespace ct::sql
