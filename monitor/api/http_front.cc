#include "monitor/api/http_front.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <atomic>

#include "monitor/api/connection.h"
#include "monitor/http_listener.h"

namespace ct::monitor::api {
namespace {

using HandlerResponse = httplib::Server::HandlerResponse;
using std::chrono::milliseconds;

constexpr std::size_t kThreads = 32;  // each serves one connection
constexpr std::size_t kRequestsPerConnection = 10'000;
constexpr milliseconds kIdle{5'000};

using TlsContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Result<TlsContext> tls_context(const HttpFront::Options& options) {
  TlsContext context(nullptr, &SSL_CTX_free);
  if (options.tls_cert_file.empty() && options.tls_key_file.empty()) {
    return context;
  }
  if (options.tls_cert_file.empty() || options.tls_key_file.empty()) {
    return fail(Errc::kUsage,
                "TLS wants both a certificate and its key: --tls-cert FILE "
                "--tls-key FILE");
  }
  context.reset(SSL_CTX_new(TLS_server_method()));
  const auto bad = [](const std::string& file, const char* what) {
    ERR_clear_error();
    return fail(Errc::kUsage, fmt::format("{}: {}", file, what));
  };
  if (!context) return fail(Errc::kInternal, "TLS cannot be set up");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_use_certificate_chain_file(context.get(),
                                         options.tls_cert_file.c_str()) != 1) {
    return bad(options.tls_cert_file,
               "not a readable PEM file with a certificate and its chain");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.tls_key_file.c_str(),
                                  SSL_FILETYPE_PEM) != 1) {
    return bad(options.tls_key_file,
               "not a readable PEM file with the certificate's private key, "
               "without a password");
  }
  return context;
}

// A Connection as the library wants it.
class Stream : public httplib::Stream {
 public:
  explicit Stream(Connection& connection) : connection_(connection) {}

  bool is_readable() const override { return connection_.can_read(); }
  bool is_writable() const override { return connection_.can_write(); }
  ssize_t read(char* to, size_t size) override {
    return connection_.read(to, size);
  }
  ssize_t write(const char* from, size_t size) override {
    return connection_.write(from, size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return connection_.fd(); }

 private:
  Connection& connection_;
};

std::size_t body_size(const httplib::Request& request) {
  const std::string text = request.get_header_value("Content-Length");
  return text.empty() ? 0 : std::strtoull(text.c_str(), nullptr, 10);
}

// Why a request is not even looked at; the status, or 0.
int refused_as(const httplib::Request& request) {
  if (request.method != "GET" && request.method != "HEAD" &&
      request.method != "POST" && request.method != "DELETE") {
    return 405;
  }
  // Two of them, or both, and a proxy may see another request than we do.
  const std::string length = request.get_header_value("Content-Length");
  if (request.get_header_value_count("Host") > 1 ||
      request.get_header_value_count("Content-Length") > 1 ||
      length.size() > 18 ||
      length.find_first_not_of("0123456789") != std::string::npos) {
    return 400;
  }
  if (request.has_header("Transfer-Encoding")) return 411;
  return body_size(request) > kMaxBody ? 413 : 0;
}

const char* why_refused(int status) {
  switch (status) {
    case 404:
      return "nothing is here; GET /openapi.json describes what there is";
    case 405:
      return "only GET, HEAD, POST and DELETE are understood";
    case 411:
      return "a body must come with its Content-Length";
    case 413:
      return "a body may have 8 MB; send several requests";
    case 414:
      return "the address is too long; POST /v1/certificates takes long lists";
    case 500:
      return "an error of the program; its log says more";
    default:
      return "not a request that can be read: malformed, or its head is "
             "larger than 16 kB";
  }
}

HttpRequest request_of(const httplib::Request& from) {
  HttpRequest request;
  request.method = from.method == "HEAD" ? "GET" : from.method;
  request.path = from.path;
  request.params.assign(from.params.begin(), from.params.end());
  request.host = from.get_header_value("Host");
  request.authorization = from.get_header_value("Authorization");
  request.content_type = from.get_header_value("Content-Type");
  for (const char* header : {"Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
                             "X-Real-IP", "Via"}) {
    request.forwarded = request.forwarded || from.has_header(header);
  }
  const auto site = from.get_header_value("Sec-Fetch-Site");
  request.cross_site = site == "cross-site" || site == "same-site";
  request.body = from.body;
  return request;
}

class Server : public httplib::Server {
 public:
  Server(const HttpFront::Options& options, HttpFront::Handler handler,
         TlsContext tls)
      : patience_(options.patience),
        handler_(std::move(handler)),
        tls_(std::move(tls)) {
    new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
    set_tcp_nodelay(true);
    set_payload_max_length(kMaxBody);
    set_pre_routing_handler([this](const auto& request, auto& response) {
      return before_body(request, response);
    });
    Post(".*", [this](const auto& request, auto& response) {
      answer(request, response);
    });
    Delete(".*", [this](const auto& request, auto& response) {
      answer(request, response);
    });
    set_exception_handler([](const auto&, auto& response, auto) {
      response.status = 500;
      response.set_content(problem_json(500, why_refused(500)),
                           std::string(kProblem));
    });
    set_error_handler([](const auto&, auto& response) {
      if (!response.body.empty() || response.content_provider_) return;
      response.set_content(
          problem_json(response.status, why_refused(response.status)),
          std::string(kProblem));
    });
  }

