#include <openssl/pem.h>

#include "monitor/api/guard.h"
#include "monitor/commands.h"
#include "monitor/files.h"
#include "monitor/http_listener.h"
#include "tests/monitor/api_fixture.h"
#include "tests/support/command_runner.h"
#include "tests/support/temp_dir.h"
#include "tests/support/tls_identity.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using sql::TokenScope;
using test::ApiFixture;

// As on a public address, where nobody is trusted for where he is.
api::ServerOptions guarded() {
  api::ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.behind_tls_proxy = true;
  return options;
}

constexpr const char* kRead = "/v1/watches";
constexpr const char* kAdmin = "/v1/tokens";

}  // namespace

TEST_CASE_METHOD(ApiFixture, "scopes open what they say",
                 "[.db][monitor][api_guard]") {
  const auto read = bearer(token("r", TokenScope::kRead));
  const auto write = bearer(token("w", TokenScope::kWrite));
  const auto admin = bearer(token("a", TokenScope::kAdmin));
  const httplib::Headers none;
  const bool proxy = GENERATE(true, false);
  open(proxy ? guarded() : api::ServerOptions());
  const int open_read = proxy ? 401 : 200, open_write = proxy ? 401 : 200;

  const auto write_with = [&](const httplib::Headers& headers) {
    return post("/v1/watches", R"({"pattern": "example.com"})",
                "application/json", headers);
  };
  CHECK(status(kRead, none) == open_read);
  CHECK(write_with(none) == open_write);
  CHECK(status(kAdmin, none) == 401);
  CHECK(status(kRead, read) == 200);
  CHECK(write_with(read) == 403);
  CHECK(status(kAdmin, read) == 403);
  CHECK(status(kRead, write) == 200);
  CHECK(write_with(write) == 200);
  CHECK(status(kAdmin, write) == 403);
  CHECK(status(kRead, admin) == 200);
  CHECK(write_with(admin) == 200);
  CHECK(status(kAdmin, admin) == 200);
  // A wrong one is worse than none.
  CHECK(status(kRead, bearer("ctvigil_" + std::string(64, '0'))) == 401);
  CHECK(status(kRead, bearer("")) == 401);
  CHECK(status(kRead, {{"Authorization", "Basic cjp3"}}) == 401);
  // Gone at once.
  REQUIRE(sql::remove_token(database.db(), "r"));
  CHECK(status(kRead, read) == 401);
  const auto r = client().Get(kAdmin);
  REQUIRE(r);
  CHECK(r->get_header_value("WWW-Authenticate") == "Bearer realm=\"ctvigil\"");
  // Everybody may read what there is.
  CHECK(status("/openapi.json", none) == 200);
}

TEST_CASE_METHOD(ApiFixture, "no web page gets in through a browser",
                 "[.db][monitor][api_guard]") {
  open();
  CHECK(status(kRead, {{"Host", "localhost:9791"}}) == 200);
  CHECK(status(kRead, {{"Host", "127.0.0.1"}}) == 200);
  CHECK(status(kRead, {{"Host", "[::1]:9791"}}) == 200);
  for (const char* host :
       {"evil.example", "127.0.0.1.evil.example", "localhost.evil.example",
        "127.0.0.1@evil.example", "192.0.2.1", "[::2]", "[::1", ""}) {
    CAPTURE(host);
    CHECK(status(kRead, {{"Host", host}}) == 403);
  }
  CHECK(status(kRead, {{"X-Forwarded-For", "192.0.2.1"}}) == 401);
  CHECK(status(kRead, {{"Forwarded", "for=192.0.2.1"}}) == 401);
  // What a form or a page without leave can send.
  for (const char* type : {"text/plain", "application/x-www-form-urlencoded",
                           "application/jsonx", ""}) {
    CAPTURE(type);
    CHECK(post("/v1/watches", R"({"pattern": "example.com"})", type) == 415);
  }
  CHECK(get("/v1/watches").empty());
  // With a token it may be called what it likes.
  auto headers = bearer(token("r", TokenScope::kRead));
  headers.emplace("Host", "ct.example.com");
  CHECK(status(kRead, headers) == 200);
}

