// HttpTransfer: one exchange of HttpClient's, from request to response.
#pragma once

#include <array>
#include <cstdint>

#include "base/http.h"

struct curl_slist;

namespace ct {

// Touched by the client's thread only once it was handed over.
class HttpTransfer {
 public:
  // Response headers altogether, those of interim responses included.
  static constexpr std::size_t kMaxHeaders = 256u << 10;

  HttpTransfer(HttpRequest request, HttpClient::Done done);
  ~HttpTransfer();
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;

  // Puts the request into a fresh or reset easy handle, which must not outlive
  // this object in use. kUsage: there can be no such request.
  [[nodiscard]] Result<void> prepare(void* easy, const std::string& user_agent,
                                     const std::string& no_proxy);

  // Tells the caller how it ended: with a CURLcode, or for another reason.
  void finish(int curl_code);
  void finish_with(Error error);

 private:
  class Callbacks;

  [[nodiscard]] Result<void> read_url();
  [[nodiscard]] Result<void> add_header(const std::string& line);
  void set_limits();
  void set_callbacks();
  [[nodiscard]] HttpResponse response();
  [[nodiscard]] Error error(int curl_code) const;

  HttpRequest request_;
  HttpClient::Done done_;
  std::string shown_url_;  // what errors may call it
  void* easy_ = nullptr;   // the client's
  curl_slist* headers_ = nullptr;
  std::array<char, 256> curl_says_{};  // CURL_ERROR_SIZE

  Buffer body_;
  std::size_t header_bytes_ = 0;
  bool too_large_ = false;
  bool out_of_memory_ = false;
  std::string refused_address_;
};

}  // namespace ct
