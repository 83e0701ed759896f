// Standard Webhooks (github.com/standard-webhooks) and Slack-style webhooks.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "alerts/delivery.h"
#include "alerts/payload.h"
#include "alerts/text.h"
#include "base/ascii.h"
#include "base/base64.h"

namespace ct::alerts {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
// What a receiver says is of no use to us beyond its status.
constexpr std::size_t kMaxReply = 64 << 10;
// Slack takes 3000 characters in a block of text; bytes are the stricter
// count.
constexpr std::size_t kMaxSlackText = 3000;

bool contains(const std::vector<std::string>& hosts, const std::string& host) {
  return std::any_of(hosts.begin(), hosts.end(), [&](std::string h) {
    if (h.size() > 2 && h.front() == '[') h = h.substr(1, h.size() - 2);
    return equal_ignoring_case(h, host);
  });
}

HttpRequest post_to(const Channel& channel, std::string body) {
  const auto url = parse_target(channel.target);
  HttpRequest request;
  request.url = channel.target;
  request.method = "POST";
  request.headers = {"Content-Type: application/json"};
  request.body = std::move(body);
  request.max_body = kMaxReply;
  request.timeout = kDeliveryTimeout;
  request.connect_timeout = kDeliveryTimeout / 2;
  request.ca_file = channel.ca_file;
  request.allow_plain = channel.allow_plain;
  request.allow_private =
      url && contains(channel.allowed_private_hosts, url->host);
  request.secret_url = true;
  return request;
}

// Slack's error codes ("invalid_payload") say what is wrong. Anything else a
// receiver sends may repeat the secret URL, and is not shown.
std::string reason_in(const HttpResponse& response) {
  const std::string_view text = response.body.text();
  const bool code = !text.empty() && text.size() <= 40 &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || c == '_';
                    });
  return code ? fmt::format(" ({})", text) : "";
}

// `final_statuses` are those that a receiver does not come back from.
Delivered verdict(const Result<HttpResponse>& response,
                  std::initializer_list<long> final_statuses) {
  if (!response) return retry(response.error().what);
  const long status = response->status;
  if (status >= 200 && status < 300) return {};
  std::string what = fmt::format("the receiver answered HTTP {}{}", status,
                                 reason_in(*response));
  if (status >= 300 && status < 400) {
    what +=
        ", a redirect; redirects are not followed, so give the URL that "
        "it leads to";
  }
  if (std::find(final_statuses.begin(), final_statuses.end(), status) !=
      final_statuses.end()) {
    return give_up(what + ": it wants no more messages", true);
  }
  return retry(std::move(what), response->retry_after);
}

// Slack reads markup from the raw text: "&", "<" and ">" are escaped as it
// asks; back quotes could leave the code block; and readers other than Slack
// look for mentions and links themselves, so those are broken up.
std::string slack_escape(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view kJoiner = "\u2060";  // invisible, no line break
  std::string out;
  std::size_t cut = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0) != 0x80 && out.size() + 3 <= max_bytes) cut = out.size();
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '`':
        out += '\'';
        break;
      case '@':
        out += '@';
        out += kJoiner;
        break;
      case ':':
        out += ':';
        if (text.substr(i).starts_with("://")) out += kJoiner;
        break;
      default:
        out += static_cast<char>(c);
    }
    if (out.size() > max_bytes) return out.substr(0, cut) + "…";
  }
  return out;
}

}  // namespace

Result<std::string> sign_webhook(std::string_view secret, std::string_view id,
                                 Seconds timestamp, std::string_view body) {
  std::optional<Bytes> key;
  if (secret.starts_with(kSecretPrefix)) {
    key = from_base64(secret.substr(kSecretPrefix.size()));
  }
  // The specification's own example has 24 bytes; 64 is its upper bound.
  if (!key || key->size() < 24 || key->size() > 64) {
    return fail(Errc::kUsage,
                "a webhook secret is \"whsec_\" and 24 to 64 bytes in base64");
  }
  const std::string message = fmt::format("{}.{}.{}", id, timestamp, body);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const ByteView in = as_bytes(message);
  if (HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), in.data(),
           in.size(), mac.data(), &size) == nullptr) {
    return fail(Errc::kInternal, "libcrypto could not compute an HMAC");
  }
  return "v1," + to_base64(ByteView(mac).first(size));
}

std::string new_webhook_secret() {
  std::array<std::uint8_t, 32> key{};
  // For so few bytes it is all or an error, and an error means a kernel
  // without random numbers: no secret can be made.
  if (getrandom(key.data(), key.size(), 0) !=
      static_cast<ssize_t>(key.size())) {
    std::abort();
  }
  return std::string(kSecretPrefix) + to_base64(key);
}

Delivered deliver_webhook(HttpClient& http, const Channel& channel,
                          const Message& message) {
  const Millis now = now_millis();
  std::string body = message_json(message, now);
  const auto signature =
      sign_webhook(channel.secret, message.id, now / 1000, body);
  if (!signature) return give_up(signature.error().what);

  HttpRequest request = post_to(channel, std::move(body));
  request.headers.push_back("webhook-id: " + message.id);
  request.headers.push_back(fmt::format("webhook-timestamp: {}", now / 1000));
  request.headers.push_back("webhook-signature: " + *signature);
  return verdict(http.get(std::move(request)), {410});
}

Delivered deliver_slack(HttpClient& http, const Channel& channel,
                        const Message& message) {
  return verdict(http.get(post_to(channel, slack_json(message))),
                 {403, 404, 410});
}

std::string slack_json(const Message& message) {
  const Alert& alert = message.alert;
  std::string heading(to_string(alert.severity));
  if (message.type == event::kResolved) heading = "settled";
  if (message.type == event::kTest) heading = "test";
  const std::string text =
      fmt::format("*ctvigil: {}*\n```\n{}\n```", heading,
                  slack_escape(alert_text(alert), kMaxSlackText - 64));
  const nlohmann::ordered_json json{{"text", text},
                                    {"parse", "none"},
                                    {"link_names", false},
                                    {"unfurl_links", false},
                                    {"unfurl_media", false}};
  return json.dump(-1, ' ', true,
                   nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace ct::alerts
