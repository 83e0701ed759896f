// A small SMTP server (RFC 5321) on loopback, with STARTTLS, implicit TLS and
// AUTH PLAIN, that does what the test tells it to.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/tls_identity.h"

namespace ct::test {

class SmtpServer {
 public:
  enum class Security { kNone, kStartTls, kImplicit };
  struct Options {
    Security security = Security::kStartTls;
    std::string user = {}, password = {};  // demanded if not empty
    // Replies to RCPT other than "250 ok", by address.
    std::map<std::string, std::string> refusals = {};
    std::string data_reply = "250 queued";
    bool hang = false;  // accepts connections and never says anything
  };
  struct Mail {
    std::string from;
    std::vector<std::string> to;  // those accepted
    std::string data;             // dots undone, lines end in CRLF
    bool encrypted = false, authenticated = false;
  };

  SmtpServer(const TlsIdentity& tls, Options options);
  ~SmtpServer();
  SmtpServer(const SmtpServer&) = delete;
  SmtpServer& operator=(const SmtpServer&) = delete;

  [[nodiscard]] int port() const;
  [[nodiscard]] std::vector<Mail> mails() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::test
