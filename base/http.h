// HttpClient: HTTP(S) requests over libcurl's multi interface, on one thread.
//
// HTTP/2 where the server offers it, connections kept and reused, gzip
// undone, no redirects followed, certificates always checked. Everything
// that comes back is hostile: the body is cut off at `max_body` decoded
// bytes, the time at `timeout`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/executor.h"
#include "base/result.h"

namespace ct {

struct HttpRequest {
  std::string url;
  std::string method = "GET";
  std::vector<std::string> headers;           // "Name: value"
  std::string body;                           // sent when `method` is POST
  std::size_t max_body = 64u << 20;           // bytes, after decompression
  std::chrono::milliseconds timeout{60'000};  // whole exchange
  std::chrono::milliseconds connect_timeout{15'000};
  std::chrono::seconds stall_timeout{20};  // with fewer than 100 bytes/s
  std::string ca_file;                     // PEM; empty: the system's roots
  bool allow_plain = false;                // http:// as well as https://
  bool allow_private = true;  // connect to loopback, link-local, RFC 1918 …
  bool keep_gzip = false;     // leave a gzip'd body so: see HttpResponse
  bool keep_alive = true;     // false: a connection for this request alone
  bool secret_url = false;    // the URL is a secret: errors name the host only
  // Shown the body as it grows: all of it so far, as received. Runs on the
  // client's thread, which all requests share, and throws nothing.
  std::function<void(std::string_view)> on_body;
};

struct HttpResponse {
  long status = 0;
  Buffer body;
  bool gzipped = false;  // the body is, which `keep_gzip` allows
  std::string content_type;
  // From Retry-After, in seconds or as an HTTP date; never negative.
  std::optional<std::chrono::milliseconds> retry_after;
};

class HttpClient {
 public:
  struct Options {
    std::string user_agent;
    long max_connections_per_host = 8;
    long max_connections = 128;
  };

  explicit HttpClient(Options options);
  // Fails what is under way with kStopping.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any status is a response; an error is a failure to get one:
  // kTransient: no connection, TLS failure, time-out, broken transfer
  // kMalformed: the body is larger than `max_body`, or headers have no end
  // kUsage: no URL of an allowed scheme, or a private address not allowed
  // kStopping: stop() was called
  using Done = std::function<void(Result<HttpResponse>)>;
  // From any thread; `done` runs once, on the client's thread, and does not
  // throw.
  void start(HttpRequest request, Done done);

  // Awaited, resuming on `executor`.
  Future<Result<HttpResponse>> fetch(Executor& executor, HttpRequest request);
  // Blocks; never call it from `done`.
  [[nodiscard]] Result<HttpResponse> get(HttpRequest request);

  // Aborts all transfers and refuses new ones.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Seconds, or an HTTP date against `now`; clamped to [0, 1 day].
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_retry_after(
    std::string_view value, std::chrono::system_clock::time_point now);

}  // namespace ct
