#include "base/http.h"

#include <atomic>
#include <future>
#include <map>

#include "tests/support/http_server.h"

using namespace ct;
using namespace std::chrono_literals;
using test::HttpServer;
using test::TlsIdentity;

namespace {

HttpClient::Options options(long per_host = 8) {
  return {.user_agent = "ctvigil-test",
          .max_connections_per_host = per_host,
          .max_connections = 32};
}

HttpRequest plain(std::string url) {
  HttpRequest request;
  request.url = std::move(url);
  request.allow_plain = true;
  return request;
}

HttpRequest secure(std::string url, std::string ca_file) {
  HttpRequest request;
  request.url = std::move(url);
  request.ca_file = std::move(ca_file);
  return request;
}

void serve_text(HttpServer& server, const char* path, std::string text) {
  server.routes().Get(path, [text = std::move(text)](const httplib::Request&,
                                                     httplib::Response& r) {
    r.set_content(text, "text/plain");
  });
}

Task<std::string> two_bodies(HttpClient& client, Executor& executor,
                             std::string first, std::string second) {
  const auto a = co_await client.fetch(executor, plain(first));
  const auto b = co_await client.fetch(executor, plain(second));
  if (!a || !b) co_return "failed";
  co_return std::string(a->body.text()) + std::string(b->body.text());
}

}  // namespace

TEST_CASE("a GET brings status, type and body", "[base][http]") {
  HttpServer server;
  serve_text(server, "/a", "hello");
  server.run();
  HttpClient client(options());
  const auto found = client.get(plain(server.url("/a")));
  REQUIRE(found);
  CHECK(found->status == 200);
  CHECK(found->body.text() == "hello");
  CHECK(found->content_type == "text/plain");
  CHECK_FALSE(found->retry_after);

  const auto missing = client.get(plain(server.url("/b")));
  REQUIRE(missing);
  CHECK(missing->status == 404);
}

TEST_CASE("a POST brings body, headers and user agent over", "[base][http]") {
  HttpServer server;
  httplib::Request seen;
  server.routes().Post("/hook", [&](const httplib::Request& request,
                                    httplib::Response& response) {
    seen = request;
    response.status = 204;
  });
  server.run();
  HttpClient client(options());
  HttpRequest request = plain(server.url("/hook"));
  request.method = "POST";
  request.body = std::string("a\0b", 3) + std::string(2'000'000, 'x');
  request.headers = {"Content-Type: application/json", "X-Id: 7"};
  const auto response = client.get(request);
  REQUIRE(response);
  CHECK(response->status == 204);
  CHECK(seen.body == request.body);
  CHECK(seen.get_header_value("Content-Type") == "application/json");
  CHECK(seen.get_header_value("X-Id") == "7");
  CHECK(seen.get_header_value("User-Agent") == "ctvigil-test");
  CHECK(seen.get_header_value("Expect").empty());
}

TEST_CASE("only the CA file of the request is believed", "[base][http]") {
  const TlsIdentity identity;
  const TlsIdentity other;
  HttpServer server(identity);
  serve_text(server, "/", "secret");
  server.run();
  HttpClient client(options());

  const auto good = client.get(secure(server.url("/"), identity.ca_file()));
  REQUIRE(good);
  CHECK(good->body.text() == "secret");

  // The connection is open still, and must not serve those who trust others.
  for (const std::string& ca : {other.ca_file(), std::string()}) {
    const auto bad = client.get(secure(server.url("/"), ca));
    REQUIRE_FALSE(bad);
    CHECK(bad.error().code == Errc::kTransient);
    CHECK_THAT(bad.error().what, ContainsSubstring(server.url("/")));
    CHECK_THAT(bad.error().what, ContainsSubstring("certificate"));
  }
  const auto unreadable =
      client.get(secure(server.url("/"), "/nowhere/ca.pem"));
  REQUIRE_FALSE(unreadable);
  CHECK_THAT(unreadable.error().what, ContainsSubstring("/nowhere/ca.pem"));
  CHECK(server.requests() == 1);

  CHECK(client.get(secure(server.url("/"), identity.ca_file())));
  CHECK(server.connections() == 1);
}

