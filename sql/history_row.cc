#include "sql/history_row.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "base/hex.h"

namespace ct::sql {
namespace {

// The bounds of history_partition() in SQL.
constexpr int kFirstYear = 2010, kLastYear = 2050;
constexpr int kPast = kFirstYear * 4 - 1, kFuture = kLastYear * 4;
constexpr Seconds kFirstSecond = 1'262'304'000, kLastSecond = 2'524'608'000;

// The issuer as an entry tells it: its key, if known, and its name.
std::string issuer_of(const HistoryEntry& e) {
  std::string out;
  if (e.issuer_spki_sha256) out = as_text(*e.issuer_spki_sha256);
  out += e.issuer_spki_sha256 ? 'k' : '-';
  return out += e.issuer;
}

// Elements of a bytea[], as Postgres reads them.
std::string bytea_text(std::string_view bytes) {
  return "\\x" + to_hex(as_bytes(bytes));
}

// `insert` numbers those of $1 (and $2) that are not there. It is run under a
// lock that other writers wait for, so that a number is given once.
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

void number_issuers(Tx& tx, const std::vector<HistoryEntry>& entries,
                    HistoryNumbers& numbers) {
  // By name and key as stored: who tells them so.
  std::map<std::pair<std::string, std::string>, std::vector<std::string>>
      wanted;
  std::vector<std::string> names, keys;
  for (const auto& e : entries) {
    std::string issuer = issuer_of(e);
    if (!numbers.issuers.emplace(issuer, 0).second) continue;
    const std::string key(e.issuer_spki_sha256 ? as_text(*e.issuer_spki_sha256)
                                               : "");
    const auto [at, added] =
        wanted.try_emplace({history_issuer_name(e.issuer), key});
    at->second.push_back(std::move(issuer));
    if (!added) continue;
    names.push_back(at->first.first);
    keys.push_back(bytea_text(key));
  }
  const std::vector<Param> params{names, keys};
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
         params, wanted.size(), [&] {
           const Rows rows = tx.exec(
               "SELECT i.issuer, i.name, i.spki_sha256 "
               "FROM unnest($1::text[], $2::bytea[]) AS w (name, key) "
               "JOIN history_issuer i ON i.name = w.name "
               "AND i.spki_sha256 = w.key",
               params);
           for (const Row row : rows) {
             const auto found =
                 wanted.find({row.text("name"),
                              std::string(as_text(row.bytes("spki_sha256")))});
             if (found == wanted.end()) continue;
             for (const auto& issuer : found->second) {
               numbers.issuers[issuer] =
                   static_cast<std::int32_t>(row.integer("issuer"));
             }
           }
           return rows.size();
         });
}

void number_logs(Tx& tx, const std::vector<HistoryEntry>& entries,
                 HistoryNumbers& numbers) {
  std::set<Hash> wanted;
  for (const auto& e : entries) wanted.insert(e.log_id);
  std::vector<std::string> ids;
  for (const auto& id : wanted) ids.push_back(bytea_text(as_text(id)));
  const std::vector<Param> params{ids};
  number(tx, "history_log",
         "INSERT INTO history_log (log, log_id) "
         "SELECT (SELECT coalesce(max(log), 0) FROM history_log) + "
         "row_number() OVER (ORDER BY id), id "
         "FROM (SELECT * FROM unnest($1::bytea[]) AS w (id) "
         "EXCEPT SELECT log_id FROM history_log) AS missing",
         params, wanted.size(), [&] {
           for (const Row row : tx.exec("SELECT log, log_id FROM history_log "
                                        "WHERE log_id = ANY ($1::bytea[])",
                                        params)) {
             numbers.logs[row.hash("log_id")] =
                 static_cast<std::int16_t>(row.integer("log"));
           }
           return numbers.logs.size();
         });
}

HistoryRow row_of(const HistoryEntry& e, const HistoryNumbers& numbers) {
  constexpr ctlog::LeafIndex kEnd = ctlog::LeafIndex{1} << 40;
  constexpr std::size_t kSpkiSize = 16;
  if (e.leaf_index >= kEnd) {
    throw SqlError{{Errc::kMalformed, "leaf index too large to store: " +
                                          std::to_string(e.leaf_index)},
                   ""};
  }
  HistoryRow row;
  row.not_after = storable_seconds(e.not_after);
  row.not_before = storable_seconds(e.not_before);
  row.quarter = history_quarter(row.not_after);
  row.id = history_id(numbers.salt, e.tbs_sha256);
  row.issuer = numbers.issuers.at(issuer_of(e));
  row.final = e.type == ctlog::EntryType::kX509;
  row.names = encode_history_names(e.names);
  row.organization = history_organization(e.organization);
  row.serial = history_serial(e.serial);
  row.spki.assign(e.spki_sha256.begin(), e.spki_sha256.begin() + kSpkiSize);
  row.sha256 = e.sha256;
  put_history_sighting(row.sightings, {e.timestamp, numbers.logs.at(e.log_id),
                                       !row.final, e.leaf_index});
  return row;
}

auto place(const HistoryRow& row) {
  return std::tuple(row.quarter, row.domain(), row.not_after, row.id);
}

}  // namespace

