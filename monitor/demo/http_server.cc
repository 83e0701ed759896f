#include "monitor/demo/http_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <condition_variable>
#include <mutex>
#include <optional>

#include "base/ascii.h"
#include "monitor/http_listener.h"

namespace ct::monitor::demo {
namespace {

struct FreeX509 {
  void operator()(X509* p) const { X509_free(p); }
};
struct FreePkey {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
};
struct FreeBio {
  void operator()(BIO* p) const { BIO_free(p); }
};

// Puts chain and key into the context; false if they do not fit.
bool use_identity(SSL_CTX& context, const TlsIdentity& identity) {
  for (std::size_t i = 0; i < identity.chain.size(); ++i) {
    const std::uint8_t* der = identity.chain[i].data();
    std::unique_ptr<X509, FreeX509> certificate(
        d2i_X509(nullptr, &der, static_cast<long>(identity.chain[i].size())));
    if (!certificate) return false;
    if (i == 0) {
      if (SSL_CTX_use_certificate(&context, certificate.get()) != 1) {
        return false;
      }
    } else if (SSL_CTX_add_extra_chain_cert(&context, certificate.get()) != 1) {
      return false;
    } else {
      certificate.release();  // the context owns it now
    }
  }
  const std::string pem = identity.key.private_pem();
  const std::unique_ptr<BIO, FreeBio> in(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<EVP_PKEY, FreePkey> key(
      PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  return key && SSL_CTX_use_PrivateKey(&context, key.get()) == 1 &&
         SSL_CTX_check_private_key(&context) == 1;
}

ServerRequest convert(const httplib::Request& in) {
  ServerRequest out;
  out.method = in.method;
  out.path = in.path;
  for (const auto& [name, value] : in.params) out.query.emplace(name, value);
  for (const auto& [name, value] : in.headers) {
    out.headers.emplace(ascii_lower(name), value);
  }
  out.body = in.body;
  return out;
}

}  // namespace

struct HttpServer::Impl {
  std::unique_ptr<httplib::Server> server;
  bool tls = false;
  Handler handler;
  std::optional<HttpListener> listener;

  std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;  // guarded by mutex

  // Waits; false as soon as the server is being stopped.
  bool pause(std::chrono::milliseconds d) {
    std::unique_lock lock(mutex);
    return !wake.wait_for(lock, d, [&] { return stopping; });
  }
  bool is_stopping() {
    const std::lock_guard lock(mutex);
    return stopping;
  }

  void answer(const httplib::Request& in, httplib::Response& out);
};

void HttpServer::Impl::answer(const httplib::Request& in,
                              httplib::Response& out) {
  using Ending = ServerResponse::Ending;
  ServerResponse response = handler(convert(in));
  if (response.delay.count() > 0 && !pause(response.delay)) return;
  if (response.ending == Ending::kHang) {
    std::unique_lock lock(mutex);
    wake.wait(lock, [&] { return stopping; });
    return;
  }

  out.status = response.status;
  for (const auto& [name, value] : response.headers) {
    out.set_header(name, value);
  }
  const auto body = std::make_shared<std::string>(std::move(response.body));
  if (response.ending == Ending::kEndless) {
    out.set_chunked_content_provider(
        "application/octet-stream",
        [this, body](std::size_t, httplib::DataSink& sink) {
          return !is_stopping() && sink.write(body->data(), body->size());
        });
    return;
  }
  if (body->empty()) {
    out.set_content("", response.content_type);
    return;
  }
  // A provider of known length is what httplib neither compresses nor copies.
  const bool cut = response.ending == Ending::kCut;
  out.set_content_provider(body->size(), response.content_type,
                           [body, cut](std::size_t offset, std::size_t length,
                                       httplib::DataSink& sink) {
                             if (!cut)
                               return sink.write(body->data() + offset, length);
                             sink.write(body->data(), body->size() / 2);
                             return false;
                           });
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Options& options,
                                                      Handler handler) {
  auto impl = std::make_unique<Impl>();
  impl->handler = std::move(handler);
  impl->tls = options.tls.has_value();
  if (options.tls) {
    impl->server = std::make_unique<httplib::SSLServer>(
        [&](SSL_CTX& context) { return use_identity(context, *options.tls); });
  } else {
    impl->server = std::make_unique<httplib::Server>();
  }
  httplib::Server& server = *impl->server;
  if (!server.is_valid()) {
    return fail(Errc::kUsage, "TLS: certificate and key do not fit");
  }

  const unsigned threads = options.threads;
  server.new_task_queue = [threads] {
    return new httplib::ThreadPool(threads);  // httplib deletes it
  };
  server.set_keep_alive_max_count(100'000);
  // An idle connection holds up stop() for so long.
  server.set_keep_alive_timeout(1);
  server.set_tcp_nodelay(true);
  // Before routing, so that no pattern is ever matched against a path; a
  // request with a body is read by the time httplib routes it, so those go by
  // a route of their own.
  Impl* const self = impl.get();
  server.set_pre_routing_handler(
      [self](const httplib::Request& in, httplib::Response& out) {
        if (in.method == "POST" || in.method == "PUT") {
          return httplib::Server::HandlerResponse::Unhandled;
        }
        self->answer(in, out);
        return httplib::Server::HandlerResponse::Handled;
      });
  server.Post(".*", [self](const httplib::Request& in, httplib::Response& out) {
    self->answer(in, out);
  });

  impl->listener.emplace(server);
  if (!impl->listener->listen("127.0.0.1", options.port)) {
    return fail(Errc::kUsage,
                fmt::format("127.0.0.1 port {}: cannot listen", options.port));
  }
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->listener->stop();
}

int HttpServer::port() const { return impl_->listener->port(); }

std::string HttpServer::url() const {
  return fmt::format("{}://127.0.0.1:{}/", impl_->tls ? "https" : "http",
                     port());
}

}  // namespace ct::monitor::demo
