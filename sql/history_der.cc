#include "sql/history_der.h"

#include <algorithm>
#include <map>

#include "base/deflate.h"

namespace ct::sql {
namespace {

constexpr std::size_t kMostTemplates = 5'000;  // in memory, 8 kB each at most

// Of the issuers asked for, those that are there.
void load_templates(Tx& tx, const Array& issuers, HistoryNumbers& numbers) {
  for (const Row row : tx.exec("SELECT issuer, der FROM history_der_template "
                               "WHERE issuer = ANY ($1::int[])",
                               {issuers.param()})) {
    numbers.templates[static_cast<std::int32_t>(row.integer("issuer"))] =
        row.bytes("der");
  }
}

// Whoever is first decides; in one order, so that two who meet do not wait for
// each other.
void make_templates(Tx& tx, const std::map<std::int32_t, ByteView>& wanted,
                    HistoryNumbers& numbers) {
  Array issuers(Array::kInteger);
  for (const auto& [issuer, der] : wanted) issuers.integer(issuer);
  load_templates(tx, issuers, numbers);
  Array missing(Array::kInteger), ders(Array::kBytea);
  for (const auto& [issuer, der] : wanted) {
    if (numbers.templates.contains(issuer)) continue;
    missing.integer(issuer);
    ders.bytes(deflate_dictionary(der));
  }
  if (missing.size() == 0) return;
  tx.exec(
      "INSERT INTO history_der_template (issuer, der) "
      "SELECT * FROM unnest($1::int[], $2::bytea[]) "
      "ON CONFLICT DO NOTHING",
      {missing.param(), ders.param()});
  load_templates(tx, missing, numbers);
}

}  // namespace

void add_history_der_partitions(Tx& tx, std::span<const HistoryRow> rows) {
  std::map<int, Seconds> quarters;
  for (const auto& row : rows) {
    if (row.der.empty()) continue;
    quarters.emplace(row.draft->quarter, row.draft->not_after);
  }
  if (quarters.empty()) return;
  Array dates(Array::kTimestamptz);
  for (const auto& [quarter, date] : quarters) dates.time(date);
  tx.exec(
      "SELECT history_add_der_partition(at) "
      "FROM unnest($1::timestamptz[]) AS p (at)",
      {dates.param()});
}

void pack_history_der(Tx& tx, std::span<HistoryRow> rows,
                      HistoryNumbers& numbers) {
  std::map<std::int32_t, ByteView> wanted;
  if (numbers.templates.size() > kMostTemplates) numbers.templates.clear();
  for (const HistoryRow& row : rows) {
    if (row.der.empty() || row.der_template != 0) continue;
    if (numbers.templates.contains(row.issuer)) continue;
    wanted.emplace(row.issuer, row.der);
  }
  if (!wanted.empty()) make_templates(tx, wanted, numbers);
  for (HistoryRow& row : rows) {
    if (row.der.empty() || row.der_template != 0) continue;
    Bytes packed = deflate_against(row.der, numbers.templates.at(row.issuer));
    if (packed.size() >= row.der.size()) continue;
    row.der = std::move(packed);
    row.der_template = row.issuer;
  }
}

Result<Bytes> unpack_history_der(bool deflated, ByteView der, ByteView base) {
  if (!deflated) return Bytes(der.begin(), der.end());
  return inflate_against(der, base, kMostHistoryDer);
}

void put_history_der(CopyRows& out, const HistoryRow& row) {
  out.integer(row.id);
  out.time(row.draft->not_after);
  out.integer(row.der_template);
  out.bytes(row.der);
}

void replace_history_der(Tx& tx, const std::string& partition,
                         std::span<const HistoryRow* const> rows) {
  if (rows.empty()) return;
  Array ids(Array::kBigint), ends(Array::kTimestamptz);
  Array templates(Array::kInteger), ders(Array::kBytea);
  for (const HistoryRow* row : rows) {
    ids.integer(row->id);
    ends.time(row->draft->not_after);
    templates.integer(row->der_template);
    ders.bytes(row->der);
  }
  tx.exec("INSERT INTO history_der_" + partition +
              " (id, not_after, template, der) "
              "SELECT i, e, t, d FROM unnest($1::bigint[], "
              "$2::timestamptz[], $3::int[], $4::bytea[]) AS n (i, e, t, d) "
              "ON CONFLICT (id, not_after) DO UPDATE SET "
              "template = excluded.template, der = excluded.der",
          {ids.param(), ends.param(), templates.param(), ders.param()});
}

}  // namespace ct::sql
