// LocalLogServer: any number of local logs on one loopback port, each below a
// path of its name, and the log list that describes them.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "monitor/demo/http_server.h"
#include "monitor/demo/local_log.h"
#include "monitor/demo/log_endpoints.h"

namespace ct::monitor::demo {

class LocalLogServer {
 public:
  struct Options {
    HttpServer::Options http;
    EndpointOptions endpoints;
  };
  // Every request passes through the hook, which may answer itself, or take
  // what `honest()` answers and change it. Called from many threads.
  struct LogRequest {
    LocalLog& log;
    std::string path;  // below the log's prefix: "ct/v1/get-sth"
    const ServerRequest& http;
  };
  using Hook = std::function<ServerResponse(
      const LogRequest& request,
      const std::function<ServerResponse()>& honest)>;

  // The logs must outlive the server.
  [[nodiscard]] static Result<std::unique_ptr<LocalLogServer>> start(
      const Options& options, std::vector<LocalLog*> logs);

  // Replaces the hook; none: only honest answers.
  void on_request(Hook hook);

  [[nodiscard]] int port() const { return http_->port(); }
  // Where the log is read; ends in '/'.
  [[nodiscard]] std::string url(const LocalLog& log) const;
  // As a log list describes it, for a client without a list.
  [[nodiscard]] ctlog::LogInfo info(const LocalLog& log) const;
  // Version 3, unsigned; logs grouped by operator.
  [[nodiscard]] std::string log_list_json() const;
  // kUsage: the file cannot be written.
  [[nodiscard]] Result<void> write_log_list(const std::string& path) const;

 private:
  LocalLogServer(EndpointOptions endpoints, std::vector<LocalLog*> logs)
      : endpoints_(endpoints), logs_(std::move(logs)) {}
  ServerResponse answer(const ServerRequest& request);

  const EndpointOptions endpoints_;
  const std::vector<LocalLog*> logs_;
  std::mutex mutex_;
  std::shared_ptr<const Hook> hook_;  // guarded by mutex_; shared with calls
                                      // under way
  std::unique_ptr<HttpServer> http_;  // last: stops before the rest goes
};

}  // namespace ct::monitor::demo
