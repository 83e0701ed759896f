// ctvigil serve, token
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "monitor/api/server.h"
#include "monitor/commands.h"
#include "monitor/service_manager.h"
#include "monitor/signals.h"
#include "monitor/terminal.h"
#include "sql/tokens.h"

namespace ct::monitor {
namespace {

int serve(Session& session) {
  const auto config = session.config();
  if (!config) return report(config.error());
  set_up_log((*config)->log_level, (*config)->log_format);
  auto db = session.open_database();
  if (!db) return report(db.error());
  block_signals();
  api::ServerOptions options = api_options(**config);
  if (options.listen.empty()) options.listen = api::ServerOptions().listen;
  auto server = api::ApiServer::open(options, **db, session.database_url());
  if (!server) return report(server.error());
  log_info("serving the API",
           {{"listen", options.listen}, {"port", (*server)->port()}});
  notify_service_manager("READY=1");
  wait_for_signal();
  notify_service_manager("STOPPING=1");
  return kExitOk;
}

constexpr const char* kServeFooter =
    "On a loopback address everybody on this machine may read and write. "
    "Elsewhere\nit takes a token (`ctvigil token add`) and TLS: --tls-cert and "
    "--tls-key, or a\nproxy that does it.\n\n"
    "  GET /openapi.json                  describes it all\n"
    "  GET /v1/certificates?q=example.com what `ctvigil search` finds\n"
    "  GET /?q=%25.example.com&output=json  the same in crt.sh's form: point\n"
    "                                     tools written for crt.sh here\n\n"
    "Examples:\n"
    "  ctvigil serve\n"
    "  curl 'http://127.0.0.1:9791/v1/certificates?q=example.com'\n"
    "  ctvigil serve --listen 0.0.0.0:443 --tls-cert c.pem --tls-key k.pem\n"
    "  curl -H 'Authorization: Bearer TOKEN' "
    "https://ct.example.com/v1/status\n";

int add_token(Session& session, const std::string& name,
              const std::string& scope) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto token = sql::add_token(**db, name, *sql::parse_token_scope(scope));
  if (!token) return report(token.error());
  if (isatty(STDOUT_FILENO) != 0) {
    fmt::print(stderr,
               "This is the only time it is shown. Send it as "
               "`Authorization: Bearer TOKEN`.\n");
  }
  fmt::print("{}\n", *token);
  return kExitOk;
}

int list_tokens(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto tokens = sql::list_tokens(**db);
  if (!tokens) return report(tokens.error());
  if (session.json) {
    auto out = nlohmann::ordered_json::array();
    for (const auto& t : *tokens) {
      out.push_back({{"name", t.name},
                     {"scope", to_string(t.scope)},
                     {"created", format_time(t.created)}});
    }
    fmt::print("{}\n", out.dump(2));
    return kExitOk;
  }
  if (tokens->empty()) {
    fmt::print("No tokens yet: `ctvigil token add NAME --scope read`.\n");
    return kExitOk;
  }
  Table table({{"NAME"}, {"SCOPE"}, {"ADDED"}});
  for (const auto& t : *tokens) {
    table.add({t.name, std::string(to_string(t.scope)),
               format_time(t.created / 1000 * 1000)});
  }
  table.print(stdout);
  return kExitOk;
}

int remove_token(Session& session, const std::string& name) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto removed = sql::remove_token(**db, name);
  if (!removed) return report(removed.error());
  if (!*removed) {
    return report({Errc::kInternal, "there is no token " + printable(name)});
  }
  fmt::print("The token {} opens nothing any more.\n", printable(name));
  return kExitOk;
}

void add_token_commands(CLI::App& app, Session& session) {
  CLI::App& tokens =
      *app.add_subcommand("token", "Who may use the API from elsewhere");
  tokens.require_subcommand(1);
  struct Options {
    std::string name, scope = "read";
  };
  auto o = std::make_shared<Options>();
  CLI::App& add = *tokens.add_subcommand(
      "add", "Make a token, and print it: it cannot be had again");
  session.add_common_options(add, false);
  add.add_option("NAME", o->name, "Whose it is")->required();
  add.add_option("--scope", o->scope,
                 "read; write: watches and alerts, too; admin: tokens, too")
      ->check(CLI::IsMember({"read", "write", "admin"}))
      ->capture_default_str();
  add.footer(
      "The database keeps a hash of it, no more.\n\n"
      "Example:\n  ctvigil token add grafana --scope read");
  on_chosen(add, session,
            [&session, o] { return add_token(session, o->name, o->scope); });

  CLI::App& list = *tokens.add_subcommand("list", "List tokens by name");
  session.add_common_options(list);
  on_chosen(list, session, [&session] { return list_tokens(session); });

  CLI::App& remove = *tokens.add_subcommand("remove", "Remove a token");
  session.add_common_options(remove, false);
  remove.add_option("NAME", o->name, "Whose it is")->required();
  on_chosen(remove, session,
            [&session, o] { return remove_token(session, o->name); });
}

}  // namespace

api::ServerOptions api_options(const Config& config) {
  api::ServerOptions options;
  options.listen = config.api_listen;
  options.tls_cert_file = config.api_tls_cert;
  options.tls_key_file = config.api_tls_key;
  options.behind_tls_proxy = config.api_behind_tls_proxy;
  options.patience = config.api_query_timeout;
  options.reading = config;
  return options;
}

void add_serve_commands(CLI::App& app, Session& session) {
  struct Options {
    std::string listen, tls_cert, tls_key, timeout;
    bool behind_tls_proxy = false;
  };
  auto o = std::make_shared<Options>();
  CLI::App& c = *app.add_subcommand(
      "serve", "Answer over HTTP: history, watches, alerts; as crt.sh, too");
  session.add_common_options(c, false);
  c.add_option("--listen", o->listen, "ADDRESS:PORT (default 127.0.0.1:9791)");
  c.add_option("--tls-cert", o->tls_cert,
               "PEM file: the certificate and its chain");
  c.add_option("--tls-key", o->tls_key, "PEM file: its private key");
  c.add_flag("--behind-tls-proxy", o->behind_tls_proxy,
             "A proxy before this does TLS; tokens are needed");
  c.add_option("--query-timeout", o->timeout,
               "How long a query may take (default 30s)");
  add_log_list_options(c, session, "Private logs, to fetch certificates from");
  c.footer(kServeFooter);
  on_chosen(c, session, [&session, o] {
    std::optional<std::chrono::milliseconds> timeout;
    if (!o->timeout.empty()) {
      timeout = parse_duration(o->timeout);
      if (!timeout || timeout->count() < 100 ||
          *timeout > std::chrono::hours(24)) {
        return report({Errc::kUsage,
                       "--query-timeout wants a time such as 30s, at most "
                       "24h, not " +
                           printable(o->timeout)});
      }
    }
    session.overrides.push_back([o, timeout](Config& config) {
      if (!o->listen.empty()) config.api_listen = o->listen;
      if (!o->tls_cert.empty()) config.api_tls_cert = o->tls_cert;
      if (!o->tls_key.empty()) config.api_tls_key = o->tls_key;
      if (o->behind_tls_proxy) config.api_behind_tls_proxy = true;
      if (timeout) config.api_query_timeout = *timeout;
    });
    return serve(session);
  });
  add_token_commands(app, session);
}

}  // namespace ct::monitor
