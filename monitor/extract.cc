#include "monitor/extract.h"

#include <algorithm>
#include <iterator>

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

// The exact answer, for an entry whose names may match. A certificate with
// names that could not be read is searched as bytes besides.
void match_closely(Candidate& c, const ctlog::Leaf& leaf,
                   const Watchlist& watchlist) {
  const auto certificate = leaf.type == ctlog::EntryType::kPrecert
                               ? x509::parse_tbs(leaf.certificate)
                               : x509::parse_certificate(leaf.certificate);
  if (!certificate) {
    c.malformed = certificate.error().what;
    watchlist.match_bytes(leaf.certificate, c.matches);
    return;
  }
  for (const auto& name : certificate->names) {
    watchlist.match(name, c.matches);
  }
  if (!certificate->names_incomplete) return;
  // Watches that the readable names did not reach.
  std::vector<NameMatch> hidden;
  watchlist.match_bytes(leaf.certificate, hidden);
  std::erase_if(hidden, [&](const NameMatch& h) {
    return std::ranges::any_of(
        c.matches, [&](const NameMatch& m) { return m.watch == h.watch; });
  });
  if (!hidden.empty() && c.matches.empty()) {
    c.malformed = "a part that holds names does not parse";
  }
  c.matches.insert(c.matches.end(), std::make_move_iterator(hidden.begin()),
                   std::make_move_iterator(hidden.end()));
}

}  // namespace

Extract extract(ctlog::EntryPage page, const Watchlist& watchlist) {
  Extract out;
  out.first = page.first;
  out.wire_bytes = page.wire_bytes;
  for (std::size_t i = 0; i < page.entries.size(); ++i) {
    const auto leaf = ctlog::parse_leaf(page.entries[i].leaf);
    if (!leaf) {
      ++out.malformed;
      Candidate c = copy_entry(page, i);
      c.malformed = leaf.error().what;
      watchlist.match_bytes(page.entries[i].leaf, c.matches);
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
    match_closely(c, *leaf, watchlist);
    if (!c.matches.empty()) out.candidates.push_back(std::move(c));
  }
  out.leaf_hashes = std::move(page.leaf_hashes);
  return out;
}

}  // namespace ct::monitor
