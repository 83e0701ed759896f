// ScriptedLog: a server on loopback whose every answer a test writes itself,
// and what is needed to read a log from it.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/http.h"
#include "ctlog/log_source.h"
#include "tests/support/http_server.h"
#include "tests/support/test_key.h"

namespace ct::test {

class ScriptedLog {
 public:
  // Answers the request for `path`, which has neither the first slash nor the
  // query. Runs on the server's threads, one request at a time.
  using Script = std::function<void(
      const std::string& path, const httplib::Request&, httplib::Response&)>;

  explicit ScriptedLog(Script script) : script_(std::move(script)) {
    server_.routes().Get(
        ".*", [this](const httplib::Request& q, httplib::Response& r) {
          const std::lock_guard lock(mutex_);
          targets_.push_back(q.target.substr(1));
          times_.push_back(std::chrono::steady_clock::now());
          script_(q.path.substr(1), q, r);
        });
    server_.run();
  }

  [[nodiscard]] std::string url(std::string_view host = "127.0.0.1") const {
    return server_.url("/", host);
  }
  // What was asked for: path and query, in order.
  [[nodiscard]] std::vector<std::string> targets() const {
    const std::lock_guard lock(mutex_);
    return targets_;
  }
  // Between two requests, by their number.
  [[nodiscard]] std::chrono::milliseconds between(std::size_t a,
                                                  std::size_t b) const {
    const std::lock_guard lock(mutex_);
    return std::chrono::duration_cast<std::chrono::milliseconds>(times_.at(b) -
                                                                 times_.at(a));
  }
  [[nodiscard]] std::size_t connections() const {
    return server_.connections();
  }

 private:
  mutable std::mutex mutex_;  // guards all below, and the script's own state
  Script script_;
  std::vector<std::string> targets_;
  std::vector<std::chrono::steady_clock::time_point> times_;
  HttpServer server_;  // ends first: its threads use all of the above
};

// A source, with all that it needs around it. Retries come at once.
class LogReader {
 public:
  LogReader(ctlog::LogKind kind, std::string url, const TestKey& key,
            std::string submission_url = "") {
    ctlog::LogInfo log;
    log.kind = kind;
    log.description = "scripted";
    log.key = key.spki();
    log.log_id = key.log_id();
    log.monitoring_url = url;
    log.submission_url = submission_url.empty() ? url : submission_url;
    ctlog::SourceOptions options;
    options.allow_plain = true;
    options.backoff = std::chrono::milliseconds(1);
    options.max_retries = 3;
    options.max_body = 1u << 20;
    auto source =
        ctlog::open_log_source(log, executor_, http_, budget_, options);
    REQUIRE(source);
    source_ = std::move(*source);
  }

  ctlog::LogSource* operator->() { return source_.get(); }
  template <class T>
  T run(Task<T> task) {
    return start(std::move(task)).get();
  }
  template <class T>
  Future<T> start(Task<T> task) {
    return executor_.start(std::move(task));
  }
  void stop() { executor_.request_stop(); }

 private:
  Executor executor_{2};
  HttpClient http_{{.user_agent = "ctvigil-test"}};
  ctlog::RequestBudget budget_{100'000, 100'000};
  std::unique_ptr<ctlog::LogSource> source_;
};

}  // namespace ct::test
