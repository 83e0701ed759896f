// The JSON that leaves the program, documented in the README: versioned, and
// only ever added to.
#pragma once

#include <string>

#include "alerts/channel.h"

namespace ct::alerts {

inline constexpr int kPayloadVersion = 1;

// One alert as `ctvigil alerts list --json` prints it, and as `data` of a
// webhook. `full` adds PEM, proofs and evidence.
[[nodiscard]] std::string alert_json(const Alert& alert, bool full);

// {"version":1,"type":"alert.opened","id":…,"timestamp":…,"data":{alert}},
// below 20 kB: long lists are cut, and say so.
[[nodiscard]] std::string message_json(const Message& message, Millis now);

// For people: a mail's body, a terminal. Control and bidirectional characters
// are made visible.
[[nodiscard]] std::string alert_text(const Alert& alert);
// One line.
[[nodiscard]] std::string alert_line(const Alert& alert);

// Standard Webhooks: "v1,<base64 HMAC-SHA256>" over "<id>.<timestamp>.<body>".
// kUsage: a secret that is not "whsec_" + base64.
[[nodiscard]] Result<std::string> sign_webhook(std::string_view secret,
                                               std::string_view id,
                                               Seconds timestamp,
                                               std::string_view body);

}  // namespace ct::alerts
