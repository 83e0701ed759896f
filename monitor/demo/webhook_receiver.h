// WebhookReceiver: the far end of a webhook channel, on loopback over TLS. It
// checks what a careful receiver should check, and keeps what came.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitor/demo/http_server.h"

namespace ct::monitor::demo {

struct ReceivedWebhook {
  std::string id;  // webhook-id: the same when a delivery is repeated
  std::string body;
  Millis received = 0;
  bool signature_holds = false;  // and its time is within five minutes of ours
};

// Safe from any thread.
class WebhookReceiver {
 public:
  // `secret`: "whsec_…", as the channel has it.
  [[nodiscard]] static Result<std::unique_ptr<WebhookReceiver>> start(
      const HttpServer::Options& options, std::string secret);

  [[nodiscard]] std::string url() const;  // "https://127.0.0.1:4711/alerts"
  // Answers with this status from now on; 204 at first. What is refused is
  // not kept.
  void respond_with(int status);

  [[nodiscard]] std::vector<ReceivedWebhook> received() const;
  // How many were refused.
  [[nodiscard]] std::size_t refused() const;
  // Waits until `count` were received. False: `timeout` passed.
  [[nodiscard]] bool wait_for(std::size_t count,
                              std::chrono::milliseconds timeout) const;

 private:
  explicit WebhookReceiver(std::string secret) : secret_(std::move(secret)) {}
  ServerResponse answer(const ServerRequest& request);
  [[nodiscard]] bool signature_holds(const ServerRequest& request,
                                     Millis now) const;

  const std::string secret_;
  mutable std::mutex mutex_;  // guards the next three
  std::vector<ReceivedWebhook> received_;
  std::size_t refused_ = 0;
  int status_ = 204;
  mutable std::condition_variable arrived_;
  std::unique_ptr<HttpServer> http_;  // last: stops before the rest goes
};

}  // namespace ct::monitor::demo