  void begin_stop() { stopping_ = true; }

 private:
  bool process_and_close_socket(socket_t socket) override {
    Connection connection(socket, tls_.get(), stopping_);
    if (!connection.accept()) return false;
    Stream stream(connection);
    for (std::size_t n = 0; n < kRequestsPerConnection && !stopping_; ++n) {
      if (!connection.wait_for_request(kIdle)) break;
      connection.begin_request();
      bool close = false, understood = false;
      std::size_t body = 0;
      const auto set_up = [&](httplib::Request& request) {
        understood = refused_as(request) == 0;
        body = body_size(request);
        tame(request);
      };
      const bool done = process(*this, stream, close, set_up);
      if (connection.is_over_limit() && !connection.has_written()) {
        write_too_large(stream);
      }
      // What was not read of a body is no request.
      if (!done || close || !understood || connection.is_over_limit() ||
          connection.body_read() != body) {
        break;
      }
    }
    return true;
  }

  // Takes one request. The library has had two forms of this.
  template <class This, class SetUp>
  static bool process(This& server, Stream& stream, bool& close,
                      const SetUp& set_up) {
    if constexpr (requires {
                    server.process_request(stream, false, close, set_up);
                  }) {
      return server.process_request(stream, false, close, set_up);
    } else {
      return server.process_request(stream, "", 0, "", 0, false, close, set_up);
    }
  }

  // What the library would do of its own accord, and we do not want.
  static void tame(httplib::Request& request) {
    request.ranges.clear();
    request.headers.erase("Range");
    request.headers.erase("Accept-Encoding");
    request.headers.erase("Expect");
    // Without a length it would read until the client is done.
    if (!request.has_header("Content-Length")) {
      request.set_header("Content-Length", "0");
    }
  }

  static void write_too_large(Stream& stream) {
    const std::string body = problem_json(431, why_refused(400));
    const std::string text = fmt::format(
        "HTTP/1.1 431 Request Header Fields Too Large\r\n"
        "Content-Type: {}\r\nContent-Length: {}\r\n"
        "Connection: close\r\n\r\n{}",
        kProblem, body.size(), body);
    (void)stream.write(text.data(), text.size());
  }

  HandlerResponse before_body(const httplib::Request& request,
                              httplib::Response& response) {
    if (const int status = refused_as(request); status != 0) {
      response.status = status;
      response.set_content(problem_json(status, why_refused(status)),
                           std::string(kProblem));
      if (status == 405)
        response.set_header("Allow", "GET, HEAD, POST, DELETE");
      return HandlerResponse::Handled;
    }
    if (request.method == "POST" || request.method == "DELETE") {
      return HandlerResponse::Unhandled;
    }
    answer(request, response);
    return HandlerResponse::Handled;
  }

  void answer(const httplib::Request& request, httplib::Response& response) {
    const auto reply = std::make_shared<Reply>();
    handler_(request_of(request), reply);
    auto start = reply->start(std::chrono::steady_clock::now() + patience_);
    response.status = start.status;
    for (const auto& [name, value] : start.headers) {
      response.set_header(name.c_str(), value);
    }
    response.set_header("X-Content-Type-Options", "nosniff");
    response.set_header("Cache-Control", "no-store");
    if (start.whole) {
      response.set_content(std::move(start.body), start.content_type);
      return;
    }
    response.set_chunked_content_provider(
        start.content_type,
        [this, reply, text = std::move(start.body)](
            std::size_t, httplib::DataSink& sink) mutable {
          if (stopping_ || !sink.write(text.data(), text.size())) return false;
          switch (reply->next(text)) {
            case Reply::Next::kMore:
              return true;
            case Reply::Next::kEnd:
              sink.done();
              return true;
            case Reply::Next::kBroken:
              break;
          }
          return false;
        },
        [reply](bool) { reply->abandon(); });
  }

  const milliseconds patience_;
  const HttpFront::Handler handler_;
  const TlsContext tls_;
  std::atomic<bool> stopping_{false};
};

}  // namespace

class HttpFront::Impl {
 public:
  Impl(const Options& options, Handler handler, TlsContext tls)
      : server_(options, std::move(handler), std::move(tls)) {}
  ~Impl() {
    begin_stop();
    listener_.stop();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void begin_stop() { server_.begin_stop(); }
  HttpListener& listener() { return listener_; }

 private:
  Server server_;
  HttpListener listener_{server_};
};

HttpFront::HttpFront(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpFront::~HttpFront() = default;

void HttpFront::begin_stop() { impl_->begin_stop(); }

int HttpFront::port() const { return impl_->listener().port(); }

Result<std::unique_ptr<HttpFront>> HttpFront::open(const Options& options,
                                                   Handler handler) {
  auto tls = tls_context(options);
  if (!tls) return tl::unexpected(tls.error());
  auto impl =
      std::make_unique<Impl>(options, std::move(handler), *std::move(tls));
  if (!impl->listener().listen(options.host, options.port)) {
    return fail(Errc::kUsage,
                fmt::format("cannot listen on {}:{}: is the port taken, and "
                            "the address one of this machine?",
                            options.host, options.port));
  }
  return std::unique_ptr<HttpFront>(new HttpFront(std::move(impl)));
}

}  // namespace ct::monitor::api
