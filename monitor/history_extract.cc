#include "monitor/history_extract.h"

#include <algorithm>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/certificate_facts.h"
#include "x509/names.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

using ctlog::EntryType;

// The first element of extra_data (RFC 6962, section 4.6): a length of three
// bytes, and the precertificate. Only that much is decoded.
std::optional<Bytes> precertificate_in(std::string_view extra_b64) {
  const auto head = from_base64(extra_b64.substr(0, 4));
  if (!head) return std::nullopt;
  const auto size = ByteReader(*head).uint(3);
  if (!size) return std::nullopt;
  const std::size_t digits = (3 + *size + 2) / 3 * 4;
  if (digits > extra_b64.size()) return std::nullopt;
  auto bytes = from_base64(extra_b64.substr(0, digits));
  if (!bytes || bytes->size() < 3 + *size) return std::nullopt;
  bytes->resize(3 + *size);
  bytes->erase(bytes->begin(), bytes->begin() + 3);
  return std::move(*bytes);
}

// The hash of the certificate; of the precertificate, or its TBS where the log
// does not give it.
void hash_certificate(const ctlog::RawEntry& raw, const ctlog::Leaf& leaf,
                      bool with_der, sql::HistoryEntry& out) {
  ByteView der = leaf.certificate;
  std::optional<Bytes> decoded;
  bool whole = true;
  if (leaf.type == EntryType::kPrecert) {
    if (!raw.precertificate.empty()) {
      der = raw.precertificate;
    } else if (decoded = precertificate_in(raw.extra_b64); decoded) {
      der = *decoded;
    } else {
      whole = false;
    }
  }
  out.sha256 = sha256(der);
  if (with_der && whole) out.der.assign(der.begin(), der.end());
}

void fill_in(const x509::Certificate& certificate, sql::HistoryEntry& out) {
  out.spki_sha256 = x509::spki_sha256(certificate);
  out.issuer = x509::format_name(certificate.issuer);
  out.serial = to_hex(certificate.serial);
  out.organization = x509::organization(certificate.subject);
  out.not_before = certificate.not_before;
  out.not_after = certificate.not_after;
  out.names = identities(certificate.names);
}

sql::HistoryEntry read_entry(const ctlog::RawEntry& raw, bool with_der) {
  sql::HistoryEntry out;
  const auto leaf = ctlog::parse_leaf(raw.leaf);
  if (!leaf) {
    out.tbs_sha256 = out.sha256 = sha256(raw.leaf);
    out.names = x509::names_in_bytes(raw.leaf);
    return out;
  }
  out.timestamp = leaf->timestamp;
  out.type = leaf->type;
  hash_certificate(raw, *leaf, with_der, out);
  out.tbs_sha256 = sha256(leaf->certificate);
  if (leaf->type == EntryType::kPrecert) {
    out.issuer_spki_sha256 = leaf->issuer_key_hash;
  } else if (const auto tbs = x509::log_tbs(leaf->certificate)) {
    out.tbs_sha256 = sha256(*tbs);
  }
  const auto certificate = leaf->type == EntryType::kPrecert
                               ? x509::parse_tbs(leaf->certificate)
                               : x509::parse_certificate(leaf->certificate);
  if (certificate) {
    fill_in(*certificate, out);
  } else {
    out.names = x509::names_in_bytes(leaf->certificate);
  }
  return out;
}

}  // namespace

std::vector<sql::HistoryEntry> history_entries(const ctlog::EntryPage& page,
                                               const Hash& log_id,
                                               bool with_der) {
  std::vector<sql::HistoryEntry> out;
  out.reserve(page.entries.size());
  for (const auto& raw : page.entries) {
    out.push_back(read_entry(raw, with_der));
    out.back().log_id = log_id;
    out.back().leaf_index = page.first + out.size() - 1;
  }
  return out;
}

std::size_t history_bytes(const sql::HistoryEntry& entry) {
  std::size_t n = sizeof entry + entry.issuer.size() + entry.serial.size() +
                  entry.organization.size() + entry.der.size();
  for (const auto& name : entry.names) n += sizeof name + name.size();
  return n;
}

}  // namespace ct::monitor
