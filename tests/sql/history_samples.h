// Entries for history, and a naive model of what it holds.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>

#include "base/hex.h"
#include "base/sha256.h"
#include "sql/history.h"
#include "sql/history_key.h"
#include "sql/tx.h"
#include "tests/sql/samples.h"
#include "tests/support/test_postgres.h"

namespace ct::test {

inline Hash hash_of_text(const std::string& text) {
  return sha256(as_bytes(text));
}

inline sql::HistoryEntry final_entry(unsigned n, std::uint8_t log,
                                     std::uint64_t index) {
  const std::string s = std::to_string(n);
  sql::HistoryEntry e;
  e.log_id = hash_of(log);
  e.leaf_index = index;
  e.timestamp = 1'700'000'000'000 + static_cast<Millis>(index % 1'000'000);
  e.tbs_sha256 = hash_of_text("tbs" + s);
  e.sha256 = hash_of_text("final" + s);
  e.spki_sha256 = hash_of_text("spki" + s);
  e.issuer = "CN=CA";
  e.serial = "0a" + to_hex(Bytes{static_cast<std::uint8_t>(n)});
  e.organization = "Org " + s;
  e.not_before = 1'700'000'000;
  e.not_after = 1'800'000'000;
  e.names = {"c" + s + ".example", "www.c" + s + ".example"};
  return e;
}

inline sql::HistoryEntry precert_entry(unsigned n, std::uint8_t log,
                                       std::uint64_t index) {
  auto e = final_entry(n, log, index);
  e.type = ctlog::EntryType::kPrecert;
  e.sha256 = hash_of_text("precert" + std::to_string(n));
  e.issuer_spki_sha256 = hash_of(0xee);
  return e;
}

// One of few issuances, so that they meet; what follows from the TBS is the
// same each time, the rest is not.
inline sql::HistoryEntry random_entry(std::mt19937& random) {
  const auto below = [&](unsigned n) {
    return static_cast<unsigned>(random() % n);
  };
  const unsigned n = below(60);
  auto e = below(2) == 0 ? final_entry(n, 1, 0) : precert_entry(n, 1, 0);
  e.log_id = hash_of(static_cast<std::uint8_t>(1 + below(6)));
  e.leaf_index = below(40);
  e.timestamp = 1'700'000'000'000 + below(3);
  e.issuer = "CN=CA " + std::to_string(n % 4);
  if (e.issuer_spki_sha256) {
    e.issuer_spki_sha256 = hash_of(static_cast<std::uint8_t>(n % 4));
  }
  // Two signatures over one TBS.
  if (below(10) == 0) e.sha256[0] ^= 0x80;
  std::mt19937 fixed(n);
  e.not_after = 1'700'000'000 + static_cast<Seconds>(fixed() % 5) * 5'000'000 -
                (n % 20 == 0 ? 1'000'000'000 : 0);
  e.names.clear();
  for (unsigned k = 0; k < fixed() % 6; ++k) {
    constexpr const char* kNames[] = {
        "a.example",   "*.a.example",  "b.a.example", "c.example",
        "192.0.2.1",   "me@a.example", "x y.example", "d.org",
        "2001:db8::1", "A.Example"};
    e.names.emplace_back(kNames[fixed() % std::size(kNames)]);
  }
  return e;
}

// What history must hold, by the rules and nothing else.
class HistoryModel {
 public:
  void add(const sql::HistoryEntry& e) {
    Certificate& c = certificates_[to_hex(e.tbs_sha256)];
    const auto names = sql::encode_history_names(e.names);
    c.roots = names.roots;
    const auto decoded = sql::decode_history_names(
        names.roots.empty() ? "" : names.roots[0], names.names);
    c.rest.clear();
    for (const auto& name : decoded) c.rest += name + " ";
    c.rest += "| " + std::to_string(e.not_before) + " " +
              std::to_string(e.not_after) + " " + e.organization + " " +
              e.serial + " " + to_hex(e.spki_sha256).substr(0, 32);
    const bool final = e.type == ctlog::EntryType::kX509;
    (final ? c.finals : c.precerts).insert(to_hex(e.sha256));
    c.issuers.emplace(e.issuer_spki_sha256 ? to_hex(*e.issuer_spki_sha256) : "",
                      e.issuer);
    c.sightings.insert(std::to_string(e.timestamp) + "," + to_hex(e.log_id) +
                       "," + std::to_string(e.leaf_index) + "," +
                       (final ? "f" : "t"));
  }

  // As history_dump() gives it.
  [[nodiscard]] std::string dump() const {
    std::set<std::string> lines;
    for (const auto& [tbs, c] : certificates_) {
      std::string line = c.rest + " ";
      line += c.finals.empty() ? *c.precerts.begin() + " f"
                               : *c.finals.begin() + " t";
      line +=
          " " + c.issuers.rbegin()->second + " " + c.issuers.rbegin()->first;
      std::set<std::string> roots;
      for (const auto& r : c.roots) roots.insert(r);
      for (const auto& r : roots) line += " [" + r + "]";
      for (const auto& s : c.sightings) line += " " + s;
      lines.insert(line);
    }
    std::string out;
    for (const auto& line : lines) out += line + "\n";
    return out;
  }

 private:
  struct Certificate {
    std::vector<std::string> roots;
    std::string rest;
    std::set<std::string> finals, precerts, sightings;
    std::set<std::pair<std::string, std::string>> issuers;
  };
  std::map<std::string, Certificate> certificates_;
};

// All of history, one line for each row, in order.
inline std::string history_dump(const TestDatabase& database) {
  const auto lines = database.run(
      "SELECT coalesce(string_agg(line || E'\\n', '' ORDER BY line), '') FROM ("
      "SELECT concat_ws(' ', array_to_string(c.names, ' ') || "
      "CASE WHEN c.names = '{}' THEN '' ELSE ' ' END || '|', "
      "extract(epoch FROM c.not_before)::bigint, "
      "extract(epoch FROM c.not_after)::bigint, c.organization, c.serial, "
      "c.spki, c.sha256, c.final, c.issuer, c.issuer_spki_sha256) || "
      "coalesce((SELECT string_agg(' [' || root || ']', '' ORDER BY root) "
      "FROM (SELECT c.key WHERE c.key <> '' UNION SELECT r.domain FROM "
      "history_root r WHERE r.main = c.key AND r.not_after = c.not_after AND "
      "r.id = c.id) AS r (root)), '') || "
      "(SELECT string_agg(' ' || s, '' ORDER BY s) FROM (SELECT concat_ws(',', "
      "floor(extract(epoch FROM logged_at) * 1000)::bigint, log_id, "
      "leaf_index, "
      "precert) FROM certificate_sightings s WHERE s.key = c.key AND "
      "s.not_after = c.not_after AND s.id = c.id) AS s (s)) "
      "COLLATE \"C\" AS line FROM certificates c) AS lines");
  return lines;
}

}  // namespace ct::test
