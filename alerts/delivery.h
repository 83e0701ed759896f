// One way of delivering for each type of channel; for this room only. The
// door is deliver() in alerts/channel.h.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>

#include "alerts/channel.h"

namespace ct::alerts {

using Delivered = tl::expected<void, DeliveryError>;

// Of one attempt, all in all.
inline constexpr std::chrono::seconds kDeliveryTimeout{30};

[[nodiscard]] Delivered deliver_webhook(HttpClient& http,
                                        const Channel& channel,
                                        const Message& message);
[[nodiscard]] Delivered deliver_slack(HttpClient& http, const Channel& channel,
                                      const Message& message);
[[nodiscard]] Delivered deliver_mail(const Channel& channel,
                                     const Message& message,
                                     std::stop_token stop);
[[nodiscard]] Delivered deliver_program(const Channel& channel,
                                        const Message& message,
                                        std::stop_token stop);
[[nodiscard]] Delivered deliver_stdout(const Channel& channel,
                                       const Message& message,
                                       std::stop_token stop);

[[nodiscard]] inline tl::unexpected<DeliveryError> retry(
    std::string what,
    std::optional<std::chrono::milliseconds> after = std::nullopt) {
  return tl::unexpected(DeliveryError{.what = std::move(what),
                                      .permanent = false,
                                      .disable = false,
                                      .retry_after = after});
}
[[nodiscard]] inline tl::unexpected<DeliveryError> give_up(
    std::string what, bool disable = false) {
  return tl::unexpected(DeliveryError{.what = std::move(what),
                                      .permanent = true,
                                      .disable = disable,
                                      .retry_after = std::nullopt});
}

// The body of a Slack-style webhook: {"text": …}. Nothing in the alert can
// mention anybody, become a link or leave its code block.
[[nodiscard]] std::string slack_json(const Message& message);

// A whole mail (RFC 5322), lines ended by CRLF, all of it ASCII. Message-ID
// follows from the message's id: the same over retries.
[[nodiscard]] std::string compose_mail(const Channel& channel,
                                       const Message& message, Millis now);

// The parts of a target URL. nullopt: not a URL.
struct TargetUrl {
  std::string scheme;           // lower case
  std::string host;             // lower case, IPv6 without brackets
  std::string user, password;   // decoded
  std::string without_secrets;  // "scheme://host:port", for connecting
};
[[nodiscard]] std::optional<TargetUrl> parse_target(const std::string& url);

// An address that can stand in an SMTP command and a header as it is.
[[nodiscard]] bool is_mail_address(std::string_view text);

}  // namespace ct::alerts
