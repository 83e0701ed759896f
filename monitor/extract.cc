#include "monitor/extract.h"

#include <algorithm>
#include <unordered_set>

#include "x509/certificate.h"

namespace ct::monitor {
namespace {

// Asks the watchlist about each name until one may match.
class AnyMatch final : public x509::NameSink {
 public:
  explicit AnyMatch(const Watchlist& watchlist) : watchlist_(watchlist) {}
  void name(const x509::Name& name) override {
    found_ = found_ || watchlist_.may_match(name);
  }
  [[nodiscard]] bool found() const { return found_; }

 private:
  const Watchlist& watchlist_;
  bool found_ = false;
};

// The exact answer, for an entry whose names may match. A certificate with
// names that could not be read is searched as bytes besides.
void match_closely(Candidate& c, const ctlog::Leaf& leaf,
                   const Watchlist& watchlist) {
  const auto certificate = leaf.type == ctlog::EntryType::kPrecert
                               ? x509::parse_tbs(leaf.certificate)
                               : x509::parse_certificate(leaf.certificate);
  if (!certificate) {
    c.malformed = certificate.error().what;
    c.matches = watchlist.match_bytes(leaf.certificate);
    return;
  }
  c.matches = watchlist.match(certificate->names);
  if (!certificate->names_incomplete) return;
  Matches hidden = watchlist.match_bytes(leaf.certificate);
  if (!hidden.empty() && c.matches.empty()) {
    c.malformed = "a part that holds names does not parse";
  }
  // Watches that the readable names did not reach.
  std::unordered_set<std::uint32_t> known;
  for (const NameMatch& m : c.matches.list) known.insert(m.watch);
  for (NameMatch& m : hidden.list) {
    if (!known.contains(m.watch)) c.matches.list.push_back(std::move(m));
  }
  // Mostly the same ones by the same names: not added up.
  if (hidden.left_out > c.matches.left_out) {
    c.matches.left_out = hidden.left_out;
    c.matches.left_out_by = std::move(hidden.left_out_by);
  }
}

}  // namespace

Candidate copy_entry(const ctlog::EntryPage& page, std::size_t i) {
  const ctlog::RawEntry& entry = page.entries[i];
  Candidate c;
  c.index = page.first + i;
  c.leaf_hash = page.leaf_hashes[i];
  c.leaf.assign(entry.leaf.begin(), entry.leaf.end());
  c.extra_b64 = entry.extra_b64;
  c.precertificate.assign(entry.precertificate.begin(),
                          entry.precertificate.end());
  for (ByteReader r(entry.chain_fingerprints); const auto h = r.hash();) {
    c.chain_fingerprints.push_back(*h);
  }
  return c;
}

void match_entry(Candidate& candidate, const Watchlist& watchlist) {
  const auto leaf = ctlog::parse_leaf(candidate.leaf);
  if (leaf) {
    match_closely(candidate, *leaf, watchlist);
    return;
  }
  candidate.malformed = leaf.error().what;
  candidate.matches = watchlist.match_bytes(candidate.leaf);
}

Extract extract(ctlog::EntryPage page, const Watchlist& watchlist) {
  Extract out;
  out.first = page.first;
  out.wire_bytes = page.wire_bytes;
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const auto leaf = ctlog::parse_leaf(page.entries[i].leaf);
    if (!leaf) {
      ++out.malformed;
      Candidate c = copy_entry(page, i);
      match_entry(c, watchlist);
      if (!c.matches.empty()) out.candidates.push_back(std::move(c));
      continue;
    }
    out.newest = std::max(out.newest, leaf->timestamp);
    AnyMatch any(watchlist);
    const bool complete = x509::scan_names(
        leaf->certificate, leaf->type == ctlog::EntryType::kPrecert, any);
    if (complete && !any.found()) continue;
    if (!complete) ++out.malformed;
    Candidate c = copy_entry(page, i);
    match_entry(c, watchlist);
    if (!c.matches.empty()) out.candidates.push_back(std::move(c));
  }
  out.leaf_hashes = std::move(page.leaf_hashes);
  return out;
}

}  // namespace ct::monitor
