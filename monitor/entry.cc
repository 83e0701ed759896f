#include "monitor/entry.h"

#include "base/base64.h"
#include "base/log.h"
#include "sql/logs.h"

namespace ct::monitor {
namespace {

Bytes copied(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

Bytes submitted_certificate(const Candidate& candidate,
                            const ctlog::Leaf& leaf) {
  if (leaf.type == ctlog::EntryType::kX509) return copied(leaf.certificate);
  if (!candidate.precertificate.empty()) return candidate.precertificate;
  const auto bytes = from_base64(candidate.extra_b64);
  if (!bytes) return {};
  const auto extra = ctlog::parse_extra_data(leaf.type, *bytes);
  return extra ? copied(extra->precertificate) : Bytes();
}

Task<MatchedEntry> complete_entry(EntryOrigin origin,
                                  const Candidate& candidate) {
  MatchedEntry entry;
  entry.leaf_bytes = candidate.leaf;
  entry.matches = candidate.matches;
  entry.malformed = !candidate.malformed.empty();
  entry.malformed_why = candidate.malformed;
  const auto leaf = ctlog::parse_leaf(candidate.leaf);
  if (!leaf) co_return entry;
  entry.leaf = *leaf;
  entry.certificate = submitted_certificate(candidate, *leaf);
  if (origin.kind == ctlog::LogKind::kStatic) {
    if (!candidate.chain_fingerprints.empty()) {
      auto der = co_await issuer_certificate(
          origin, candidate.chain_fingerprints.front(), /*keep=*/true);
      if (der) entry.chain.push_back(std::move(*der));
    }
    co_return entry;
  }
  const auto bytes = from_base64(candidate.extra_b64);
  if (!bytes) co_return entry;
  const auto extra = ctlog::parse_extra_data(leaf->type, *bytes);
  if (!extra) co_return entry;
  for (const auto& der : extra->chain) entry.chain.push_back(copied(der));
  co_return entry;
}

Task<Result<Bytes>> issuer_certificate(EntryOrigin origin, Hash fingerprint,
                                       bool keep) {
  auto looking = origin.store.run([fingerprint](sql::Database& db) {
    return sql::load_issuer(db, fingerprint);
  });
  auto kept = co_await looking;
  if (kept && *kept) co_return std::move(**kept);
  auto der = co_await origin.source.issuer(fingerprint);
  if (!der) {
    log_warning("issuer certificate cannot be had",
                {{"log", origin.log}, {"error", der.error().what}});
    co_return der;
  }
  if (!keep) co_return der;
  auto storing =
      origin.store.run([fingerprint, bytes = *der](sql::Database& db) {
        return sql::store_issuer(db, fingerprint, bytes);
      });
  const auto stored = co_await storing;
  // Not kept this time: it is fetched again when next needed.
  if (!stored) log_debug("issuer not stored", {{"error", stored.error().what}});
  co_return der;
}

}  // namespace ct::monitor
