#include "monitor/api/reply.h"

#include <nlohmann/json.hpp>

namespace ct::monitor::api {
namespace {

// What is held for a slow client, and what is sent in a piece.
constexpr std::size_t kBuffer = 256u << 10, kPiece = 64u << 10;
// An answer that takes longer is not waited for: its first rows are wanted.
constexpr std::chrono::milliseconds kShort{5};

std::string_view reason_of(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "Error";
  }
}

}  // namespace

std::string problem_json(int status, std::string_view what) {
  const nlohmann::ordered_json problem = {
      {"title", reason_of(status)}, {"status", status}, {"detail", what}};
  return problem.dump(-1, ' ', true,
                      nlohmann::ordered_json::error_handler_t::replace) +
         '\n';
}

int status_of(const Error& error) {
  switch (error.code) {
    case Errc::kUsage:
      return 400;
    case Errc::kGone:
      return 404;
    case Errc::kTransient:
    case Errc::kStopping:
      return 503;
    default:
      return 500;
  }
}

void Reply::head(int status, std::string_view content_type, Headers headers) {
  const std::lock_guard lock(mutex_);
  start_.status = status;
  start_.content_type = content_type;
  start_.headers = std::move(headers);
}

bool Reply::write(std::string_view text) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return buffer_.size() < kBuffer || abandoned_; });
  if (abandoned_) return false;
  const bool first = buffer_.empty();
  buffer_ += text;
  // Woken for every row, the reader would be awake all the time.
  if (first || buffer_.size() >= kPiece) changed_.notify_all();
  return true;
}

void Reply::end() {
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

void Reply::fail(int status, std::string_view what, Headers headers) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  if (started_) {
    broken_ = true;
  } else {
    start_.status = status;
    start_.content_type = kProblem;
    start_.headers = std::move(headers);
    buffer_ = problem_json(status, what);
  }
  changed_.notify_all();
}

void Reply::give(int status, std::string_view content_type,
                 std::string_view text) {
  head(status, content_type);
  if (write(text)) end();
}

Reply::Start Reply::start(std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline,
                      [&] { return ended_ || !buffer_.empty(); });
  if (!ended_ && buffer_.empty()) {
    abandoned_ = true;
    start_ = {503, std::string(kProblem), {{"Retry-After", "5"}}, "", true};
    start_.body = problem_json(
        503, "all connections to the database are busy: try again later");
    return start_;
  }
  changed_.wait_for(lock, kShort,
                    [&] { return ended_ || buffer_.size() >= kPiece; });
  started_ = true;
  start_.whole = ended_;
  start_.body.swap(buffer_);
  changed_.notify_all();
  return std::move(start_);
}

Reply::Next Reply::next(std::string& text) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || !buffer_.empty(); });
  if (broken_) return Next::kBroken;
  text.clear();
  text.swap(buffer_);
  changed_.notify_all();
  return text.empty() ? Next::kEnd : Next::kMore;
}

void Reply::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  changed_.notify_all();
}

}  // namespace ct::monitor::api
