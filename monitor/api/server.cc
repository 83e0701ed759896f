#include "monitor/api/server.h"

#include <fmt/format.h>

#include "base/log.h"
#include "monitor/api/guard.h"
#include "monitor/api/log_fetches.h"
#include "monitor/api/route.h"
#include "monitor/api/workers.h"
#include "monitor/http_listener.h"
#include "sql/history_search.h"

namespace ct::monitor::api {
namespace {

// So many requests at a time work with the database, and so many wait for it.
constexpr std::size_t kConnections = 8, kQueue = 64;

constexpr const char* kPathOfDescription = "/openapi.json";

Workers::Connect connection(std::string url,
                            std::chrono::milliseconds patience) {
  return [url = std::move(url), patience] {
    return sql::connect_to_search(url, patience);
  };
}

// Where it fails, so do the requests, and say why.
Workers::Job preparation(std::chrono::milliseconds patience) {
  return [patience](sql::Database& db) {
    const auto done = sql::prepare_search(db, patience);
    if (done) return;
    log_warning("a search was not prepared", {{"error", done.error().what}});
  };
}

bool is_json(std::string_view content_type) {
  return content_type.substr(0, content_type.find(';')) == kJson;
}

// A page in a browser can post what it likes elsewhere, but not as JSON.
std::optional<Refusal> check_body(const Route& route,
                                  const HttpRequest& request) {
  if (route.method != "POST" || is_json(request.content_type)) {
    return std::nullopt;
  }
  if (route.takes_text && request.content_type.starts_with("text/plain")) {
    return std::nullopt;
  }
  return Refusal{415, route.takes_text
                          ? "send Content-Type: application/json or text/plain"
                          : "send Content-Type: application/json"};
}

}  // namespace

class ApiServer::Impl {
 public:
  Impl(bool open, const ServerOptions& options, const std::string& url)
      : routes_(all_routes()),
        description_(openapi_json(routes_)),
        guard_(open),
        fetches_(options.reading, url, options.fetch_patience, options.budgets),
        context_{fetches_, options.patience, {}},
        workers_(connection(url, options.patience), kConnections, kQueue,
                 preparation(options.patience)) {}
  // Answers to whoever still waits come from the workers.
  ~Impl() {
    if (front_) front_->begin_stop();
    fetches_.stop();
    workers_.stop();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> listen(const HttpFront::Options& options) {
    auto front = HttpFront::open(
        options, [this](HttpRequest request, std::shared_ptr<Reply> reply) {
          handle(std::make_shared<HttpRequest>(std::move(request)),
                 std::move(reply));
        });
    if (!front) return tl::unexpected(front.error());
    front_ = std::move(*front);
    return {};
  }

  [[nodiscard]] int port() const { return front_->port(); }

 private:
  void handle(const std::shared_ptr<const HttpRequest>& request,
              const std::shared_ptr<Reply>& reply) {
    if (request->path == kPathOfDescription && request->method == "GET") {
      reply->give(200, kJson, description_);
      return;
    }
    std::string named;
    const Route* const route = find(*request, named, *reply);
    if (route == nullptr) return;
    workers_.run(
        [this, request, reply, route, named](sql::Database& db) {
          Call call{*request, named, db, *reply, context_};
          answer(*route, call);
        },
        [reply](const Error& error) {
          reply->fail(503, error.what, {{"Retry-After", "5"}});
        });
  }

  const Route* find(const HttpRequest& request, std::string& named,
                    Reply& reply) const {
    std::string allowed;
    for (const Route& route : routes_) {
      if (!fits(route, request.path, named)) continue;
      if (route.method == request.method) return &route;
      allowed += (allowed.empty() ? "" : ", ") + route.method;
    }
    if (allowed.empty()) {
      reply.fail(404, fmt::format("nothing is here; GET {} describes what "
                                  "there is",
                                  kPathOfDescription));
    } else {
      reply.fail(405, "here can be done: " + allowed, {{"Allow", allowed}});
    }
    return nullptr;
  }

  // Nothing must escape: the client waits.
  void answer(const Route& route, Call& call) const {
    try {
      const auto refusal = guard_.check(
          call.request, needed_scope(route, call.request), call.db);
      if (!refusal) return call.reply.fail(refusal.error());
      if (*refusal) return refuse(**refusal, call.reply);
      if (const auto body = check_body(route, call.request)) {
        return refuse(*body, call.reply);
      }
      const auto params = check_params(route, call.request);
      if (!params) return call.reply.fail(params.error());
      const auto done = route.handler(call);
      if (!done) fail(done.error(), call.reply);
    } catch (const std::exception& e) {
      log_error("a request of the API failed", {{"error", e.what()}});
      call.reply.fail(500, "an error of the program; its log says more");
    }
  }

  static void refuse(const Refusal& refusal, Reply& reply) {
    Headers headers;
    if (refusal.status == 401) {
      headers = {{"WWW-Authenticate", "Bearer realm=\"ctvigil\""}};
    }
    reply.fail(refusal.status, refusal.what, std::move(headers));
  }

  static void fail(const Error& error, Reply& reply) {
    if (status_of(error) >= 500) {
      log_warning("a request of the API failed", {{"error", error.what}});
    }
    reply.fail(error);
  }

  const std::vector<Route> routes_;
  const std::string description_;
  const Guard guard_;
  LogFetches fetches_;
  Context context_;
  Workers workers_;
  std::unique_ptr<HttpFront> front_;
};

ApiServer::ApiServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ApiServer::~ApiServer() = default;

int ApiServer::port() const { return impl_->port(); }

Result<std::unique_ptr<ApiServer>> ApiServer::open(const ServerOptions& options,
                                                   sql::Database& db,
                                                   const std::string& url) {
  const auto where = parse_listen(options.listen, "--listen", "127.0.0.1:9791");
  if (!where) return tl::unexpected(where.error());
  const auto& [host, port] = *where;
  const auto allowed = check_listening(host, !options.tls_cert_file.empty(),
                                       options.behind_tls_proxy, db);
  if (!allowed) return tl::unexpected(allowed.error());
  auto impl = std::make_unique<Impl>(
      is_loopback_host(host) && !options.behind_tls_proxy, options, url);
  HttpFront::Options front;
  front.host = host;
  front.port = port;
  front.tls_cert_file = options.tls_cert_file;
  front.tls_key_file = options.tls_key_file;
  front.patience =
      options.patience + options.fetch_patience + std::chrono::seconds(10);
  const auto listening = impl->listen(front);
  if (!listening) return tl::unexpected(listening.error());
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(impl)));
}

}  // namespace ct::monitor::api