TEST_CASE("a certificate for another host is refused", "[base][http]") {
  const TlsIdentity identity;
  HttpServer server(identity);
  serve_text(server, "/", "x");
  server.run();
  HttpClient client(options());
  CHECK(client.get(secure(server.url("/", "localhost"), identity.ca_file())));
  const auto bad =
      client.get(secure(server.url("/", "127.0.0.2"), identity.ca_file()));
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Errc::kTransient);
}

TEST_CASE("connections are kept and reused, unless unwanted", "[base][http]") {
  const TlsIdentity identity;
  HttpServer server(identity);
  serve_text(server, "/", "x");
  server.run();
  HttpClient client(options());
  HttpRequest request = secure(server.url("/"), identity.ca_file());
  for (int i = 0; i < 20; ++i) REQUIRE(client.get(request));
  CHECK(server.connections() == 1);
  request.keep_alive = false;
  for (int i = 0; i < 3; ++i) REQUIRE(client.get(request));
  CHECK(server.connections() == 4);
  request.keep_alive = true;
  REQUIRE(client.get(request));
  CHECK(server.connections() == 4);
}

TEST_CASE("many requests at once all get their own answer", "[base][http]") {
  const TlsIdentity identity;
  HttpServer tls(identity);
  HttpServer open;
  std::atomic<int> now = 0;
  std::atomic<int> most = 0;
  for (HttpServer* server : {&tls, &open}) {
    server->routes().Get(R"(/(\d+))", [&](const httplib::Request& request,
                                          httplib::Response& response) {
      const int running = ++now;
      int seen = most;
      while (seen < running && !most.compare_exchange_weak(seen, running)) {
      }
      const int n = std::stoi(request.matches[1]);
      response.set_content(std::string(static_cast<std::size_t>(n) * 100, 'x') +
                               std::to_string(n),
                           "text/plain");
      --now;
    });
    server->run();
  }
  constexpr int kRequests = 300;
  std::vector<std::promise<Result<HttpResponse>>> answers(kRequests);
  HttpClient client(options(4));
  for (int i = 0; i < kRequests; ++i) {
    const std::string path = "/" + std::to_string(i);
    auto request = i % 2 == 0 ? plain(open.url(path))
                              : secure(tls.url(path), identity.ca_file());
    auto& answer = answers[static_cast<std::size_t>(i)];
    client.start(std::move(request), [&answer](Result<HttpResponse> r) {
      answer.set_value(std::move(r));
    });
  }
  for (int i = 0; i < kRequests; ++i) {
    CAPTURE(i);
    const auto r = answers[static_cast<std::size_t>(i)].get_future().get();
    if (!r) FAIL(r.error().what);
    const auto n = static_cast<std::size_t>(i);
    REQUIRE(r->body.text() == std::string(n * 100, 'x') + std::to_string(i));
  }
  CHECK(most <= 8);
  CHECK(open.connections() <= 4);
  CHECK(tls.connections() <= 4);
}

TEST_CASE("redirects are answers, not orders", "[base][http]") {
  HttpServer server;
  server.routes().Get("/from",
                      [](const httplib::Request&, httplib::Response& r) {
                        r.set_redirect("/to");
                      });
  serve_text(server, "/to", "moved");
  server.run();
  HttpClient client(options());
  const auto r = client.get(plain(server.url("/from")));
  REQUIRE(r);
  CHECK(r->status == 302);
  CHECK(server.requests() == 1);
}

