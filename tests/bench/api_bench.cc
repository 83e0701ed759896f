// Asks a running `ctvigil serve`, which it takes to be on 127.0.0.1, from eight
// clients that keep their connections: api_bench PORT DOMAINS-FILE
// [SECONDS [COUNT]]
//
// The file has a domain a line, those asked for in random order, for so long or
// so often.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

struct Answer {
  double first = 0,
         total = 0;  // ms, to the first byte of the body and the last
  std::size_t bytes = 0;
};

class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) !=
        0) {
      throw std::runtime_error("nothing listens there");
    }
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Answer get(const std::string& path) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const auto begin = Clock::now();
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
      throw std::runtime_error("the server has closed");
    }
    buffer_.clear();
    std::size_t body = std::string::npos;
    while ((body = buffer_.find("\r\n\r\n")) == std::string::npos) fill();
    const std::string head = buffer_.substr(0, body + 2);
    if (!head.starts_with("HTTP/1.1 200")) throw std::runtime_error(buffer_);
    body += 4;
    Answer answer;
    while (buffer_.size() <= body) fill();
    answer.first = milliseconds_since(begin);
    const auto length = head.find("Content-Length: ");
    if (length != std::string::npos) {
      const std::size_t size = std::stoul(head.substr(length + 16));
      while (buffer_.size() < body + size) fill();
    } else {
      while (!buffer_.ends_with("\r\n0\r\n\r\n")) fill();
    }
    answer.total = milliseconds_since(begin);
    answer.bytes = buffer_.size() - body;
    return answer;
  }

 private:
  void fill() {
    char piece[1 << 16];
    const auto n = ::recv(fd_, piece, sizeof piece, 0);
    if (n <= 0) throw std::runtime_error("the server has closed");
    buffer_.append(piece, static_cast<std::size_t>(n));
  }

  const int fd_;
  std::string buffer_;
};

double part(std::vector<double>& values, double p) {
  std::ranges::sort(values);
  return values[std::min(
      values.size() - 1,
      static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

void run(int port, const char* file, double seconds, std::size_t most) {
  constexpr unsigned kClients = 8;
  std::vector<std::string> domains;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) domains.push_back(line);
  if (domains.empty()) throw std::runtime_error("no domains");
  std::mutex mutex;
  std::vector<double> first, total;
  std::size_t bytes = 0;
  std::atomic<std::int64_t> left = static_cast<std::int64_t>(most);
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> clients;
    for (unsigned i = 0; i < kClients; ++i) {
      clients.emplace_back([&, i] {
        std::mt19937 random(i);
        Client client(port);
        while (milliseconds_since(begin) < seconds * 1000 && left-- > 0) {
          const auto answer = client.get("/v1/certificates?q=" +
                                         domains[random() % domains.size()]);
          const std::lock_guard lock(mutex);
          first.push_back(answer.first);
          total.push_back(answer.total);
          bytes += answer.bytes;
        }
      });
    }
  }
  const auto n = static_cast<double>(total.size());
  fmt::print(
      "{} clients: {:.0f} answers/s, {:.1f} kB each\n"
      "whole answer: median {:.2f} ms, p99 {:.2f} ms\n"
      "first byte:   median {:.2f} ms, p99 {:.2f} ms\n",
      kClients, n * 1000 / milliseconds_since(begin),
      static_cast<double>(bytes) / n / 1000, part(total, 0.5),
      part(total, 0.99), part(first, 0.5), part(first, 0.99));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 5) {
    fmt::print(stderr,
               "usage: api_bench PORT DOMAINS-FILE [SECONDS [COUNT]]\n");
    return 64;
  }
  try {
    run(std::atoi(argv[1]), argv[2], argc > 3 ? std::atof(argv[3]) : 10,
        argc > 4 ? std::strtoul(argv[4], nullptr, 10) : 1'000'000'000);
    return 0;
  } catch (const std::exception& e) {
    fmt::print(stderr, "api_bench: {}\n", e.what());
    return 1;
  }
}
