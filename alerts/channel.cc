#include "alerts/channel.h"

#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "alerts/delivery.h"
#include "alerts/payload.h"
#include "alerts/text.h"
#include "base/ascii.h"

namespace ct::alerts {
namespace {

constexpr std::array<std::pair<ChannelType, std::string_view>, 5> kTypes{
    {{ChannelType::kWebhook, "webhook"},
     {ChannelType::kSlack, "slack"},
     {ChannelType::kEmail, "email"},
     {ChannelType::kProgram, "program"},
     {ChannelType::kStdout, "stdout"}}};

constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxTarget = 4096;
constexpr std::size_t kMaxArguments = 100;

tl::unexpected<Error> refuse(std::string what) {
  return fail(Errc::kUsage, std::move(what));
}

bool has_control(std::string_view s) {
  return std::any_of(s.begin(), s.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<void> check_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kMaxName &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                             c == '.';
                    });
  if (good) return {};
  return refuse("a channel's name is 1 to 64 letters, digits, '-', '_', '.'");
}

Result<void> check_web_target(const Channel& channel) {
  const auto url = parse_target(channel.target);
  if (!url || url->host.empty()) {
    return refuse("the target is not a URL such as https://example.com/hook");
  }
  if (url->scheme == "http" && !channel.allow_plain) {
    return refuse(
        "the target is plain http://, which anybody on the way can read and "
        "change: use https://, or allow plain connections for this channel");
  }
  if (url->scheme != "http" && url->scheme != "https") {
    return refuse("the target must be an https:// URL");
  }
  return {};
}

Result<void> check_webhook(const Channel& channel) {
  if (auto r = check_web_target(channel); !r) return r;
  if (auto r = sign_webhook(channel.secret, "", 0, ""); !r) {
    return tl::unexpected(r.error());
  }
  return {};
}

Result<void> check_email(const Channel& channel) {
  const auto url = parse_target(channel.target);
  if (!url || url->host.empty() ||
      (url->scheme != "smtp" && url->scheme != "smtps")) {
    return refuse(
        "the target of an e-mail channel is smtp://host:587 (STARTTLS) or "
        "smtps://host:465, with user:password@ before the host if needed");
  }
  if (!is_mail_address(channel.from)) {
    return refuse("an e-mail channel needs a sender such as ct@example.com");
  }
  if (channel.arguments.empty()) {
    return refuse("an e-mail channel needs at least one recipient");
  }
  for (const auto& recipient : channel.arguments) {
    if (!is_mail_address(recipient)) {
      return refuse("a recipient is not an address such as sec@example.com");
    }
  }
  return {};
}

Result<void> check_program(const Channel& channel) {
  if (!channel.target.starts_with('/')) {
    return refuse("the target of a program channel is an absolute path");
  }
  if (access(channel.target.c_str(), X_OK) != 0) {
    return refuse("the program is not there or cannot be executed");
  }
  return {};
}

Result<void> check_stdout(const Channel& channel) {
  if (channel.target.empty() || channel.target == "text" ||
      channel.target == "json") {
    return {};
  }
  return refuse("the target of a stdout channel is \"text\" or \"json\"");
}

}  // namespace

std::string_view to_string(ChannelType t) {
  for (const auto& [type, name] : kTypes) {
    if (type == t) return name;
  }
  return "unknown";
}

std::optional<ChannelType> parse_channel_type(std::string_view s) {
  for (const auto& [type, name] : kTypes) {
    if (name == s) return type;
  }
  return std::nullopt;
}

bool wants(const Channel& channel, const Alert& alert) {
  if (!channel.enabled || alert.severity < channel.min_severity) return false;
  const bool about_a_watch = !alert.watch_id.empty();
  if (!about_a_watch || channel.tags.empty()) return true;
  return std::any_of(
      channel.tags.begin(), channel.tags.end(), [&](const auto& tag) {
        return std::find(alert.tags.begin(), alert.tags.end(), tag) !=
               alert.tags.end();
      });
}

