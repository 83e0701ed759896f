// Rows of history, put there without the way that entries take.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "sql/history.h"
#include "sql/history_key.h"
#include "sql/tx.h"
#include "tests/support/test_postgres.h"

namespace ct::test {

// Logs are those whose ids repeat one byte, their number.
inline Hash log_of(int number) {
  Hash h{};
  h.fill(static_cast<std::uint8_t>(number));
  return h;
}

// Stores `rows` as they are, `domain` and order of names apart; issuers are
// numbered anew. A row's id is its own.
inline void put_history(TestDatabase& database,
                        const std::vector<sql::HistoryCertificate>& rows) {
  using Texts = std::vector<std::string>;
  Texts issuers;
  std::set<Seconds> days;
  std::set<Hash> logs;
  const auto issuer_number = [&](sql::Tx& tx,
                                 const sql::HistoryCertificate& c) {
    const std::string spki =
        c.issuer_spki_sha256 ? to_hex(*c.issuer_spki_sha256) : "";
    const std::string key = c.issuer + '\0' + spki;
    auto at = std::ranges::find(issuers, key);
    const auto number = at - issuers.begin() + 1;
    const std::int64_t signed_number = spki.empty() ? -number : number;
    if (at == issuers.end()) {
      issuers.push_back(key);
      tx.exec("INSERT INTO history_issuer VALUES ($1, $2, decode($3, 'hex'))",
              {signed_number, c.issuer, spki});
    }
    return signed_number;
  };
  const auto done = database.db().transact([&](sql::Tx& tx) -> Result<void> {
    for (const auto& c : rows) {
      if (days.insert(c.not_after / 86'400).second) {
        tx.exec("SELECT history_add_partition(to_timestamp($1::bigint))",
                {c.not_after});
      }
      std::vector<sql::NumberedSighting> sightings;
      for (const auto& s : c.sightings) {
        tx.exec(
            "INSERT INTO history_log VALUES ($1, $2) ON CONFLICT DO "
            "NOTHING",
            {static_cast<int>(s.log_id[0]), s.log_id});
        sightings.push_back({s.timestamp, s.log_id[0],
                             s.type == ctlog::EntryType::kPrecert,
                             s.leaf_index});
      }
      const auto names = sql::encode_history_names(c.names);
      const std::string domain = names.roots.empty() ? "" : names.roots[0];
      tx.exec(
          "INSERT INTO history (id, not_after, not_before, issuer, final,"
          " domain, names, organization, serial, spki, sha256, sightings) "
          "VALUES ($1, to_timestamp($2::bigint), to_timestamp($3::bigint),"
          " $4, $5, $6, $7, $8, $9, $10, $11, $12)",
          {c.id, c.not_after, c.not_before, issuer_number(tx, c), c.final,
           domain, names.names, sql::history_organization(c.organization),
           sql::history_serial(c.serial), c.spki_sha256, c.sha256,
           sql::encode_history_sightings(sightings)});
      for (std::size_t i = 1; i < names.roots.size(); ++i) {
        tx.exec(
            "INSERT INTO history_root (id, not_after, domain, main) "
            "VALUES ($1, to_timestamp($2::bigint), $3, $4)",
            {c.id, c.not_after, names.roots[i], domain});
      }
    }
    return {};
  });
  if (!done) throw std::runtime_error(done.error().what);
  database.run("VACUUM ANALYZE history");
  database.run("VACUUM ANALYZE history_root");
}

}  // namespace ct::test
