// Logs, positions and findings for the tests of this room.
#pragma once

#include <string>

#include "sql/alerts.h"
#include "sql/logs.h"

namespace ct::test {

inline Hash hash_of(std::uint8_t n) {
  Hash h{};
  h.fill(n);
  return h;
}

inline ctlog::LogInfo log_info_of(std::uint8_t n) {
  ctlog::LogInfo info;
  info.log_id = hash_of(n);
  info.description = "Log " + std::to_string(n);
  info.operator_name = "Operator";
  info.key = {1, 2, n};
  info.submission_url = "https://log.example/" + std::to_string(n) + "/";
  info.monitoring_url = info.submission_url;
  info.state = ctlog::LogState::kUsable;
  info.state_since = 1'700'000'000'000;
  return info;
}

inline ctlog::LogList list_of(std::initializer_list<std::uint8_t> numbers) {
  ctlog::LogList list;
  for (const auto n : numbers) list.logs.push_back(log_info_of(n));
  return list;
}

// The position after `size` leaves, leaf i hashing to i.
inline sql::Position position_at(std::uint64_t size, std::uint64_t start = 0) {
  sql::Position p;
  for (std::uint64_t i = 0; i < size; ++i) {
    p.range.append(hash_of(static_cast<std::uint8_t>(i)));
  }
  p.start = start;
  p.head_size = size + 10;
  p.head_timestamp = 1'800'000'000'123;
  p.head_root = hash_of(9);
  p.newest_entry = 1'800'000'000'001;
  p.verified_at = 1'800'000'000'777;
  return p;
}

inline alerts::Sighting sighting_of(std::uint8_t log, std::uint64_t index,
                                    ctlog::EntryType type) {
  alerts::Sighting s;
  s.log_id = hash_of(log);
  s.log = "Log " + std::to_string(log);
  s.leaf_index = index;
  s.timestamp = 1'800'000'000'001;
  s.entry_type = type;
  s.leaf_hash = hash_of(0x11);
  s.tree_size = index + 5;
  s.root = hash_of(9);
  s.inclusion_proof = {hash_of(0x21), hash_of(0x22)};
  return s;
}

// The precertificate of issuance `n`, logged in log 1 at index `n`.
inline alerts::Finding finding_of(std::uint8_t n,
                                  std::string watch_id = "watch") {
  alerts::Finding f;
  auto& a = f.alert;
  a.id = alerts::certificate_alert_id(watch_id, hash_of(n));
  a.kind = alerts::kind::kUnexpectedCertificate;
  a.severity = alerts::Severity::kHigh;
  a.title = "unexpected certificate";
  a.reason = "Nobody knows it.";
  a.watch_id = std::move(watch_id);
  a.watch = "example.com";
  a.tags = {"web"};
  a.names = {"www.example.com"};
  alerts::CertificateFacts c;
  c.tbs_sha256 = hash_of(n);
  c.tbs = {0x30, n};
  c.issuer = "C=US, O=CA";
  c.issuer_name = "CA";
  c.issuer_spki_sha256 = hash_of(0x31);
  c.subject = "CN=www.example.com";
  c.serial = "0a";
  c.not_before = 1'700'000'000;
  c.not_after = 1'800'000'000;
  c.spki_sha256 = hash_of(static_cast<std::uint8_t>(0x80 + n));
  c.key = "EC P-256";
  c.all_names = {"example.com", "www.example.com"};
  c.notes = {"serial too short"};
  a.certificate = std::move(c);
  a.sightings = {sighting_of(1, n, ctlog::EntryType::kPrecert)};
  return f;
}

// Its final certificate, logged in log 2.
inline alerts::Finding final_of(std::uint8_t n,
                                std::string watch_id = "watch") {
  auto f = finding_of(n, std::move(watch_id));
  auto& c = *f.alert.certificate;
  c.der = {0x30, 0x82, n};
  c.tbs = {};
  c.sha256 = hash_of(static_cast<std::uint8_t>(0x40 + n));
  c.scts = {{hash_of(1), "Log 1", 1'800'000'000'001, "valid"}};
  c.notes = {"serial too short", "too few SCTs"};
  f.alert.sightings = {sighting_of(2, 100u + n, ctlog::EntryType::kX509)};
  return f;
}

inline alerts::Channel channel_of(const std::string& name) {
  alerts::Channel c;
  c.name = name;
  c.target = "https://hooks.example/" + name;
  c.secret = "whsec_AAAA";
  return c;
}

}  // namespace ct::test
