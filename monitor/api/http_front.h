// HttpFront: listens, reads requests within bounds of size and time, and
// passes answers on as they come.
//
// Requests are hostile: their heads are at most 16 kB long and must arrive
// within 10 seconds, their bodies 8 MB and a minute; a client that takes less
// than 64 kB in half a minute is given up.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "monitor/api/reply.h"

namespace ct::monitor::api {

struct HttpRequest {
  std::string method;  // GET (HEAD as well), POST or DELETE
  std::string path;    // decoded
  std::vector<std::pair<std::string, std::string>> params;  // decoded
  std::string host, authorization, content_type;            // headers
  bool forwarded = false;   // a proxy says that it passes it on
  bool cross_site = false;  // a browser says that another site's page asks
  std::string body;
};

class HttpFront {
 public:
  struct Options {
    std::string host;
    int port = 0;                             // 0: the system chooses
    std::string tls_cert_file, tls_key_file;  // PEM; "": no TLS
    // How long an answer may take to begin.
    std::chrono::milliseconds patience{60'000};
  };
  // Answers into the reply, at once or later, and lets it outlive the request.
  using Handler =
      std::function<void(HttpRequest request, std::shared_ptr<Reply> reply)>;

  // kUsage: nothing can listen there, or the TLS files are no good.
  [[nodiscard]] static Result<std::unique_ptr<HttpFront>> open(
      const Options& options, Handler handler);
  // Breaks off answers that are still on their way.
  ~HttpFront();
  // The same without waiting: nothing more is read or written.
  void begin_stop();

  [[nodiscard]] int port() const;

 private:
  class Impl;
  explicit HttpFront(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::monitor::api
