// Alerts as rows, within a transaction. For this room only.
#pragma once

#include <string>
#include <vector>

#include "alerts/alert.h"
#include "sql/tx.h"

namespace ct::sql {

// All alerts that `condition`, the rest of a statement from WHERE on, picks,
// with their sightings.
[[nodiscard]] std::vector<alerts::Alert> read_alerts(
    Tx& tx, const std::string& condition, const std::vector<Param>& params);

// False: there is one with that id. Sightings are not stored.
[[nodiscard]] bool insert_alert(Tx& tx, const alerts::Alert& alert);

// A stored alert takes over what `alert`, found later, knows more: the
// certificate where only a TBS was known, the final certificate with its SCTs
// where only the precertificate was.
void complete_alert(Tx& tx, const alerts::Alert& alert);

void insert_sightings(Tx& tx, const alerts::Alert& alert);

}  // namespace ct::sql
