// Findings on their way into alerts and outbox. For this room only.
#pragma once

#include <vector>

#include "alerts/watch.h"
#include "sql/tx.h"

namespace ct::sql {

// Within the transaction that moves the position. How many were new: opened,
// and expected.
struct NewFindings {
  std::size_t opened = 0, expected = 0;
};
NewFindings store_findings(Tx& tx,
                           const std::vector<alerts::Finding>& findings);

// The same for one alert: true if it is new.
[[nodiscard]] bool store_alert(Tx& tx, const alerts::Finding& finding);

[[nodiscard]] bool explains(const alerts::Expectation& expectation,
                            const alerts::CertificateFacts& certificate);

}  // namespace ct::sql
