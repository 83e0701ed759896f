// Reply: an answer on its way from the thread that asks the database to the
// thread that talks to the client.
//
// Whoever writes is held up while the client is slow, so that an answer of any
// length takes little memory. One that is short and quick is handed over
// whole. Until something has been handed over, an error takes the place of
// what was written; later on, all it can do is to break off.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ct::monitor::api {

using Headers = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kJsonLines = "application/x-ndjson";
inline constexpr std::string_view kCsv = "text/csv; charset=utf-8";
inline constexpr std::string_view kPem = "application/x-pem-file";
inline constexpr std::string_view kProblem = "application/problem+json";

// What went wrong, as RFC 9457 has it.
[[nodiscard]] std::string problem_json(int status, std::string_view what);
// kUsage: 400, kGone: 404, kTransient: 503, all else: 500.
[[nodiscard]] int status_of(const Error& error);

class Reply {
 public:
  // For the one that answers.

  // Before the first write.
  void head(int status, std::string_view content_type, Headers headers = {});
  // False: nobody wants it any more.
  [[nodiscard]] bool write(std::string_view text);
  void end();
  // Does nothing once the answer has ended.
  void fail(int status, std::string_view what, Headers headers = {});
  void fail(const Error& error) { fail(status_of(error), error.what); }
  // A whole answer.
  void give(int status, std::string_view content_type, std::string_view text);

  // For the one that passes it on.
  struct Start {
    int status = 200;
    std::string content_type;
    Headers headers;
    std::string body;
    bool whole = true;  // otherwise next() has the rest
  };
  // Waits for an answer until `deadline`; then it is a 503.
  [[nodiscard]] Start start(std::chrono::steady_clock::time_point deadline);
  enum class Next : std::uint8_t { kMore, kEnd, kBroken };
  // Waits for more of it.
  [[nodiscard]] Next next(std::string& text);
  // Nothing more will be asked for.
  void abandon();

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  Start start_;
  std::string buffer_;
  bool started_ = false;    // something was handed over
  bool ended_ = false;      // nothing more will be written …
  bool broken_ = false;     // … though this was not all
  bool abandoned_ = false;  // nobody reads
};

}  // namespace ct::monitor::api
