// HttpServer: cpp-httplib on loopback, plain or over TLS, in its own threads.
#pragma once

#include <httplib.h>

#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/tls_identity.h"

namespace ct::test {

class HttpServer {
 public:
  HttpServer() : HttpServer(std::make_unique<httplib::Server>(), "http") {}
  explicit HttpServer(const TlsIdentity& identity)
      : HttpServer(std::make_unique<httplib::SSLServer>(identity.certificate(),
                                                        identity.key()),
                   "https") {}
  ~HttpServer() {
    server_->stop();
    if (thread_.joinable()) thread_.join();
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Handlers are added here, before run().
  httplib::Server& routes() { return *server_; }
  void run() {
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    // It would not hear stop() before.
    while (!server_->is_running()) std::this_thread::yield();
  }

  [[nodiscard]] std::string url(std::string_view path,
                                std::string_view host = "127.0.0.1") const {
    return scheme_ + "://" + std::string(host) + ":" + std::to_string(port_) +
           std::string(path);
  }
  [[nodiscard]] int requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  // Connections that carried a request.
  [[nodiscard]] std::size_t connections() const {
    const std::lock_guard lock(mutex_);
    return client_ports_.size();
  }

 private:
  HttpServer(std::unique_ptr<httplib::Server> server, std::string scheme)
      : server_(std::move(server)), scheme_(std::move(scheme)) {
    REQUIRE(server_->is_valid());
    server_->new_task_queue = [] { return new httplib::ThreadPool(16); };
    server_->set_keep_alive_max_count(100'000);
    // Longer than a loaded machine may stall. Clients go before their server,
    // or its end waits for them.
    server_->set_keep_alive_timeout(30);
    server_->set_tcp_nodelay(true);  // or each answer costs 40 ms
    server_->set_pre_routing_handler(
        [this](const httplib::Request& request, httplib::Response&) {
          const std::lock_guard lock(mutex_);
          ++requests_;
          client_ports_.insert(request.remote_port);
          return httplib::Server::HandlerResponse::Unhandled;
        });
    port_ = server_->bind_to_any_port("127.0.0.1");
    REQUIRE(port_ > 0);
  }

  std::unique_ptr<httplib::Server> server_;
  const std::string scheme_;
  int port_ = 0;
  mutable std::mutex mutex_;  // guards the two below
  int requests_ = 0;
  std::set<int> client_ports_;
  std::thread thread_;
};

}  // namespace ct::test
