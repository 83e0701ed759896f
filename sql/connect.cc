// With libpq itself: libpqxx reads no connection string, but passes it on, and
// cannot ask whether a server is starting.
#include "sql/connect.h"

#include <libpq-fe.h>

#include <cstdlib>
#include <memory>
#include <utility>
#include <vector>

namespace ct::sql {
namespace {

using ConnectionInfo = std::vector<std::pair<std::string, std::string>>;

// libpq's own message would quote the URL, and with it the password.
Result<ConnectionInfo> parse_url(const std::string& url) {
  ConnectionInfo info;
  if (url.empty()) return info;
  const auto bad = [](const char* what) {
    return fail(Errc::kUsage,
                std::string("the database URL ") + what +
                    "; expected postgresql://user:password@host:port/name or "
                    "key=value pairs, special characters of the password "
                    "percent-encoded");
  };
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree);
  if (!options) return bad("cannot be read");
  for (const auto* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    const std::string_view key = o->keyword, value = o->val;
    // A stray '/' or '@' of a password moves its rest into these two, which
    // libpq does quote.
    if (key == "port" &&
        value.find_first_not_of("0123456789,") != std::string_view::npos) {
      return bad("has a port that is no number");
    }
    if (key == "host" && !value.starts_with('/') &&
        value.find('@') != std::string_view::npos) {
      return bad("has an '@' in its host");
    }
    info.emplace_back(key, value);
  }
  return info;
}

}  // namespace

Result<std::string> connection_string(const std::string& url) {
  const auto info = parse_url(url);
  if (!info) return tl::unexpected(info.error());
  std::string out;
  const auto add = [&](const std::string& key, std::string_view value) {
    out += (out.empty() ? "" : " ") + key + '=' + quoted_value(value);
  };
  // Of two values for one key, libpq takes the last: the user's.
  if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) add("connect_timeout", "10");
  add("fallback_application_name", "ctvigil");
  // A server that vanishes without a word is noticed within a minute.
  add("keepalives_idle", "20");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "40000");
  for (const auto& [key, value] : *info) add(key, value);
  add("client_encoding", "UTF8");
  return out;
}

std::string quoted_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

Ping ping(const std::string& url) {
  switch (PQping(url.c_str())) {
    case PQPING_OK:
      return Ping::kUp;
    case PQPING_REJECT:
      return Ping::kBusy;
    default:
      return Ping::kNoAnswer;
  }
}

}  // namespace ct::sql
