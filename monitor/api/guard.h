// Guard: who may do what.
//
// On a loopback address everybody on this machine may read and write without a
// token, if he comes himself: a web page in his browser must not, though it
// can make the browser connect here, so the request must name a loopback host
// (or it is DNS rebinding), and a page's request must not change anything or
// have logs asked; nor must whom a proxy lets in. Elsewhere, and for
// administration, a token is needed.
#pragma once

#include <string>
#include <string_view>

#include "monitor/api/http_front.h"
#include "sql/tokens.h"

namespace ct::monitor::api {

// "127.0.0.1", "::1" or "localhost", or another one that begins with "127.".
[[nodiscard]] bool is_loopback_host(std::string_view host);

struct Refusal {
  int status = 0;
  std::string what;
};

class Guard {
 public:
  // `open`: no token is needed to read and write, as said above.
  explicit Guard(bool open) : open_(open) {}

  // nullopt: he may. kTransient: the database does not say.
  [[nodiscard]] Result<std::optional<Refusal>> check(const HttpRequest& request,
                                                     sql::TokenScope needed,
                                                     sql::Database& db) const;

 private:
  const bool open_;
};

// Whether a server may listen at `host`. kUsage: says what is missing.
[[nodiscard]] Result<void> check_listening(std::string_view host, bool tls,
                                           bool behind_tls_proxy,
                                           sql::Database& db);

}  // namespace ct::monitor::api
