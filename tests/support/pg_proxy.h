// A proxy before Postgres that loses connections at chosen instants.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace ct::test {

class PgProxy {
 public:
  enum class Fault {
    kNone,
    kBeforeCommit,  // COMMIT never reaches the server
    kAfterCommit,   // it does, but its reply is lost
  };

  // `socket_folder`: where the real server's socket is.
  explicit PgProxy(const std::string& socket_folder)
      : server_(socket_folder + "/.s.PGSQL.5432") {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener_, 16) != 0) {
      throw std::runtime_error("PgProxy: cannot listen");
    }
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~PgProxy() {
    stop_ = true;
    thread_.join();
    close(listener_);
  }
  PgProxy(const PgProxy&) = delete;
  PgProxy& operator=(const PgProxy&) = delete;

  // Turns the URL of a database on the real server into one through here.
  [[nodiscard]] std::string through(const std::string& url) const {
    return url + " host=127.0.0.1 sslmode=disable gssencmode=disable port=" +
           std::to_string(port_);
  }

  // Strikes once, at the next COMMIT.
  void fail_next(Fault fault) { fault_ = fault; }
  [[nodiscard]] bool has_struck() const { return fault_ == Fault::kNone; }

 private:
  struct Link {
    int client, server;
  };

  void run() {
    std::vector<Link> links;
    while (!stop_) {
      std::vector<pollfd> fds{{listener_, POLLIN, 0}};
      for (const Link& l : links) {
        fds.push_back({l.client, POLLIN, 0});
        fds.push_back({l.server, POLLIN, 0});
      }
      poll(fds.data(), fds.size(), 20);
      std::vector<Link> kept;
      for (std::size_t i = 0; i < links.size(); ++i) {
        const bool from_client = fds[1 + 2 * i].revents != 0;
        const bool from_server = fds[2 + 2 * i].revents != 0;
        if ((!from_client || to_server(links[i])) &&
            (!from_server || copy(links[i].server, links[i].client))) {
          kept.push_back(links[i]);
        } else {
          close(links[i].client);
          close(links[i].server);
        }
      }
      links = std::move(kept);
      if (fds[0].revents != 0) accept_one(links);
    }
    for (const Link& l : links) close(l.client), close(l.server);
  }

  void accept_one(std::vector<Link>& links) {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    const int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, server_.c_str(),
                 sizeof address.sun_path - 1);
    if (connect(server, reinterpret_cast<sockaddr*>(&address),
                sizeof address) != 0) {
      close(client);
      close(server);
      return;
    }
    links.push_back({client, server});
  }

  // False: the connection is at its end.
  bool to_server(const Link& link) {
    char buffer[65536];
    const ssize_t n = recv(link.client, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    // A simple query message: 'Q', its length, the text and a NUL.
    const std::string_view data(buffer, static_cast<std::size_t>(n));
    const bool commit = data.size() == 12 && data[0] == 'Q' &&
                        data.substr(5) == std::string_view("COMMIT\0", 7);
    const Fault fault = commit ? fault_.exchange(Fault::kNone) : Fault::kNone;
    if (fault == Fault::kBeforeCommit) return false;
    if (!send_all(link.server, data)) return false;
    if (fault == Fault::kAfterCommit) {
      // The server has answered, so it has committed.
      if (recv(link.server, buffer, sizeof buffer, 0) <= 0) return false;
      return false;
    }
    return true;
  }

  static bool copy(int from, int to) {
    char buffer[65536];
    const ssize_t n = recv(from, buffer, sizeof buffer, 0);
    return n > 0 && send_all(to, {buffer, static_cast<std::size_t>(n)});
  }
  static bool send_all(int to, std::string_view data) {
    while (!data.empty()) {
      const ssize_t n = send(to, data.data(), data.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  const std::string server_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<Fault> fault_{Fault::kNone};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace ct::test
