#include "sql/alert_rows.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/hex.h"

namespace ct::sql {
namespace {

using alerts::Alert;
using alerts::CertificateFacts;
using alerts::Sighting;

std::string scts_json(const CertificateFacts& facts) {
  auto out = nlohmann::json::array();
  for (const auto& sct : facts.scts) {
    out.push_back({{"log_id", to_hex(sct.log_id)},
                   {"log", storable_text(sct.log)},
                   {"timestamp", sct.timestamp},
                   {"result", storable_text(sct.result)}});
  }
  return out.dump();
}

std::vector<alerts::SctCheck> parse_scts(const std::string& text) {
  std::vector<alerts::SctCheck> out;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return out;
  for (const auto& sct : json) {
    out.push_back({hash_from_hex(sct.value("log_id", "")).value_or(Hash{}),
                   sct.value("log", ""), sct.value("timestamp", Millis{0}),
                   sct.value("result", "")});
  }
  return out;
}

Bytes join(const std::vector<Hash>& hashes) {
  Bytes out;
  for (const Hash& h : hashes) put_bytes(out, h);
  return out;
}

std::vector<Hash> split(const Bytes& bytes) {
  std::vector<Hash> out;
  ByteReader reader(bytes);
  while (const auto h = reader.hash()) out.push_back(*h);
  return out;
}

Param or_null(const Bytes& b) { return b.empty() ? Param(nullptr) : Param(b); }

// An X.509 entry holds the final certificate itself.
bool is_final(const Alert& alert) {
  return alert.certificate && !alert.certificate->der.empty() &&
         std::any_of(alert.sightings.begin(), alert.sightings.end(),
                     [](const Sighting& s) {
                       return s.entry_type == ctlog::EntryType::kX509;
                     });
}

CertificateFacts read_facts(const Row& row) {
  CertificateFacts c;
  c.der = row.bytes("der");
  c.tbs = row.bytes("tbs");
  c.sha256 = row.maybe_hash("cert_sha256");
  c.tbs_sha256 = row.hash("tbs_sha256");
  c.issuer = row.text("issuer");
  c.issuer_name = row.text("issuer_name");
  c.issuer_spki_sha256 = row.maybe_hash("issuer_spki_sha256");
  c.subject = row.text("subject");
  c.serial = row.text("serial");
  c.not_before = row.integer("not_before_ms") / 1000;
  c.not_after = row.integer("not_after_ms") / 1000;
  c.spki_sha256 = row.hash("spki_sha256");
  c.key = row.text("key_description");
  c.all_names = row.texts("all_names");
  c.scts = parse_scts(row.text("scts"));
  c.notes = row.texts("cert_notes");
  return c;
}

Alert read_alert(const Row& row) {
  const auto state = alerts::parse_alert_state(row.text("state"));
  const auto severity = alerts::parse_severity(row.text("severity"));
  if (!state || !severity) {
    throw SqlError{
        {Errc::kInternal, "alert " + row.text("id") + " has an unknown state"},
        ""};
  }
  Alert a;
  a.id = row.text("id");
  a.state = *state;
  a.severity = *severity;
  a.kind = row.text("kind");
  a.title = row.text("title");
  a.reason = row.text("reason");
  a.note = row.text("note");
  a.created = row.integer("created_ms");
  a.updated = row.integer("updated_ms");
  a.watch_id = row.text("watch_id");
  a.watch = row.text("watch");
  a.tags = row.texts("tags");
  a.names = row.texts("names");
  a.log_id = row.maybe_hash("log_id");
  a.log = row.text("log");
  a.evidence = row.text("evidence");
  if (!row.is_null("tbs_sha256")) a.certificate = read_facts(row);
  return a;
}

void read_sightings(Tx& tx, std::vector<Alert>& alerts) {
  std::vector<std::string> ids;
  std::map<std::string_view, Alert*> by_id;
  for (Alert& a : alerts) {
    ids.push_back(a.id);
    by_id[a.id] = &a;
  }
  if (ids.empty()) return;
  for (const Row row :
       tx.exec("SELECT * FROM alert_sighting WHERE alert_id = ANY ($1) ORDER "
               "BY alert_id, timestamp_ms, log_id, leaf_index",
               {ids})) {
    Sighting s;
    s.log_id = row.hash("log_id");
    s.log = row.text("log");
    s.leaf_index = row.count("leaf_index");
    s.timestamp = row.integer("timestamp_ms");
    s.entry_type = row.text("entry_type") == "precert"
                       ? ctlog::EntryType::kPrecert
                       : ctlog::EntryType::kX509;
    s.leaf_hash = row.hash("leaf_hash");
    s.tree_size = row.count("tree_size");
    s.root = row.hash("root");
    s.inclusion_proof = split(row.bytes("inclusion_proof"));
    by_id.at(row.text("alert_id"))->sightings.push_back(std::move(s));
  }
}

std::vector<Param> certificate_params(const Alert& alert) {
  if (!alert.certificate) return std::vector<Param>(17, Param(nullptr));
  const CertificateFacts& c = *alert.certificate;
  return {c.tbs_sha256,
          c.sha256,
          is_final(alert),
          or_null(c.der),
          or_null(c.tbs),
          c.issuer,
          c.issuer_name,
          c.issuer_spki_sha256,
          c.subject,
          c.serial,
          storable_time(c.not_before * 1000),
          storable_time(c.not_after * 1000),
          c.spki_sha256,
          c.key,
          c.all_names,
          scts_json(c),
          c.notes};
}

}  // namespace

std::vector<Alert> read_alerts(Tx& tx, const std::string& condition,
                               const std::vector<Param>& params) {
  static const std::string columns =
      "SELECT id, state, severity, kind, title, reason, note, " CT_MILLIS(
          "created_at") " AS created_ms, " CT_MILLIS(
          "updated_at") " AS updated_ms, watch_id, watch, tags, names, "
      "log_id, log, evidence, tbs_sha256, cert_sha256, der, tbs, issuer, "
      "issuer_name, issuer_spki_sha256, subject, serial, " CT_MILLIS(
          "not_before") " AS not_before_ms, " CT_MILLIS(
          "not_after") " AS not_after_ms, spki_sha256, key_description, "
      "all_names, scts, cert_notes FROM alert ";
  std::vector<Alert> alerts;
  for (const Row row : tx.exec(columns + condition, params)) {
    alerts.push_back(read_alert(row));
  }
  read_sightings(tx, alerts);
  return alerts;
}

bool insert_alert(Tx& tx, const Alert& a) {
  std::vector<Param> params{a.id,
                            to_string(a.state),
                            to_string(a.severity),
                            a.kind,
                            a.title,
                            a.reason,
                            a.note,
                            a.watch_id,
                            a.watch,
                            a.tags,
                            a.names,
                            a.log_id,
                            a.log,
                            a.evidence};
  for (Param& p : certificate_params(a)) params.push_back(std::move(p));
  return tx
             .exec("INSERT INTO alert (id, state, severity, kind, title, "
                   "reason, note, watch_id, watch, tags, names, log_id, log, "
                   "evidence, tbs_sha256, cert_sha256, cert_is_final, der, "
                   "tbs, issuer, issuer_name, issuer_spki_sha256, subject, "
                   "serial, not_before, not_after, spki_sha256, "
                   "key_description, all_names, scts, cert_notes) VALUES ($1, "
                   "$2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, "
                   "$15, $16, coalesce($17, false), $18, $19, $20, $21, $22, "
                   "$23, $24, " CT_TIME("$25") ", " CT_TIME("$26") ", $27, "
                   "$28, $29, $30, $31) ON CONFLICT (id) DO NOTHING",
                   params)
             .affected() == 1;
}

void complete_alert(Tx& tx, const Alert& alert) {
  if (!alert.certificate) return;
  std::vector<Param> params{alert.id};
  for (Param& p : certificate_params(alert)) params.push_back(std::move(p));
  // The issuance is the same, so what is not named here is the same too.
  tx.exec("UPDATE alert SET updated_at = clock_timestamp(), "
          "tbs_sha256 = $2, "
          "cert_sha256 = coalesce($3, cert_sha256), "
          "cert_is_final = cert_is_final OR $4, "
          "der = coalesce($5, der), tbs = coalesce(tbs, $6), "
          "issuer = $7, issuer_name = $8, "
          "issuer_spki_sha256 = coalesce($9, issuer_spki_sha256), "
          "subject = $10, serial = $11, not_before = " CT_TIME("$12") ", "
          "not_after = " CT_TIME("$13") ", spki_sha256 = $14, "
          "key_description = $15, all_names = $16, scts = $17, "
          "cert_notes = coalesce(cert_notes, '{}') || ARRAY(SELECT n FROM "
          "unnest($18::text[]) n WHERE n <> ALL (coalesce(cert_notes, '{}'))) "
          "WHERE id = $1 AND $5::bytea IS NOT NULL AND (der IS NULL OR ($4 AND "
          "NOT cert_is_final))",
          params);
}

void insert_sightings(Tx& tx, const Alert& alert) {
  for (const Sighting& s : alert.sightings) {
    tx.exec(
        "INSERT INTO alert_sighting (alert_id, log_id, leaf_index, log, "
        "timestamp_ms, entry_type, leaf_hash, tree_size, root, "
        "inclusion_proof) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT DO NOTHING",
        {alert.id, s.log_id, s.leaf_index, s.log, s.timestamp,
         s.entry_type == ctlog::EntryType::kPrecert ? "precert" : "x509",
         s.leaf_hash, s.tree_size, s.root, join(s.inclusion_proof)});
  }
}

}  // namespace ct::sql
