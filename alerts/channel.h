// Channels: where alerts are told, and how.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "alerts/alert.h"
#include "base/http.h"
#include "base/result.h"

namespace ct::alerts {

enum class ChannelType : std::uint8_t {
  kWebhook,  // JSON, signed as Standard Webhooks does
  kSlack,    // {"text": …}
  kEmail,    // SMTP
  kProgram,  // the JSON on standard input
  kStdout,
};
[[nodiscard]] std::string_view to_string(ChannelType t);
[[nodiscard]] std::optional<ChannelType> parse_channel_type(std::string_view s);

struct Channel {
  std::string id;
  std::string name;  // unique, chosen by the user; safe to log
  ChannelType type = ChannelType::kWebhook;
  // URL; smtp(s)://user:password@host:port for e-mail; the program's path;
  // "text" (or "") or "json" for standard output. Secret: never logged.
  std::string target;
  std::string secret;                  // webhook: "whsec_…"
  std::vector<std::string> arguments;  // e-mail: recipients; program: argv
  std::string from;                    // e-mail: sender
  std::string ca_file;                 // PEM, for receivers with a private CA
  bool allow_plain = false;            // http://
  std::vector<std::string> allowed_private_hosts;  // by name, as in the URL
  // Routing: all must hold. Log alerts have no tags and go everywhere.
  std::vector<std::string> tags;  // any of these; empty: all
  Severity min_severity = Severity::kInfo;
  bool enabled = true;
};

[[nodiscard]] bool wants(const Channel& channel, const Alert& alert);

// Values of Message::type.
namespace event {
inline constexpr std::string_view kOpened = "alert.opened";
inline constexpr std::string_view kResolved = "alert.resolved";
inline constexpr std::string_view kTest = "alert.test";
}  // namespace event

struct Message {
  std::string id;    // constant over retries: receivers drop repeats by it
  std::string type;  // event::…
  Alert alert;
  unsigned attempt = 1;
};

struct DeliveryError {
  std::string what;        // no secrets
  bool permanent = false;  // do not retry: 410, a broken target …
  bool disable = false;    // the receiver wants no more: end the channel
  std::optional<std::chrono::milliseconds> retry_after;
};

// One attempt; blocks, 30 seconds at most. Safe from any thread. `stop` ends
// it within a second, for mail and programs; HttpClient::stop for webhooks.
//
// A mail that some recipients take and others refuse is an error that names
// them: permanent if all refusals are, so that the others do not get it again.
[[nodiscard]] tl::expected<void, DeliveryError> deliver(
    HttpClient& http, const Channel& channel, const Message& message,
    std::stop_token stop = {});

// kUsage: why this channel cannot work (scheme, missing recipient …).
[[nodiscard]] Result<void> check_channel(const Channel& channel);

// Where a channel leads, without its secrets: "https://hooks.example.com/…".
[[nodiscard]] std::string describe_target(const Channel& channel);

// `target`, a URL with a user, with that password in it, encoded as needed.
// kUsage: not a URL, or no user.
[[nodiscard]] Result<std::string> with_password(const std::string& target,
                                                const std::string& password);

// "whsec_" and 32 random bytes in base64.
[[nodiscard]] std::string new_webhook_secret();

}  // namespace ct::alerts
