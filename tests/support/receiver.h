// A webhook receiver on loopback that does what the test tells it to.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/tls_identity.h"

namespace ct::test {

class Receiver {
 public:
  struct Request {
    std::string path, body;
    std::map<std::string, std::string> headers;  // names in lower case
  };
  struct Answer {
    int status = 200;
    std::string body = "ok";
    std::map<std::string, std::string> headers = {};
    bool hang = false;  // no answer before the receiver is destroyed
  };

  // Over TLS; plain http for nullptr. `port` 0: any that is free.
  explicit Receiver(const TlsIdentity* tls, int port = 0);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  [[nodiscard]] int port() const;
  // "https://localhost:4711" + path.
  [[nodiscard]] std::string url(const std::string& path) const;

  // What it answers from now on.
  void answer(Answer answer);
  [[nodiscard]] std::vector<Request> received() const;
  // Waits until `n` requests have come; false after `timeout`.
  [[nodiscard]] bool wait_for(
      std::size_t n,
      std::chrono::seconds timeout = std::chrono::seconds(20)) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::test
