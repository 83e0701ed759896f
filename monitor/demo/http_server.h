// HttpServer: answers HTTP(S) on loopback through one handler; the ground
// that the local logs and the demo's webhook receiver stand on.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "monitor/demo/local_ca.h"

namespace ct::monitor::demo {

struct ServerRequest {
  std::string method;
  std::string path;  // decoded, without the query
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string header(const std::string& lower_case) const {
    const auto it = headers.find(lower_case);
    return it == headers.end() ? "" : it->second;
  }
};

struct ServerResponse {
  int status = 200;
  std::string content_type = "text/plain";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;

  // For tests: what servers do that are broken or mean.
  std::chrono::milliseconds delay{0};  // before the first byte
  enum class Ending {
    kComplete,
    kCut,      // the connection ends halfway through the body
    kEndless,  // `body` again and again, of no stated length
    kHang,     // no answer at all, until the server is destroyed
  };
  Ending ending = Ending::kComplete;
};

class HttpServer {
 public:
  struct Options {
    std::optional<TlsIdentity> tls;  // none: plain http
    int port = 0;                    // 0: whichever the kernel chooses
    unsigned threads = 32;           // one for each connection; idle ones count
  };
  // Called from many threads at once.
  using Handler = std::function<ServerResponse(const ServerRequest&)>;

  // kUsage: the port is taken, the identity unusable.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(
      const Options& options, Handler handler);
  // Cuts off what is under way.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::string url() const;  // "https://127.0.0.1:4711/"

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::monitor::demo
