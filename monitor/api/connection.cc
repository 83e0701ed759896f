#include "monitor/api/connection.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace ct::monitor::api {
namespace {

using std::chrono::seconds;

constexpr std::size_t kReadAtOnce = 16u << 10;
constexpr seconds kHandshakeTime{10}, kHeadTime{10}, kBodyTime{60},
    kWriteTime{30};
// How often somebody who waits looks whether the server stops.
constexpr std::chrono::milliseconds kGlance{200};

void end_tls(SSL* tls) {
  if (tls != nullptr) SSL_free(tls);
}

}  // namespace

Connection::Connection(int fd, ssl_ctx_st* tls,
                       const std::atomic<bool>& stopping)
    : fd_(fd),
      stopping_(stopping),
      tls_(tls == nullptr ? nullptr : SSL_new(tls), end_tls) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
  if (tls_) SSL_set_fd(tls_.get(), fd_);
  established_ = tls == nullptr;
}

// Closing a socket with unread bytes resets the connection, and the client may
// never see the answer.
Connection::~Connection() {
  if (tls_ && established_) SSL_shutdown(tls_.get());
  ::shutdown(fd_, SHUT_WR);
  char rest[4096];
  const auto deadline = Clock::now() + std::chrono::milliseconds(200);
  while (has_written_ && wait_for(POLLIN, deadline) &&
         ::recv(fd_, rest, sizeof rest, 0) > 0) {
  }
  ::close(fd_);
}

bool Connection::wait_for(short events, Clock::time_point deadline) const {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd waited{fd_, events, 0};
    const auto glance = std::min(left, kGlance);
    const int n = ::poll(&waited, 1, static_cast<int>(glance.count()));
    if (n > 0) return true;
    if (stopping_ || (n < 0 && errno != EINTR)) return false;
  }
}

template <class Call>
std::ptrdiff_t Connection::transfer(short events, Clock::time_point deadline,
                                    const Call& call) {
  for (;;) {
    const std::ptrdiff_t n = call();
    if (n > 0) return n;
    short wanted = events;
    if (tls_) {
      const int why = SSL_get_error(tls_.get(), static_cast<int>(n));
      ERR_clear_error();
      if (why == SSL_ERROR_ZERO_RETURN) return 0;
      if (why == SSL_ERROR_WANT_READ) {
        wanted = POLLIN;
      } else if (why == SSL_ERROR_WANT_WRITE) {
        wanted = POLLOUT;
      } else {
        return -1;
      }
    } else {
      if (n == 0) return 0;
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    }
    if (!wait_for(wanted, deadline)) return -1;
  }
}

bool Connection::accept() {
  if (established_) return true;
  if (!tls_) return false;
  established_ = transfer(POLLIN, Clock::now() + kHandshakeTime,
                          [&] { return SSL_accept(tls_.get()); }) > 0;
  return established_;
}

bool Connection::wait_for_request(std::chrono::milliseconds patience) {
  return can_read() || wait_for(POLLIN, Clock::now() + patience);
}

void Connection::begin_request() {
  deadline_ = Clock::now() + kHeadTime;
  head_read_ = body_read_ = 0;
  line_ends_ = 0;
  in_head_ = true;
  over_limit_ = has_written_ = false;
}

bool Connection::fill() {
  buffer_.resize(kReadAtOnce);
  taken_ = 0;
  const std::ptrdiff_t n = transfer(POLLIN, deadline_, [&]() -> std::ptrdiff_t {
    return tls_ ? SSL_read(tls_.get(), buffer_.data(), kReadAtOnce)
                : ::recv(fd_, buffer_.data(), kReadAtOnce, 0);
  });
  buffer_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return n >= 0;
}

// Where the head ends is seen here as well, as the limits differ.
void Connection::count(const char* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    if (!in_head_) {
      body_read_ += size - i;
      break;
    }
    ++head_read_;
    if (bytes[i] == '\n') {
      // Line ends before the request line are no end of its head.
      if (++line_ends_ == 2) {
        in_head_ = false;
        deadline_ = Clock::now() + kBodyTime;
      }
    } else if (bytes[i] != '\r') {
      line_ends_ = 0;
    }
  }
  over_limit_ = head_read_ > kMaxHead || body_read_ > kMaxBody;
}

std::ptrdiff_t Connection::read(char* to, std::size_t size) {
  if (over_limit_) return -1;
  if (taken_ == buffer_.size() && !fill()) return -1;
  const std::size_t n = std::min(size, buffer_.size() - taken_);
  std::memcpy(to, buffer_.data() + taken_, n);
  taken_ += n;
  count(to, n);
  return over_limit_ ? -1 : static_cast<std::ptrdiff_t>(n);
}

std::ptrdiff_t Connection::write(const char* from, std::size_t size) {
  const auto deadline = Clock::now() + kWriteTime;
  has_written_ = true;
  for (std::size_t written = 0; written < size;) {
    const char* rest = from + written;
    // A TLS record that could not be sent must be tried again as it was.
    const std::size_t n = std::min<std::size_t>(size - written, 64u << 10);
    const auto done = transfer(POLLOUT, deadline, [&]() -> std::ptrdiff_t {
      return tls_ ? SSL_write(tls_.get(), rest, static_cast<int>(n))
                  : ::send(fd_, rest, n, MSG_NOSIGNAL);
    });
    if (done <= 0) return -1;
    written += static_cast<std::size_t>(done);
  }
  return static_cast<std::ptrdiff_t>(size);
}

bool Connection::can_read() const {
  if (taken_ < buffer_.size()) return true;
  if (tls_ && SSL_pending(tls_.get()) > 0) return true;
  pollfd waited{fd_, POLLIN, 0};
  return ::poll(&waited, 1, 0) > 0;
}

bool Connection::can_write() const {
  pollfd waited{fd_, POLLOUT, 0};
  return ::poll(&waited, 1, 0) > 0 && (waited.revents & POLLOUT) != 0;
}

}  // namespace ct::monitor::api
