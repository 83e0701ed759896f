// Connection: the bytes of one client, plain or TLS, within limits of size and
// time for each request. For http_front.cc only.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

struct ssl_ctx_st;
struct ssl_st;

namespace ct::monitor::api {

inline constexpr std::size_t kMaxHead = 16u << 10, kMaxBody = 8u << 20;

class Connection {
 public:
  // Owns `fd`. `tls` may be nullptr. Once `stopping`, waiting fails; it
  // outlives this.
  Connection(int fd, ssl_ctx_st* tls, const std::atomic<bool>& stopping);
  // Says good-bye, so that what was written last arrives.
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // False: the TLS handshake failed.
  [[nodiscard]] bool accept();
  // Waits up to `patience` for the first byte of a request.
  [[nodiscard]] bool wait_for_request(std::chrono::milliseconds patience);
  // Limits begin anew.
  void begin_request();

  // Up to `size` bytes; 0: the other side is done; negative: failed, or over a
  // limit.
  [[nodiscard]] std::ptrdiff_t read(char* to, std::size_t size);
  // All of it, or negative.
  [[nodiscard]] std::ptrdiff_t write(const char* from, std::size_t size);
  [[nodiscard]] bool can_read() const;
  [[nodiscard]] bool can_write() const;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] bool is_over_limit() const { return over_limit_; }
  // Of the request's body, so far.
  [[nodiscard]] std::size_t body_read() const { return body_read_; }
  [[nodiscard]] bool has_written() const { return has_written_; }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool wait_for(short events, Clock::time_point deadline) const;
  // What one call of the system gives, waiting for it if need be.
  template <class Call>
  std::ptrdiff_t transfer(short events, Clock::time_point deadline,
                          const Call& call);
  [[nodiscard]] bool fill();
  void count(const char* bytes, std::size_t size);

  const int fd_;
  const std::atomic<bool>& stopping_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
  bool established_ = false;
  std::string buffer_;
  std::size_t taken_ = 0;  // of buffer_
  // Of the request at hand.
  Clock::time_point deadline_;
  std::size_t head_read_ = 0, body_read_ = 0;
  unsigned line_ends_ = 0;  // in a row: two end the head
  bool in_head_ = true, over_limit_ = false, has_written_ = false;
};

}  // namespace ct::monitor::api
