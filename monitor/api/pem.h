// Certificates of history as PEM. For this folder only.
#pragma once

#include "monitor/api/route.h"
#include "sql/history.h"

namespace ct::monitor::api {

// Answers with its bytes. kGone: they are not kept.
[[nodiscard]] Result<void> give_pem(Call& call,
                                    const sql::HistoryCertificate& certificate);

// The same; if they are not kept they are fetched from a log that has them,
// with proof. A log that lies is named, in a 502 or, if another one gave them,
// in lines before them; nothing is given that is not proven. Other errors are
// 404 (no log gives them) and 503 (worth asking again).
[[nodiscard]] Result<void> give_fetched_pem(
    Call& call, const sql::HistoryCertificate& certificate);

}  // namespace ct::monitor::api
