#include "ctlog/log_fetcher.h"

#include <algorithm>
#include <random>

#include "base/gzip.h"

namespace ct::ctlog {
namespace {

constexpr std::chrono::milliseconds kMaxBackoff{30'000};
// A log that asks for more has to be asked again some time.
constexpr std::chrono::milliseconds kMaxPause{600'000};

// Some operators' servers stumble over kept connections, and say so: DigiCert
// asks for one connection a request.
bool wants_keep_alive(const std::string& url) {
  const std::size_t host = url.find("://");
  const std::size_t end = url.find('/', host + 3);
  return url.substr(0, end).find("digicert") == std::string::npos;
}

Error status_error(long status) {
  const std::string what = "HTTP status " + std::to_string(status);
  if (status == 404 || status == 410) return {Errc::kGone, what};
  if (status >= 300 && status < 400) {
    return {Errc::kTransient, what + ": a redirect, which is not followed"};
  }
  return {Errc::kTransient, what};
}

}  // namespace

Task<bool> Backoff::wait() {
  if (left_ == 0) co_return false;
  --left_;
  // Jitter, lest all followers come back at the same moment.
  thread_local std::minstd_rand random(std::random_device{}());
  const auto full = std::min(next_, kMaxBackoff).count();
  const std::chrono::milliseconds pause(
      std::uniform_int_distribution(full / 2, full)(random));
  next_ = std::min(next_ * 2, kMaxBackoff);
  co_return co_await executor_.sleep(pause);
}

LogFetcher::LogFetcher(Executor& executor, HttpClient& http,
                       RequestBudget& budget, SourceOptions options,
                       std::string url)
    : executor_(executor),
      http_(http),
      budget_(budget),
      options_(std::move(options)),
      url_(std::move(url)),
      keep_alive_(wants_keep_alive(url_)) {}

Task<LogFetcher::Attempt> LogFetcher::attempt(std::string path,
                                              std::size_t max_body,
                                              OnBody on_body) {
  if (options_.files) {
    if (executor_.stopping()) {
      co_return Attempt{0, fail(Errc::kStopping, "stopping")};
    }
    auto body =
        options_.files->read(path, std::min(max_body, options_.max_body));
    const bool gone = !body && body.error().code == Errc::kGone;
    co_return Attempt{body ? 200 : gone ? 404 : 0, std::move(body)};
  }
  const bool may_send = co_await budget_.take(executor_);
  if (!may_send) co_return Attempt{0, fail(Errc::kStopping, "stopping")};

  HttpRequest request;
  request.url = url_ + path;
  request.max_body = std::min(max_body, options_.max_body);
  request.timeout = options_.timeout;
  request.ca_file = options_.ca_file;
  request.allow_plain = options_.allow_plain;
  request.keep_alive = keep_alive_;
  // All requests share one thread, so that has no time to inflate.
  request.keep_gzip = true;
  request.on_body = std::move(on_body);
  const std::size_t limit = request.max_body;
  Result<HttpResponse> response =
      co_await http_.fetch(executor_, std::move(request));
  if (!response) {
    co_return Attempt{0, tl::unexpected<Error>(std::move(response.error()))};
  }

  const long status = response->status;
  if (status == 200 && response->gzipped) {
    auto body = gunzip(response->body.view(), limit);
    co_return Attempt{body ? status : 0, std::move(body)};
  }
  if (status == 200) co_return Attempt{status, std::move(response->body)};
  if (status == 429 || status == 503) {
    const auto asked = response->retry_after.value_or(options_.backoff);
    budget_.pause(std::min(asked, kMaxPause));
  }
  co_return Attempt{status, tl::unexpected<Error>(status_error(status))};
}

tl::unexpected<Error> LogFetcher::give_up(const std::string& path,
                                          Error last) const {
  if (executor_.stopping()) return fail(Errc::kStopping, "stopping");
  return fail_in((options_.files ? "" : url_) + path, std::move(last));
}

}  // namespace ct::ctlog