TEST_CASE_METHOD(ApiFixture, "tokens are made over the API by admins",
                 "[.db][monitor][api_guard]") {
  const auto admin = bearer(token("root", TokenScope::kAdmin));
  open();
  auto c = client();
  const auto made =
      c.Post("/v1/tokens", admin, R"({"name": "x", "scope": "read"})",
             "application/json");
  REQUIRE(made);
  REQUIRE(made->status == 200);
  const auto secret = json::parse(made->body)["token"].get<std::string>();
  CHECK(secret.size() == 8 + 64);
  CHECK(status(kRead, bearer(secret)) == 200);
  // Hashed: neither list nor table has it.
  const auto listed = c.Get("/v1/tokens", admin);
  REQUIRE(listed);
  CHECK(json::parse(listed->body).size() == 2);
  CHECK(listed->body.find(secret.substr(8)) == std::string::npos);
  CHECK(database.run("SELECT count(*) FROM api_token WHERE api_token::text "
                     "LIKE '%" +
                     secret.substr(8) + "%'") == "0");
  CHECK(post("/v1/tokens", R"({"name": "x", "scope": "read"})",
             "application/json", admin) == 400);
  CHECK(post("/v1/tokens", R"({"name": "y", "scope": "all"})",
             "application/json", admin) == 400);
  REQUIRE(c.Delete("/v1/tokens/x", admin)->status == 200);
  CHECK(status(kRead, bearer(secret)) == 401);
}

TEST_CASE_METHOD(ApiFixture, "it listens elsewhere with tokens and TLS only",
                 "[.db][monitor][api_guard]") {
  using api::check_listening;
  auto& db = database.db();
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    CHECK(check_listening(host, false, false, db));
  }
  for (const char* host : {"0.0.0.0", "::", "192.0.2.1", "127.example"}) {
    CAPTURE(host);
    const auto clear = check_listening(host, false, false, db);
    REQUIRE_FALSE(clear);
    CHECK(clear.error().what.find("--tls-cert") != std::string::npos);
    CHECK_FALSE(check_listening(host, true, false, db));
    const auto nobody = check_listening(host, false, true, db);
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().what.find("token add") != std::string::npos);
  }
  (void)token("r", TokenScope::kRead);
  CHECK(check_listening("0.0.0.0", true, false, db));
  CHECK(check_listening("0.0.0.0", false, true, db));
  CHECK_FALSE(check_listening("0.0.0.0", false, false, db));
}

TEST_CASE_METHOD(ApiFixture, "it speaks TLS", "[.db][monitor][api_guard]") {
  const test::TempDir dir;
  const test::TlsIdentity identity;
  std::FILE* key = std::fopen((dir / "key.pem").c_str(), "w");
  REQUIRE(key != nullptr);
  REQUIRE(PEM_write_PrivateKey(key, identity.key(), nullptr, nullptr, 0,
                               nullptr, nullptr) == 1);
  std::fclose(key);
  api::ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.tls_cert_file = identity.ca_file();
  options.tls_key_file = dir / "nothing.pem";
  CHECK_FALSE(api::ApiServer::open(options, database.db(), database.url()));
  options.tls_key_file = dir / "key.pem";
  open(options);
  httplib::SSLClient c("127.0.0.1", server->port());
  c.set_ca_cert_path(identity.ca_file().c_str());
  c.enable_server_certificate_verification(true);
  const auto r = c.Get("/v1/certificates?q=example.com");
  REQUIRE(r);
  CHECK(json::parse(r->body).size() == 2);
  // Whoever does not speak it gets nothing.
  test::RawClient raw(server->port());
  raw.say("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(raw.hear().find("HTTP/1.1 2") == std::string::npos);
}

TEST_CASE_METHOD(ApiFixture, "token prints a token once",
                 "[.db][monitor][api_guard]") {
  const auto run = [&](std::vector<std::string> args) {
    args.push_back("--database");
    args.push_back(database.url());
    return test::run_command(add_serve_commands, std::move(args));
  };
  const auto added = run({"token", "add", "grafana", "--scope", "write"});
  REQUIRE(added.code == kExitOk);
  REQUIRE(added.out.ends_with('\n'));
  const auto secret = added.out.substr(0, added.out.size() - 1);
  const auto found = sql::find_token(database.db(), secret);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->name == "grafana");
  CHECK((*found)->scope == TokenScope::kWrite);
  CHECK(run({"token", "add", "grafana"}).code == kExitUsage);
  CHECK(run({"token", "add", "a b"}).code == kExitUsage);
  CHECK(run({"token", "list"}).out.find("grafana") != std::string::npos);
  CHECK(json_of(run({"token", "list", "--json"}))[0]["scope"] == "write");
  CHECK(run({"token", "remove", "grafana"}).code == kExitOk);
  CHECK(run({"token", "remove", "grafana"}).code == kExitFailed);
}

TEST_CASE("addresses to listen at", "[monitor][api_guard]") {
  using Where = std::pair<std::string, int>;
  const auto parse = [](const char* address) {
    return parse_listen(address, "--listen", "127.0.0.1:9791");
  };
  CHECK(parse("127.0.0.1:9791").value() == Where{"127.0.0.1", 9791});
  CHECK(parse("[::1]:0").value() == Where{"::1", 0});
  for (const char* bad :
       {"", ":1", "9791", "::1:1", "a:65536", "a:-1", "a:", "a:1x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse(bad));
  }
}

}  // namespace ct::monitor
