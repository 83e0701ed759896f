// HttpListener: a thread in which a server of cpp-httplib listens.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <utility>

#include "base/result.h"

namespace httplib {
class Server;
}

namespace ct::monitor {

class HttpListener {
 public:
  // `server` must outlive this.
  explicit HttpListener(httplib::Server& server) : server_(server) {}
  ~HttpListener() { stop(); }
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  // Port 0: the system chooses. False: nothing can listen there.
  [[nodiscard]] bool listen(const std::string& host, int port);
  // Waits for the requests at hand; it may just have begun to listen.
  void stop();
  [[nodiscard]] int port() const { return port_; }

 private:
  httplib::Server& server_;
  int port_ = 0;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

// "ADDRESS:PORT" apart; an IPv6 address is in brackets. kUsage: not of that
// form; names the option and gives its `standard` as an example.
[[nodiscard]] Result<std::pair<std::string, int>> parse_listen(
    const std::string& address, const char* option, const char* standard);

}  // namespace ct::monitor
