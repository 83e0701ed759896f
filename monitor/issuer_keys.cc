#include "monitor/issuer_keys.h"

#include "base/sha256.h"
#include "x509/certificate.h"
#include "x509/precert.h"

namespace ct::monitor {

std::optional<Hash> IssuerKeys::find(const Hash& sha256) {
  const std::lock_guard lock(mutex_);
  if (const auto it = young_.find(sha256); it != young_.end()) {
    return it->second;
  }
  const auto it = old_.find(sha256);
  if (it == old_.end()) return std::nullopt;
  const Hash key = it->second;
  keep(sha256, key);
  return key;
}

void IssuerKeys::remember(const Hash& sha256, const Hash& key) {
  const std::lock_guard lock(mutex_);
  keep(sha256, key);
}

std::optional<Hash> IssuerKeys::find_or_read(ByteView der) {
  const Hash fingerprint = sha256(der);
  if (const auto known = find(fingerprint)) return known;
  const auto certificate = x509::parse_certificate(der);
  if (!certificate) return std::nullopt;
  const Hash key = x509::spki_sha256(*certificate);
  const std::lock_guard lock(mutex_);
  missing_.erase(fingerprint);
  keep(fingerprint, key);
  return key;
}

void IssuerKeys::set_missing(const Hash& fingerprint, Millis until) {
  const std::lock_guard lock(mutex_);
  if (missing_.size() >= kMost) missing_.clear();
  missing_[fingerprint] = until;
}

bool IssuerKeys::is_missing(const Hash& fingerprint, Millis now) {
  const std::lock_guard lock(mutex_);
  const auto it = missing_.find(fingerprint);
  return it != missing_.end() && now < it->second;
}

void IssuerKeys::keep(const Hash& sha256, const Hash& key) {
  if (young_.size() >= kMost) {
    old_ = std::move(young_);
    young_.clear();
  }
  young_.emplace(sha256, key);
}

}  // namespace ct::monitor
