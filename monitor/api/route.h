// Routes: what can be asked for, where. Requests are checked against them, and
// /openapi.json is written from them, so that it is true.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/api/http_front.h"
#include "sql/logs.h"
#include "sql/tokens.h"

namespace ct::monitor::api {

struct Parameter {
  enum class Kind : std::uint8_t { kText, kFlag, kCount, kTime, kChoice };
  std::string name, what;
  Kind kind = Kind::kText;
  std::vector<std::string> choices = {};
  bool repeated = false;
  std::string example = {};
  // What giving it takes, if that is more than its route's.
  sql::TokenScope scope = sql::TokenScope::kRead;
};

// The logs of the list, read again now and then.
class LogCache {
 public:
  using Logs = std::shared_ptr<const std::vector<sql::LogRow>>;
  [[nodiscard]] Result<Logs> get(sql::Database& db);

 private:
  std::mutex mutex_;
  Logs logs_;
  Millis read_at_ = 0;
};

class LogFetches;

struct Context {
  LogFetches& fetches;
  std::chrono::milliseconds patience{30'000};  // of a query
  LogCache logs;
};

// A request on its way through its route.
struct Call {
  const HttpRequest& request;
  const std::string& named;  // what stands for {…} in the path
  sql::Database& db;
  Reply& reply;
  Context& context;

  // As given; "" if it is not.
  [[nodiscard]] std::string param(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> params(std::string_view name) const;
  // Checked before.
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
};

struct Route {
  // What comes of an error before the answer began is said by whoever calls.
  using Handler = Result<void> (*)(Call&);

  std::string method, path;  // "/v1/alerts/{id}"
  std::string summary;
  sql::TokenScope scope = sql::TokenScope::kRead;
  Handler handler = nullptr;
  std::vector<Parameter> params = {};
  std::vector<std::string> answers = {std::string(kJson)};  // media types
  // A body as it may be: of a POST that wants one.
  std::string body_example = {};
  bool takes_text = false;         // a body may be text/plain as well
  bool any_case = false;           // names of parameters
  std::string named_example = {};  // for {…}
};

// `named` is set for a path that fits.
[[nodiscard]] bool fits(const Route& route, std::string_view path,
                        std::string& named);
// The route's, or that of a parameter; a flag that says no takes none.
[[nodiscard]] sql::TokenScope needed_scope(const Route& route,
                                           const HttpRequest& request);
// 400 and 415: what is wrong with the parameters or the body's type.
[[nodiscard]] Result<void> check_params(const Route& route,
                                        const HttpRequest& request);

[[nodiscard]] std::string openapi_json(const std::vector<Route>& routes);

// All there are. Each in the .cc of its name.
[[nodiscard]] std::vector<Route> all_routes();
void add_certificate_routes(std::vector<Route>& routes);
void add_watch_routes(std::vector<Route>& routes);
void add_alert_routes(std::vector<Route>& routes);
void add_status_routes(std::vector<Route>& routes);
void add_token_routes(std::vector<Route>& routes);
void add_crtsh_routes(std::vector<Route>& routes);

}  // namespace ct::monitor::api
