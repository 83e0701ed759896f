#include "tests/support/receiver.h"

#include <httplib.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace ct::test {

class Receiver::Impl {
 public:
  Impl(const TlsIdentity* tls, int port) : secure_(tls != nullptr) {
    if (tls != nullptr) {
      server_ =
          std::make_unique<httplib::SSLServer>(tls->certificate(), tls->key());
    } else {
      server_ = std::make_unique<httplib::Server>();
    }
    server_->set_keep_alive_timeout(1);
    const auto handle = [this](const httplib::Request& in,
                               httplib::Response& out) { serve(in, out); };
    server_->Post(".*", handle);
    server_->Get(".*", handle);
    port_ = port;
    const bool bound =
        port == 0 ? (port_ = server_->bind_to_any_port("127.0.0.1")) > 0
                  : server_->bind_to_port("127.0.0.1", port);
    if (!bound) throw std::runtime_error("receiver: cannot bind");
    thread_ = std::thread([this] { server_->listen_after_bind(); });
    // stop() is lost on a server that does not listen yet.
    while (!server_->is_running()) std::this_thread::yield();
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    server_->stop();
    thread_.join();
  }

  void serve(const httplib::Request& in, httplib::Response& out) {
    Request request{in.path, in.body, {}};
    for (const auto& [name, value] : in.headers) {
      std::string lower = name;
      std::transform(lower.begin(), lower.end(), lower.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      request.headers[lower] = value;
    }
    std::unique_lock lock(mutex_);
    requests_.push_back(std::move(request));
    changed_.notify_all();
    if (answer_.hang) changed_.wait(lock, [&] { return closing_; });
    out.status = answer_.status;
    out.set_content(answer_.body, "text/plain");
    for (const auto& [name, value] : answer_.headers) {
      out.set_header(name, value);
    }
  }

  const bool secure_;
  int port_ = 0;
  std::unique_ptr<httplib::Server> server_;
  std::thread thread_;

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  Answer answer_;
  std::vector<Request> requests_;
  bool closing_ = false;
};

Receiver::Receiver(const TlsIdentity* tls, int port)
    : impl_(std::make_unique<Impl>(tls, port)) {}
Receiver::~Receiver() = default;

int Receiver::port() const { return impl_->port_; }

std::string Receiver::url(const std::string& path) const {
  return (impl_->secure_ ? "https://localhost:" : "http://localhost:") +
         std::to_string(impl_->port_) + path;
}

void Receiver::answer(Answer answer) {
  const std::lock_guard lock(impl_->mutex_);
  impl_->answer_ = std::move(answer);
}

std::vector<Receiver::Request> Receiver::received() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->requests_;
}

bool Receiver::wait_for(std::size_t n, std::chrono::seconds timeout) const {
  std::unique_lock lock(impl_->mutex_);
  return impl_->changed_.wait_for(lock, timeout,
                                  [&] { return impl_->requests_.size() >= n; });
}

}  // namespace ct::test
