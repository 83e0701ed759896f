// The outbox, from inside a transaction. For this room only; its other side
// is in sql/alerts.h.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "alerts/channel.h"
#include "sql/tx.h"

namespace ct::sql {

[[nodiscard]] std::vector<alerts::Channel> read_channels(Tx& tx);

// Queues a message for each enabled one of `channels` that wants the alert.
// One that was queued before stays as it is.
void enqueue(Tx& tx, const std::vector<alerts::Channel>& channels,
             const alerts::Alert& alert, std::string_view event,
             std::chrono::milliseconds delay);

// The condition is over, or explained: those who were told of the alert, or
// may have been, hear that it is resolved. `cancel_untold`: those who were not
// are not told at all.
void enqueue_resolved(Tx& tx, const std::string& alert_id, bool cancel_untold);

}  // namespace ct::sql
