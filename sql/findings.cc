#include "sql/findings.h"

#include <algorithm>

#include "sql/alert_rows.h"
#include "sql/outbox.h"
#include "sql/watch_rows.h"

namespace ct::sql {
namespace {

using alerts::AlertState;
using alerts::Finding;

bool could_be_expected(const Finding& f) {
  return f.alert.state == AlertState::kOpen && f.alert.certificate;
}

// An expectation may have been registered since this was judged.
bool is_explained(Tx& tx, const alerts::CertificateFacts& certificate) {
  const auto candidates =
      read_expectations(tx, "WHERE value = $1 OR value = $2",
                        {certificate.tbs_sha256, certificate.spki_sha256});
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const auto& e) { return explains(e, certificate); });
}

// What is there stays in its state. The facts that were judged (issuer, key,
// names) are the issuance's, hence the same for all its entries: if the final
// certificate of an expected precertificate comes as unexpected, only a watch
// has changed in between, and that does not call back what was settled; nor
// is what somebody was told of quietly taken back. Expectations do that, and
// people.
// The state of a new one; nullopt: it was there.
std::optional<AlertState> store(Tx& tx, const Finding& finding,
                                const std::vector<alerts::Channel>& channels) {
  alerts::Alert alert = finding.alert;
  if (could_be_expected(finding) && is_explained(tx, *alert.certificate)) {
    alert.state = AlertState::kExpected;
  }
  const bool is_new = insert_alert(tx, alert);
  if (!is_new) complete_alert(tx, alert);
  insert_sightings(tx, alert);
  if (is_new && alert.state == AlertState::kOpen) {
    enqueue(tx, channels, alert, alerts::event::kOpened, finding.grace);
  }
  if (!is_new) return std::nullopt;
  return alert.state;
}

// Shared with all who store findings, exclusive for those who change
// expectations: one of any two that meet sees what the other has done.
void lock_expectations(Tx& tx) {
  tx.exec("SELECT generation FROM watch_generation FOR SHARE");
}

}  // namespace

NewFindings store_findings(Tx& tx, const std::vector<Finding>& findings) {
  NewFindings out;
  if (findings.empty()) return out;
  // In one order everywhere, so that the commits of two logs that hold the
  // same certificates do not deadlock.
  std::vector<const Finding*> ordered;
  for (const Finding& f : findings) ordered.push_back(&f);
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Finding* a, const Finding* b) {
                     return a->alert.id < b->alert.id;
                   });
  if (std::any_of(findings.begin(), findings.end(), could_be_expected)) {
    lock_expectations(tx);
  }
  const auto channels = read_channels(tx);
  for (const Finding* f : ordered) {
    const auto state = store(tx, *f, channels);
    if (state) ++(*state == AlertState::kOpen ? out.opened : out.expected);
  }
  return out;
}

bool store_alert(Tx& tx, const Finding& finding) {
  if (could_be_expected(finding)) lock_expectations(tx);
  return store(tx, finding, read_channels(tx)).has_value();
}

bool explains(const alerts::Expectation& expectation,
              const alerts::CertificateFacts& certificate) {
  if (expectation.kind == alerts::Expectation::Kind::kTbs) {
    return expectation.value == certificate.tbs_sha256;
  }
  const auto& names = expectation.names;
  return expectation.value == certificate.spki_sha256 &&
         (names.empty() ||
          std::all_of(certificate.all_names.begin(),
                      certificate.all_names.end(), [&](const auto& name) {
                        return std::find(names.begin(), names.end(), name) !=
                               names.end();
                      }));
}

}  // namespace ct::sql
