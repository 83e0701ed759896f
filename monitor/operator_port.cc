#include "monitor/operator_port.h"

#include <fmt/format.h>
#include <httplib.h>

#include "monitor/http_listener.h"
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

  HttpListener& listener() { return listener_; }

 private:
  httplib::Server server_;
  HttpListener listener_{server_};
};

OperatorPort::OperatorPort(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
OperatorPort::~OperatorPort() = default;

int OperatorPort::port() const { return impl_->listener().port(); }

Result<std::unique_ptr<OperatorPort>> OperatorPort::open(
    const std::string& address, Engine& engine) {
  const auto where = parse_listen(address, "--http-listen", "127.0.0.1:9790");
  if (!where) return tl::unexpected(where.error());
  auto impl = std::make_unique<Impl>(engine);
  if (!impl->listener().listen(where->first, where->second)) {
    return fail(
        Errc::kUsage,
        fmt::format("cannot listen on {}: is the port taken?", address));
  }
  return std::unique_ptr<OperatorPort>(new OperatorPort(std::move(impl)));
}

}  // namespace ct::monitor
