#include "monitor/demo/webhook_receiver.h"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "alerts/payload.h"

namespace ct::monitor::demo {

Result<std::unique_ptr<WebhookReceiver>> WebhookReceiver::start(
    const HttpServer::Options& options, std::string secret) {
  std::unique_ptr<WebhookReceiver> receiver(
      new WebhookReceiver(std::move(secret)));
  auto http = HttpServer::start(
      options, [self = receiver.get()](const ServerRequest& request) {
        return self->answer(request);
      });
  if (!http) return fail_in("webhook receiver", http.error());
  receiver->http_ = std::move(*http);
  return receiver;
}

std::string WebhookReceiver::url() const { return http_->url() + "alerts"; }

void WebhookReceiver::respond_with(int status) {
  const std::lock_guard lock(mutex_);
  status_ = status;
}

std::vector<ReceivedWebhook> WebhookReceiver::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::size_t WebhookReceiver::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

bool WebhookReceiver::wait_for(std::size_t count,
                               std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return arrived_.wait_for(lock, timeout,
                           [&] { return received_.size() >= count; });
}

// Standard Webhooks: one of the space-separated signatures must be ours, and
// the time recent, or an old delivery could be played to us again.
bool WebhookReceiver::signature_holds(const ServerRequest& request,
                                      Millis now) const {
  const std::string time = request.header("webhook-timestamp");
  Seconds seconds = 0;
  const auto [end, error] =
      std::from_chars(time.data(), time.data() + time.size(), seconds);
  if (error != std::errc() || end != time.data() + time.size() ||
      std::abs(now / 1000 - seconds) > 300) {
    return false;
  }
  const auto expected = alerts::sign_webhook(
      secret_, request.header("webhook-id"), seconds, request.body);
  if (!expected) return false;
  const std::string all = request.header("webhook-signature");
  std::string_view rest = all;
  while (!rest.empty()) {
    const auto space = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, space) == *expected) return true;
    rest.remove_prefix(std::min(space + 1, rest.size()));
  }
  return false;
}

ServerResponse WebhookReceiver::answer(const ServerRequest& request) {
  ServerResponse response;
  if (request.method != "POST" || request.path != "/alerts") {
    response.status = 404;
    return response;
  }
  ReceivedWebhook webhook;
  webhook.id = request.header("webhook-id");
  webhook.body = request.body;
  webhook.received = now_millis();
  webhook.signature_holds = signature_holds(request, webhook.received);

  const std::lock_guard lock(mutex_);
  response.status = status_;
  if (status_ / 100 == 2) {
    received_.push_back(std::move(webhook));
    arrived_.notify_all();
  } else {
    ++refused_;
  }
  return response;
}

}  // namespace ct::monitor::demo
