#include "monitor/retro_match.h"

#include <algorithm>
#include <unordered_map>

#include "monitor/issuers.h"
#include "monitor/network.h"

namespace ct::monitor {
namespace {

using alerts::Expectation;
using alerts::Watch;
using alerts::WatchKind;
using sql::HistoryCertificate;
using sql::HistoryTerm;
using Kind = HistoryTerm::Kind;

HistoryTerm term_of(Kind kind, std::string text) {
  HistoryTerm term;
  term.kind = kind;
  term.text = std::move(text);
  return term;
}

// The second term, if there is one, is the wildcard that covers the name.
Result<std::vector<HistoryTerm>> terms_of(const Watch& watch) {
  switch (watch.kind) {
    case WatchKind::kSubtree:
    case WatchKind::kExact:
      break;
    case WatchKind::kIp: {
      const auto network = parse_network(watch.value);
      if (!network) return tl::unexpected(network.error());
      HistoryTerm term = term_of(Kind::kNetwork, {});
      term.network = network->address;
      term.prefix = network->length;
      return std::vector<HistoryTerm>{term};
    }
    case WatchKind::kEmail:
      return std::vector<HistoryTerm>{term_of(Kind::kMailDomain, watch.value)};
    case WatchKind::kOrganization:
      return std::vector<HistoryTerm>{
          term_of(Kind::kOrganization, watch.value)};
  }
  std::vector<HistoryTerm> terms = {
      term_of(watch.kind == WatchKind::kSubtree ? Kind::kBelow : Kind::kExact,
              watch.value)};
  if (const auto dot = watch.value.find('.'); dot != std::string::npos) {
    terms.push_back(term_of(Kind::kExact, '*' + watch.value.substr(dot)));
  }
  return terms;
}

bool names_any(const HistoryCertificate& c, const HistoryTerm& term) {
  return term.is_name() &&
         std::ranges::any_of(c.names, [&](const std::string& name) {
           return sql::means(term, name);
         });
}

bool has_key(const HistoryCertificate& c, const Hash& spki) {
  return c.spki_sha256.size() <= spki.size() &&
         std::ranges::equal(c.spki_sha256,
                            ByteView(spki).first(c.spki_sha256.size()));
}

std::string explain(const Expectation& e) {
  std::string what = e.kind == Expectation::Kind::kTbs
                         ? "it was registered"
                         : "a certificate for its key and names was announced";
  return e.note.empty() ? what : what + " (" + e.note + ')';
}

class Judge {
 public:
  Judge(const Watch& watch, const std::vector<Expectation>& expectations)
      : watch_(watch), expectations_(expectations) {}

  Result<void> prepare(sql::Database& db) {
    std::vector<Hash> registered;
    std::vector<const Expectation*> whose;
    for (const auto& e : expectations_) {
      if (e.kind != Expectation::Kind::kTbs) continue;
      registered.push_back(e.value);
      whose.push_back(&e);
    }
    const auto ids = sql::history_ids(db, registered);
    if (!ids) return tl::unexpected(ids.error());
    for (std::size_t i = 0; i < whose.size(); ++i) {
      registered_.emplace((*ids)[i], whose[i]);
    }
    return {};
  }

  // `covered`: it is a wildcard above the name that was found.
  [[nodiscard]] std::string explanation(const HistoryCertificate& c,
                                        bool covered) const {
    if (const auto found = registered_.find(c.id); found != registered_.end()) {
      return explain(*found->second);
    }
    for (const auto& e : expectations_) {
      if (announces(e, c)) return explain(e);
    }
    if (std::ranges::any_of(watch_.allowed_spkis, [&](const Hash& spki) {
          return has_key(c, spki);
        })) {
      return "its key is one of those known as ours";
    }
    // No list of issuers means to allow a wildcard for a public suffix.
    if (covered && x509::is_public_suffix(parent())) return {};
    for (const auto& declared : watch_.allowed_issuers) {
      if (is_issuer(declared, c.issuer, c.issuer_spki_sha256)) {
        return "its issuer is on the watch's list as \"" + declared + '"';
      }
    }
    return {};
  }

 private:
  static bool announces(const Expectation& e, const HistoryCertificate& c) {
    return e.kind == Expectation::Kind::kSpki && has_key(c, e.value) &&
           (e.names.empty() ||
            std::ranges::all_of(c.names, [&](const std::string& name) {
              return std::ranges::find(e.names, name) != e.names.end();
            }));
  }

  [[nodiscard]] std::string parent() const {
    return watch_.value.substr(watch_.value.find('.') + 1);
  }

  const Watch& watch_;
  const std::vector<Expectation>& expectations_;
  std::unordered_map<std::int64_t, const Expectation*> registered_;
};

// The certificates that expire last, of two lists that each begin with them.
void keep(std::vector<RetroMatch>& list, RetroMatch match, std::size_t most) {
  const auto later = [](const RetroMatch& a, const RetroMatch& b) {
    return a.certificate.not_after > b.certificate.not_after;
  };
  list.insert(std::ranges::upper_bound(list, match, later), std::move(match));
  if (list.size() > most) list.pop_back();
}

}  // namespace

Result<RetroAnswer> match_history(sql::Database& db, const Watch& watch,
                                  const std::vector<Expectation>& expectations,
                                  std::size_t newest,
                                  std::chrono::milliseconds patience,
                                  const RetroVisitor& on_unexpected) {
  RetroAnswer out;
  const auto archived = sql::has_history(db);
  if (!archived) return tl::unexpected(archived.error());
  if (!*archived) return out;
  out.archived = true;
  const auto terms = terms_of(watch);
  if (!terms) return tl::unexpected(terms.error());
  Judge judge(watch, expectations);
  if (const auto ready = judge.prepare(db); !ready) {
    return tl::unexpected(ready.error());
  }
  std::vector<RetroMatch> unexpected, expected;
  sql::HistoryQuery query;
  query.terms = *terms;
  query.patience = patience;
  bool go_on = true;
  const sql::HistoryVisitor visit = [&](std::size_t term,
                                        const HistoryCertificate& c) {
    // Found by the first term before.
    if (term > 0 && names_any(c, (*terms)[0])) return true;
    ++out.certificates;
    RetroMatch match{c, judge.explanation(c, term > 0)};
    const bool is_expected = !match.explanation.empty();
    if (!is_expected) ++out.unexpected;
    keep(is_expected ? expected : unexpected, std::move(match), newest);
    if (!is_expected && on_unexpected) go_on = on_unexpected(c);
    return go_on;
  };
  constexpr std::size_t kPage = 200;
  const auto done = on_unexpected
                        ? sql::search_history_by_pages(db, query, kPage, visit)
                        : sql::search_history(db, query, visit);
  if (!done && done.error().code != Errc::kTransient) {
    return tl::unexpected(done.error());
  }
  out.whole = done.has_value() && go_on;
  out.newest = std::move(unexpected);
  for (auto& match : expected) {
    if (out.newest.size() < newest) out.newest.push_back(std::move(match));
  }
  return out;
}

}  // namespace ct::monitor