TEST_CASE("gzip is asked for and undone", "[base][http]") {
  HttpServer server;
  std::string accepted;
  const std::string text(500'000, 'z');
  server.routes().Get(
      "/", [&](const httplib::Request& request, httplib::Response& response) {
        accepted = request.get_header_value("Accept-Encoding");
        response.set_content(text, "text/plain");  // compressed, as it is text
      });
  server.run();
  HttpClient client(options());
  HttpRequest request = plain(server.url("/"));
  request.max_body = text.size();
  const auto r = client.get(request);
  REQUIRE(r);
  CHECK(accepted == "gzip");
  CHECK(r->body.text() == text);

  // The limit is on what comes out of it.
  request.max_body = text.size() - 1;
  const auto bomb = client.get(request);
  REQUIRE_FALSE(bomb);
  CHECK(bomb.error().code == Errc::kMalformed);
  CHECK_THAT(bomb.error().what, ContainsSubstring("499999"));
}

TEST_CASE("a body is shown as it grows, its length announced or not",
          "[base][http]") {
  std::string text;
  while (text.size() < 2'000'000) text += std::to_string(text.size()) + ' ';
  HttpServer server;
  // Of a type that is not compressed.
  server.routes().Get("/announced",
                      [&](const httplib::Request&, httplib::Response& r) {
                        r.set_content(text, "application/octet-stream");
                      });
  server.routes().Get("/", [&](const httplib::Request&, httplib::Response& r) {
    r.set_chunked_content_provider(
        "application/octet-stream",
        [&](std::size_t at, httplib::DataSink& sink) {
          const std::string piece = text.substr(at, 70'000);
          sink.write(piece.data(), piece.size());
          if (at + piece.size() == text.size()) sink.done();
          return true;
        });
  });
  server.run();
  HttpClient client(options());
  HttpRequest request = plain(server.url(GENERATE("/announced", "/")));
  std::string seen;
  int times = 0;
  bool grew = true;
  request.on_body = [&](std::string_view body) {
    grew = grew && body.size() > seen.size() && body.starts_with(seen);
    seen = body;
    ++times;
  };
  const auto r = client.get(request);
  REQUIRE(r);
  CHECK(r->body.text() == text);
  CHECK(seen == text);
  CHECK(grew);
  CHECK(times > 1);
}

TEST_CASE("429 says when to come back, in either form", "[base][http]") {
  HttpServer server;
  std::string value;
  server.routes().Get("/", [&](const httplib::Request&, httplib::Response& r) {
    r.status = 429;
    r.set_header("Retry-After", value);
  });
  server.run();
  HttpClient client(options());
  value = "17";
  auto r = client.get(plain(server.url("/")));
  REQUIRE(r);
  CHECK(r->status == 429);
  CHECK(r->retry_after == 17s);
  value = "Fri, 31 Dec 1999 23:59:59 GMT";
  r = client.get(plain(server.url("/")));
  REQUIRE(r);
  CHECK(r->retry_after == 0s);
  value = "soon";
  r = client.get(plain(server.url("/")));
  REQUIRE(r);
  CHECK_FALSE(r->retry_after);
}

TEST_CASE("Retry-After in seconds or as a date", "[base][http]") {
  const auto now = std::chrono::system_clock::from_time_t(784111777);
  const auto parsed = [&](std::string_view v) {
    return parse_retry_after(v, now);
  };
  CHECK(parsed("0") == 0s);
  CHECK(parsed("000") == 0s);
  CHECK(parsed("00120") == 120s);
  CHECK(parsed("86400") == 24h);
  CHECK(parsed("86401") == 24h);
  CHECK(parsed("999999999999999999999999") == 24h);
  CHECK(parsed("Sun, 06 Nov 1994 08:50:37 GMT") == 60s);
  CHECK(parsed("Sunday, 06-Nov-94 08:50:37 GMT") == 60s);
  CHECK(parsed("Sun Nov  6 08:50:37 1994") == 60s);
  CHECK(parsed("Sun, 06 Nov 1994 08:49:00 GMT") == 0s);
  CHECK(parsed("Tue, 08 Nov 2094 08:49:37 GMT") == 24h);
  for (const char* bad : {"", "-1", "1.5", "soon", "12x", "+5", "0x10"}) {
    CAPTURE(bad);
    CHECK_FALSE(parsed(bad));
  }
}

TEST_CASE("what may not be asked for is refused before anything is sent",
          "[base][http]") {
  HttpServer server;
  serve_text(server, "/", "x");
  server.run();
  HttpClient client(options());
  const auto refused = [&](HttpRequest request) {
    const auto r = client.get(std::move(request));
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kUsage);
    return r.error().what;
  };
  HttpRequest http = plain(server.url("/"));
  http.allow_plain = false;
  CHECK_THAT(refused(http), ContainsSubstring("only https"));
  for (const char* url :
       {"ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/",
        "127.0.0.1", "", "https://", "http://a b/", "nonsense"}) {
    CAPTURE(url);
    refused(plain(url));
  }
  HttpRequest split = plain(server.url("/"));
  split.headers = {"X: a\r\nHost: elsewhere"};
  refused(split);
  HttpRequest method = plain(server.url("/"));
  method.method = "GET / HTTP/1.0\r\n";
  refused(method);
  CHECK(server.requests() == 0);
}

TEST_CASE("private addresses are not connected to unless allowed",
          "[base][http]") {
  HttpServer server;
  serve_text(server, "/", "x");
  server.run();
  HttpClient client(options());
  for (const char* host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1",
                           "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    HttpRequest request = plain(server.url("/", host));
    request.allow_private = false;
    const auto r = client.get(request);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kUsage);
    CHECK_THAT(r.error().what, ContainsSubstring("not a public address"));
  }
  CHECK(server.requests() == 0);

  // Nor is a connection used that was made for somebody who may.
  HttpRequest request = plain(server.url("/"));
  REQUIRE(client.get(request));
  request.allow_private = false;
  const auto r = client.get(request);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kUsage);
  CHECK(server.requests() == 1);
}

