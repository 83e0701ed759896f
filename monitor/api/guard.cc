#include "monitor/api/guard.h"

#include <fmt/format.h>

#include "base/ascii.h"

namespace ct::monitor::api {
namespace {

using sql::TokenScope;

// Of a Host header, without the port.
std::string_view host_of(std::string_view header) {
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    return end == std::string_view::npos ? "" : header.substr(1, end - 1);
  }
  return header.substr(0, header.find(':'));
}

std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
    return std::nullopt;
  }
  return authorization.substr(kScheme.size());
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host == "::1" || equal_ignoring_case(host, "localhost")) return true;
  return host.starts_with("127.") &&
         host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<std::optional<Refusal>> Guard::check(const HttpRequest& request,
                                            TokenScope needed,
                                            sql::Database& db) const {
  if (request.authorization.empty()) {
    if (!open_ || request.forwarded || needed == TokenScope::kAdmin) {
      return Refusal{401,
                     "a token is needed: send it as `Authorization: Bearer "
                     "TOKEN`; `ctvigil token add NAME --scope " +
                         std::string(to_string(needed)) + "` makes one"};
    }
    if (!is_loopback_host(host_of(request.host))) {
      return Refusal{403,
                     "without a token, this server is asked as localhost or "
                     "127.0.0.1, not by another name"};
    }
    if (request.cross_site && needed != TokenScope::kRead) {
      return Refusal{403, "without a token, no web page may have this done"};
    }
    return std::nullopt;
  }
  const auto presented = bearer_token(request.authorization);
  if (!presented) {
    return Refusal{401,
                   "the only way to log in is `Authorization: Bearer "
                   "TOKEN`"};
  }
  const auto token = sql::find_token(db, *presented);
  if (!token) return tl::unexpected(token.error());
  if (!*token) {
    return Refusal{401,
                   "the token is not known; `ctvigil token list` shows "
                   "those that are"};
  }
  if ((*token)->scope < needed) {
    return Refusal{403,
                   fmt::format("this needs a token with the scope {}; "
                               "yours has {}",
                               to_string(needed), to_string((*token)->scope))};
  }
  return std::nullopt;
}

Result<void> check_listening(std::string_view host, bool tls,
                             bool behind_tls_proxy, sql::Database& db) {
  if (is_loopback_host(host) && !behind_tls_proxy) return {};
  if (!tls && !behind_tls_proxy) {
    return fail(Errc::kUsage,
                fmt::format("{} can be reached from elsewhere, so tokens "
                            "would be sent in the clear: give --tls-cert and "
                            "--tls-key, or say --behind-tls-proxy if a proxy "
                            "before this server does TLS",
                            host));
  }
  const auto tokens = sql::list_tokens(db);
  if (!tokens) return tl::unexpected(tokens.error());
  if (!tokens->empty()) return {};
  return fail(Errc::kUsage,
              "nobody could use this server, as there are no tokens: `ctvigil "
              "token add NAME --scope read` makes one");
}

}  // namespace ct::monitor::api
