#include <set>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/alert_rows.h"
#include "sql/findings.h"
#include "sql/outbox.h"
#include "sql/watch_rows.h"
#include "sql/watches.h"

namespace ct::sql {
namespace {

using alerts::Alert;
using alerts::Expectation;

void explain(Tx& tx, const Alert& alert, const Expectation& e) {
  tx.exec(
      "UPDATE alert SET state = 'expected', note = $2, updated_at = "
      "clock_timestamp() WHERE id = $1",
      {alert.id, e.note.empty() ? std::string("registered by its owner")
                                : "registered by its owner: " + e.note});
  enqueue_resolved(tx, alert.id, true);
}

}  // namespace

std::string expectation_id(const Expectation& e) {
  const bool tbs = e.kind == Expectation::Kind::kTbs;
  Bytes all;
  all.push_back(tbs ? 0 : 1);
  put_bytes(all, e.value);
  // A set: a request may list its names in another order each time.
  for (const auto& name : std::set(e.names.begin(), e.names.end())) {
    put_bytes(all, as_bytes(std::to_string(name.size()) + ':' + name));
  }
  return (tbs ? "tbs-" : "spki-") + to_hex(sha256(all)).substr(0, 24);
}

std::vector<Expectation> read_expectations(Tx& tx, const std::string& condition,
                                           const std::vector<Param>& params) {
  std::vector<Expectation> out;
  for (const Row row :
       tx.exec("SELECT id, kind, value, names, note, " CT_MILLIS(
                   "created_at") " AS created_ms FROM expectation " +
                   condition,
               params)) {
    Expectation e;
    e.id = row.text("id");
    e.kind = row.text("kind") == "tbs" ? Expectation::Kind::kTbs
                                       : Expectation::Kind::kSpki;
    e.value = row.hash("value");
    e.names = row.texts("names");
    e.note = row.text("note");
    e.created = row.integer("created_ms");
    out.push_back(std::move(e));
  }
  return out;
}

Result<std::vector<Expectation>> load_expectations(Database& db) {
  std::vector<Expectation> out;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    out = read_expectations(tx, "ORDER BY created_at, id", {});
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return out;
}

Result<std::vector<std::string>> put_expectation(
    Database& db, const Expectation& expectation) {
  std::vector<std::string> explained;
  const std::string id = expectation_id(expectation);
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    explained.clear();
    // First of all: from here on no finding is stored until we are done.
    bump_generation(tx);
    tx.exec(
        "INSERT INTO expectation (id, kind, value, names, note) VALUES "
        "($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET note = "
        "excluded.note",
        {id, expectation.kind == Expectation::Kind::kTbs ? "tbs" : "spki",
         expectation.value, expectation.names, expectation.note});
    for (const Alert& alert :
         read_alerts(tx,
                     "WHERE state IN ('open', 'acknowledged') AND "
                     "(tbs_sha256 = $1 OR spki_sha256 = $1) ORDER BY id FOR "
                     "UPDATE",
                     {expectation.value})) {
      if (!alert.certificate || !explains(expectation, *alert.certificate)) {
        continue;
      }
      explain(tx, alert, expectation);
      explained.push_back(alert.id);
    }
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return explained;
}

Result<bool> remove_expectation(Database& db, std::string_view id) {
  bool removed = false;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    removed =
        tx.exec("DELETE FROM expectation WHERE id = $1", {id}).affected() == 1;
    if (removed) bump_generation(tx);
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return removed;
}

}  // namespace ct::sql