Result<void> check_channel(const Channel& channel) {
  if (auto r = check_name(channel.name); !r) return r;
  if (channel.target.size() > kMaxTarget || has_control(channel.target)) {
    return refuse("the target is too long or has control characters in it");
  }
  if (channel.arguments.size() > kMaxArguments) {
    return refuse(fmt::format("a channel takes {} recipients or arguments",
                              kMaxArguments));
  }
  for (const auto& argument : channel.arguments) {
    if (argument.size() > kMaxTarget ||
        argument.find('\0') != std::string::npos) {
      return refuse("an argument is too long or has a NUL in it");
    }
  }
  if (!channel.ca_file.empty() && access(channel.ca_file.c_str(), R_OK) != 0) {
    return refuse("the CA file is not there or cannot be read");
  }
  switch (channel.type) {
    case ChannelType::kWebhook:
      return check_webhook(channel);
    case ChannelType::kSlack:
      return check_web_target(channel);
    case ChannelType::kEmail:
      return check_email(channel);
    case ChannelType::kProgram:
      return check_program(channel);
    case ChannelType::kStdout:
      return check_stdout(channel);
  }
  return refuse("unknown type of channel");
}

std::string describe_target(const Channel& channel) {
  switch (channel.type) {
    case ChannelType::kProgram:
      return visible(channel.target);
    case ChannelType::kStdout:
      return channel.target.empty() ? "text" : visible(channel.target);
    case ChannelType::kWebhook:
    case ChannelType::kSlack:
    case ChannelType::kEmail:
      break;
  }
  const auto url = parse_target(channel.target);
  if (!url) return "(not a URL)";
  std::string out = visible(url->without_secrets);
  if (channel.type != ChannelType::kEmail) return out + "/…";
  for (std::size_t i = 0; i < channel.arguments.size(); ++i) {
    out += (i == 0 ? " to " : ", ") + visible(channel.arguments[i]);
  }
  return out;
}

Result<std::string> with_password(const std::string& target,
                                  const std::string& password) {
  const auto parsed = parse_target(target);
  if (!parsed || parsed->user.empty()) {
    return refuse("a password needs a user in the URL: smtps://user@host");
  }
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(
      curl_url(), curl_url_cleanup);
  char* text = nullptr;
  if (!url ||
      curl_url_set(url.get(), CURLUPART_URL, target.c_str(),
                   CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
      curl_url_set(url.get(), CURLUPART_PASSWORD, password.c_str(),
                   CURLU_URLENCODE) != CURLUE_OK ||
      curl_url_get(url.get(), CURLUPART_URL, &text, 0) != CURLUE_OK) {
    return refuse("the password does not fit into a URL");
  }
  std::string out(text);
  curl_free(text);
  return out;
}

tl::expected<void, DeliveryError> deliver(HttpClient& http,
                                          const Channel& channel,
                                          const Message& message,
                                          std::stop_token stop) {
  // What was fine when it was added may not be fine here and now: a program
  // or CA file that is gone may come back, so this is tried again.
  if (const auto r = check_channel(channel); !r) return retry(r.error().what);
  switch (channel.type) {
    case ChannelType::kWebhook:
      return deliver_webhook(http, channel, message);
    case ChannelType::kSlack:
      return deliver_slack(http, channel, message);
    case ChannelType::kEmail:
      return deliver_mail(channel, message, std::move(stop));
    case ChannelType::kProgram:
      return deliver_program(channel, message, std::move(stop));
    case ChannelType::kStdout:
      return deliver_stdout(channel, message, std::move(stop));
  }
  return give_up("unknown type of channel");
}

std::optional<TargetUrl> parse_target(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(
      curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(),
                              CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return std::nullopt;
  }
  const auto part = [&](CURLUPart which, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), which, &text, flags) != CURLUE_OK) {
      return std::string();
    }
    std::string out(text);
    curl_free(text);
    return out;
  };
  TargetUrl out;
  out.scheme = ascii_lower(part(CURLUPART_SCHEME));
  out.host = ascii_lower(part(CURLUPART_HOST));
  out.user = part(CURLUPART_USER, CURLU_URLDECODE);
  out.password = part(CURLUPART_PASSWORD, CURLU_URLDECODE);
  out.without_secrets = out.scheme + "://" + out.host;
  if (const std::string port = part(CURLUPART_PORT); !port.empty()) {
    out.without_secrets += ":" + port;
  }
  if (out.host.starts_with('[') && out.host.ends_with(']')) {
    out.host = out.host.substr(1, out.host.size() - 2);
  }
  return out;
}

}  // namespace ct::alerts
