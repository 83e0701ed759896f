// LogFetcher: GET requests to one log, with the manners they need: the
// operator's budget, retries with backoff and jitter, Retry-After.
#pragma once

#include <functional>
#include <string>

#include "ctlog/log_source.h"

namespace ct::ctlog {

// The waits between the tries of one request: doubling, with jitter, at most
// 30 seconds each.
class Backoff {
 public:
  Backoff(Executor& executor, const SourceOptions& options)
      : executor_(executor),
        next_(options.backoff),
        left_(options.max_retries) {}

  // Waits. False: all retries are used up, or stop was requested.
  Task<bool> wait();

 private:
  Executor& executor_;
  std::chrono::milliseconds next_;
  unsigned left_;
};

class LogFetcher {
 public:
  // `url` ends in '/'.
  LogFetcher(Executor& executor, HttpClient& http, RequestBudget& budget,
             SourceOptions options, std::string url);

  // One try. `body` is there for status 200 only; `status` is 0 when there was
  // no answer, or a broken one. Pauses the budget on 429 and 503. `on_body` as
  // in HttpRequest.
  struct Attempt {
    long status = 0;
    Result<Buffer> body;
  };
  using OnBody = std::function<void(std::string_view)>;
  Task<Attempt> attempt(std::string path, std::size_t max_body,
                        OnBody on_body = {});

  // Tries until `decode` accepts the body, the retries are used up, or an
  // error comes that no retry mends: all but kTransient and kMalformed, and
  // kGone where `retry_gone` says that it may be passing.
  template <class T>
  using Decode = std::function<Result<T>(Buffer)>;
  template <class T>
  Task<Result<T>> get(std::string path, std::size_t max_body, Decode<T> decode,
                      bool retry_gone);

  // The error to end a request with: it names the URL, or says kStopping.
  [[nodiscard]] tl::unexpected<Error> give_up(const std::string& path,
                                              Error last) const;
  [[nodiscard]] Backoff backoff() const { return {executor_, options_}; }
  [[nodiscard]] std::size_t max_body() const { return options_.max_body; }

 private:
  // All constant after construction.
  Executor& executor_;
  HttpClient& http_;
  RequestBudget& budget_;
  SourceOptions options_;
  std::string url_;
  bool keep_alive_;
};

// Whether a try that ended so is worth repeating.
[[nodiscard]] inline bool worth_retrying(const Error& e, bool retry_gone) {
  return e.code == Errc::kTransient || e.code == Errc::kMalformed ||
         (e.code == Errc::kGone && retry_gone);
}

template <class T>
Task<Result<T>> LogFetcher::get(std::string path, std::size_t max_body,
                                Decode<T> decode, bool retry_gone) {
  Backoff pauses = backoff();
  while (true) {
    Attempt attempt = co_await this->attempt(path, max_body);
    auto value = std::move(attempt.body).and_then(decode);
    if (value) co_return value;
    if (!worth_retrying(value.error(), retry_gone)) {
      co_return give_up(path, std::move(value.error()));
    }
    const bool again = co_await pauses.wait();
    if (!again) co_return give_up(path, std::move(value.error()));
  }
}

}  // namespace ct::ctlog
