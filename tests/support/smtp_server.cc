#include "tests/support/smtp_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "base/base64.h"

namespace ct::test {
namespace {

void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("SMTP server: ") + what);
}

// One client's connection, plain or encrypted.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}
  ~Connection() {
    SSL_free(ssl_);
    close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool start_tls(SSL_CTX* context) {
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, fd_);
    input_.clear();
    return SSL_accept(ssl_) == 1;
  }
  [[nodiscard]] bool encrypted() const { return ssl_ != nullptr; }

  // A line without its CRLF; false at the end.
  bool line(std::string& out) {
    for (;;) {
      if (const auto end = input_.find("\r\n"); end != std::string::npos) {
        out = input_.substr(0, end);
        input_.erase(0, end + 2);
        return true;
      }
      char buffer[4096];
      const auto n = ssl_ != nullptr ? SSL_read(ssl_, buffer, sizeof buffer)
                                     : recv(fd_, buffer, sizeof buffer, 0);
      if (n <= 0) return false;
      input_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  void say(const std::string& text) {
    const std::string out = text + "\r\n";
    if (ssl_ != nullptr) {
      (void)SSL_write(ssl_, out.data(), static_cast<int>(out.size()));
    } else {
      (void)send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
    }
  }

 private:
  int fd_;
  SSL* ssl_ = nullptr;
  std::string input_;
};

std::string address_in(const std::string& command) {
  const auto begin = command.find('<'), end = command.find('>');
  return command.substr(begin + 1, end - begin - 1);
}

}  // namespace

class SmtpServer::Impl {
 public:
  Impl(const TlsIdentity& tls, Options options) : options_(std::move(options)) {
    context_ = SSL_CTX_new(TLS_server_method());
    require(SSL_CTX_use_certificate(context_, tls.certificate()) == 1 &&
                SSL_CTX_use_PrivateKey(context_, tls.key()) == 1,
            "certificate");
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    require(bind(listener_, generic, size) == 0 && listen(listener_, 8) == 0 &&
                getsockname(listener_, generic, &size) == 0,
            "bind");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~Impl() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    if (const int client = client_.load(); client >= 0) {
      shutdown(client, SHUT_RDWR);
    }
    thread_.join();
    close(listener_);
    SSL_CTX_free(context_);
  }

  void serve() {
    // libssl writes without MSG_NOSIGNAL.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (!stopping_) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      client_ = fd;
      if (stopping_) shutdown(fd, SHUT_RDWR);
      Connection connection(fd);
      converse(connection);
      client_ = -1;
    }
  }

  void converse(Connection& c) {
    std::string line;
    if (options_.hang) {
      while (c.line(line)) {
      }
      return;
    }
    if (options_.security == Security::kImplicit && !c.start_tls(context_)) {
      return;
    }
    c.say("220 test");
    Mail mail;
    bool authenticated = false;
    while (c.line(line)) {
      if (line.starts_with("EHLO")) {
        hello(c);
      } else if (line == "STARTTLS") {
        c.say("220 go");
        if (!c.start_tls(context_)) return;
      } else if (line.starts_with("AUTH PLAIN")) {
        authenticated = check(c, line);
      } else if (line.starts_with("MAIL FROM:")) {
        if (!options_.user.empty() && !authenticated) {
          c.say("530 log in first");
          continue;
        }
        mail = {address_in(line), {}, "", c.encrypted(), authenticated};
        c.say("250 ok");
      } else if (line.starts_with("RCPT TO:")) {
        recipient(c, line, mail);
      } else if (line == "DATA") {
        if (!data(c, mail)) return;
      } else if (line == "QUIT") {
        c.say("221 bye");
        return;
      } else {
        c.say("250 ok");
      }
    }
  }

  void hello(Connection& c) {
    c.say("250-test");
    if (options_.security == Security::kStartTls && !c.encrypted()) {
      c.say("250-STARTTLS");
    }
    c.say("250 AUTH PLAIN");
  }

  bool check(Connection& c, const std::string& line) {
    std::string response = line.substr(std::min<std::size_t>(line.size(), 11));
    if (response.empty()) {
      c.say("334 ");
      if (!c.line(response)) return false;
    }
    const auto decoded = from_base64(response);
    using std::string_literals::operator""s;
    const std::string expected =
        "\0"s + options_.user + "\0"s + options_.password;
    const bool good = decoded && as_text(*decoded) == expected;
    c.say(good ? "235 welcome" : "535 not you: " + options_.password);
    return good;
  }

  void recipient(Connection& c, const std::string& line, Mail& mail) {
    const std::string address = address_in(line);
    if (const auto it = options_.refusals.find(address);
        it != options_.refusals.end()) {
      c.say(it->second);
      return;
    }
    mail.to.push_back(address);
    c.say("250 ok");
  }

  bool data(Connection& c, Mail& mail) {
    c.say("354 go on");
    std::string line;
    for (;;) {
      if (!c.line(line)) return false;
      if (line == ".") break;
      if (line.starts_with('.')) line.erase(0, 1);
      mail.data += line + "\r\n";
    }
    {
      const std::lock_guard lock(mutex_);
      if (options_.data_reply.starts_with('2')) mails_.push_back(mail);
    }
    c.say(options_.data_reply);
    return true;
  }

  const Options options_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> client_{-1};
  std::thread thread_;
  mutable std::mutex mutex_;  // guards mails_
  std::vector<Mail> mails_;
};

SmtpServer::SmtpServer(const TlsIdentity& tls, Options options)
    : impl_(std::make_unique<Impl>(tls, std::move(options))) {}
SmtpServer::~SmtpServer() = default;

int SmtpServer::port() const { return impl_->port_; }

std::vector<SmtpServer::Mail> SmtpServer::mails() const {
  const std::lock_guard lock(impl_->mutex_);
  return impl_->mails_;
}

}  // namespace ct::test
