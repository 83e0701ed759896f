#include "monitor/operator_port.h"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>
#include <thread>

#include "monitor/metrics.h"

namespace ct::monitor {

class OperatorPort::Impl {
 public:
  explicit Impl(Engine& engine) {
    server_.new_task_queue = [] { return new httplib::ThreadPool(2); };
    server_.set_keep_alive_max_count(16);
    server_.set_keep_alive_timeout(2);
    server_.set_read_timeout(5);
    server_.set_write_timeout(5);
    server_.set_payload_max_length(1024);
    server_.Get("/healthz", [&](const auto&, httplib::Response& response) {
      const bool well = engine.database_answers();
      response.status = well ? 200 : 503;
      response.set_content(well ? "ok\n" : "the database does not answer\n",
                           "text/plain");
    });
    server_.Get("/readyz", [&](const auto&, httplib::Response& response) {
      const bool ready = engine.ready();
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ready\n" : "no log list yet\n",
                           "text/plain");
    });
    server_.Get("/metrics", [&](const auto&, httplib::Response& response) {
      response.set_content(metrics_text(engine),
                           "text/plain; version=0.0.4; charset=utf-8");
    });
  }

  ~Impl() {
    server_.stop();
    if (thread_.joinable()) thread_.join();
  }

  bool listen(const std::string& host, int port) {
    port_ = port;
    if (port == 0) {
      port_ = server_.bind_to_any_port(host.c_str());
      if (port_ <= 0) return false;
    } else if (!server_.bind_to_port(host.c_str(), port)) {
      return false;
    }
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    return true;
  }

  [[nodiscard]] int port() const { return port_; }

 private:
  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
};

OperatorPort::OperatorPort(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
OperatorPort::~OperatorPort() = default;

int OperatorPort::port() const { return impl_->port(); }

Result<std::unique_ptr<OperatorPort>> OperatorPort::open(
    const std::string& address, Engine& engine) {
  const auto colon = address.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = address.data() + address.size();
    const auto [at, error] =
        std::from_chars(address.data() + colon + 1, end, port);
    if (error != std::errc() || at != end) port = -1;
  }
  if (port < 0 || port > 65535) {
    return fail(Errc::kUsage,
                "--http-listen wants ADDRESS:PORT, for example "
                "127.0.0.1:9790; got " +
                    address);
  }
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  }
  auto impl = std::make_unique<Impl>(engine);
  if (!impl->listen(host, port)) {
    return fail(
        Errc::kUsage,
        fmt::format("cannot listen on {}: is the port taken?", address));
  }
  return std::unique_ptr<OperatorPort>(new OperatorPort(std::move(impl)));
}

}  // namespace ct::monitor
