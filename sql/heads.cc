// Evidence: the heads that logs have signed, and issuer certificates.
#include "sql/logs.h"
#include "sql/tx.h"

namespace ct::sql {

// A head that was thinned out (sql/maintenance.h) cannot contradict any more;
// that a later one contains it was proven before.
Result<HeadRecord> record_head(Database& db, const Hash& log_id,
                               const ctlog::SignedTreeHead& sth) {
  HeadRecord record;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    record = {};
    record.is_new =
        tx.exec(
              "INSERT INTO log_head (log_id, tree_size, timestamp_ms, root, "
              "signature, wire) VALUES ($1, $2, $3, $4, $5, $6) "
              "ON CONFLICT DO NOTHING",
              {log_id, sth.size, sth.timestamp, sth.root, sth.signature,
               as_bytes(sth.wire)})
            .affected() == 1;
    const Rows others = tx.exec(
        "SELECT timestamp_ms, root, signature, wire FROM log_head WHERE log_id "
        "= $1 AND tree_size = $2 AND root <> $3 ORDER BY seen_at, "
        "timestamp_ms, root LIMIT 1",
        {log_id, sth.size, sth.root});
    if (others.empty()) return {};
    const Row row = others[0];
    const Bytes wire = row.bytes("wire");
    record.contradiction = ctlog::SignedTreeHead{
        sth.size, row.integer("timestamp_ms"), row.hash("root"),
        row.bytes("signature"), std::string(as_text(wire))};
    tx.exec(
        "UPDATE log_head SET contradicted = true WHERE log_id = $1 AND "
        "tree_size = $2 AND NOT contradicted",
        {log_id, sth.size});
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return record;
}

Result<void> record_cosignature(Database& db, const Hash& log_id,
                                const ctlog::SignedTreeHead& sth,
                                std::string_view witness, Seconds timestamp) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec(
        "INSERT INTO head_cosignature AS c (log_id, tree_size, root, "
        "witness, cosigned_s) VALUES ($1, $2, $3, $4, $5) ON CONFLICT "
        "(log_id, tree_size, root, witness) DO UPDATE SET cosigned_s = "
        "excluded.cosigned_s WHERE c.cosigned_s < excluded.cosigned_s",
        {log_id, sth.size, sth.root, witness, timestamp});
    return {};
  });
}

Result<std::optional<Bytes>> load_issuer(Database& db,
                                         const Hash& fingerprint) {
  std::optional<Bytes> der;
  auto done = db.transact([&](Tx& tx) -> Result<void> {
    der.reset();
    const Rows rows =
        tx.exec("SELECT der FROM issuer WHERE fingerprint = $1", {fingerprint});
    if (!rows.empty()) der = rows[0].bytes("der");
    return {};
  });
  if (!done) return tl::unexpected(done.error());
  return der;
}

Result<void> store_issuer(Database& db, const Hash& fingerprint, ByteView der) {
  return db.transact([&](Tx& tx) -> Result<void> {
    tx.exec(
        "INSERT INTO issuer (fingerprint, der) VALUES ($1, $2) ON CONFLICT "
        "DO NOTHING",
        {fingerprint, der});
    return {};
  });
}

}  // namespace ct::sql