TEST_CASE("errors keep secrets", "[base][http]") {
  HttpClient client(options());
  const TlsIdentity identity;
  HttpServer server(identity);
  server.run();
  const std::string label(64, 'a');  // too long for a host name
  for (const std::string& url :
       {server.url("/hooks/T0PSECRET?key=T0PSECRET"),
        std::string("https://127.0.0.1:1/T0PSECRET"),
        std::string("ftp://127.0.0.1/T0PSECRET"),
        std::string("https://T0PSECRET:T0PSECRET@127.0.0.1:1/"),
        std::string("no url T0PSECRET"), std::string("https://a b/T0PSECRET"),
        "https://" + label + ".invalid/T0PSECRET"}) {
    CAPTURE(url);
    HttpRequest request;
    request.url = url;
    request.secret_url = true;
    const auto r = client.get(request);
    REQUIRE_FALSE(r);
    CHECK(r.error().what.find("T0PSECRET") == std::string::npos);
    CHECK(r.error().what.find('\n') == std::string::npos);
  }
  // Passwords are none of anybody's business, secret URL or not.
  HttpRequest request;
  request.url = "https://user:T0PSECRET@127.0.0.1:1/path";
  const auto r = client.get(request);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kTransient);
  CHECK(r.error().what.find("T0PSECRET") == std::string::npos);
  CHECK_THAT(r.error().what, ContainsSubstring("https://127.0.0.1:1/path"));
}

TEST_CASE("a name that does not resolve may resolve later", "[base][http]") {
  HttpClient client(options());
  HttpRequest request;
  request.url = "https://" + std::string(64, 'a') + ".invalid/";
  const auto r = client.get(request);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kTransient);
  CHECK_THAT(r.error().what, ContainsSubstring("resolve"));
}

TEST_CASE("coroutines await responses", "[base][http]") {
  HttpServer server;
  serve_text(server, "/1", "one");
  serve_text(server, "/2", "two");
  server.run();
  HttpClient client(options());
  Executor executor(2);
  auto both = executor.start(
      two_bodies(client, executor, server.url("/1"), server.url("/2")));
  CHECK(both.get() == "onetwo");
}
