// ApiServer: history, watches and alerts over HTTP, with tokens; and history
// as crt.sh answers. /openapi.json describes it all.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/result.h"
#include "monitor/config.h"
#include "monitor/request_budgets.h"
#include "sql/database.h"

namespace ct::monitor::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:9791";  // port 0: the system chooses
  std::string tls_cert_file, tls_key_file;
  bool behind_tls_proxy = false;  // tokens are needed, but TLS is not
  std::chrono::milliseconds patience{30'000};  // of a query
  // How long one certificate may take that is fetched from its log.
  std::chrono::milliseconds fetch_patience{20'000};
  Config reading;                           // how logs are spoken to
  std::shared_ptr<RequestBudgets> budgets;  // as for LogFetches
};

class ApiServer {
 public:
  // `db` is asked for tokens, once; `url`, which is secret, is where
  // connections are made to. kUsage: nobody must listen there, or can.
  [[nodiscard]] static Result<std::unique_ptr<ApiServer>> open(
      const ServerOptions& options, sql::Database& db, const std::string& url);
  // Breaks off what is being answered, statements at hand included.
  ~ApiServer();

  [[nodiscard]] int port() const;

 private:
  class Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::monitor::api