int history_quarter(Seconds not_after) {
  if (not_after < kFirstSecond) return kPast;
  if (not_after >= kLastSecond) return kFuture;
  const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(
      std::chrono::sys_seconds(std::chrono::seconds(not_after))));
  return static_cast<int>(date.year()) * 4 +
         static_cast<int>(static_cast<unsigned>(date.month()) - 1) / 3;
}

std::string history_partition_name(int quarter) {
  if (quarter <= kPast) return "past";
  if (quarter >= kFuture) return "future";
  return std::to_string(quarter / 4) + "q" + std::to_string(quarter % 4 + 1);
}

HistoryNumbers number_history(Tx& tx,
                              const std::vector<HistoryEntry>& entries) {
  HistoryNumbers numbers;
  tx.run_script("LOCK TABLE ONLY history IN ROW EXCLUSIVE MODE");
  const Rows rows = tx.exec(
      "SELECT salt, extract(epoch FROM until)::bigint AS until "
      "FROM history_salt, history_pruned");
  if (rows.size() != 1) {
    throw SqlError{{Errc::kUsage,
                    "history_salt and history_pruned must hold one row each"},
                   ""};
  }
  numbers.salt = rows[0].bytes("salt");
  numbers.pruned_until = rows[0].maybe_integer("until");
  if (entries.empty()) return numbers;
  number_issuers(tx, entries, numbers);
  number_logs(tx, entries, numbers);
  return numbers;
}

void merge_history_row(HistoryRow& into, const HistoryRow& row) {
  if (row.final != into.final ? row.final : row.sha256 < into.sha256) {
    into.sha256 = row.sha256;
  }
  into.final |= row.final;
  into.issuer = std::max(into.issuer, row.issuer);
  into.sightings = merge_history_sightings(into.sightings, row.sightings);
}

std::vector<HistoryRow> history_rows(const std::vector<HistoryEntry>& entries,
                                     const HistoryNumbers& numbers) {
  std::vector<HistoryRow> rows;
  rows.reserve(entries.size());
  for (const auto& e : entries) {
    HistoryRow row = row_of(e, numbers);
    if (!numbers.pruned_until || row.not_after >= *numbers.pruned_until) {
      rows.push_back(std::move(row));
    }
  }
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return place(rows[a]) < place(rows[b]);
  });
  std::vector<HistoryRow> merged;
  merged.reserve(rows.size());
  for (const std::size_t i : order) {
    if (!merged.empty() && place(merged.back()) == place(rows[i])) {
      merge_history_row(merged.back(), rows[i]);
    } else {
      merged.push_back(std::move(rows[i]));
    }
  }
  return merged;
}

void put_history_row(CopyRows& out, const HistoryRow& row) {
  out.integer(row.id);
  out.time(row.not_after);
  out.time(row.not_before);
  out.integer(row.issuer);
  out.boolean(row.final);
  out.text(row.domain());
  out.text(row.names.names);
  out.text(row.organization);
  out.bytes(row.serial);
  out.bytes(row.spki);
  out.bytes(row.sha256);
  out.bytes(row.sightings);
}

void put_history_roots(CopyRows& out, const HistoryRow& row) {
  for (std::size_t i = 1; i < row.names.roots.size(); ++i) {
    out.integer(row.id);
    out.time(row.not_after);
    out.text(row.names.roots[i]);
    out.text(row.domain());
  }
}

}  // namespace ct::sql
