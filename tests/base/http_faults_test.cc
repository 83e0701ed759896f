#include <future>

#include "base/http.h"
#include "tests/support/raw_server.h"

using namespace ct;
using namespace std::chrono_literals;
using test::RawServer;

namespace {

HttpClient::Options options() { return {.user_agent = "ctvigil-test"}; }

HttpRequest request_to(const RawServer& server) {
  HttpRequest request;
  request.url = server.url();
  request.allow_plain = true;
  request.max_body = 100'000;
  return request;
}

Error error_of(HttpRequest request) {
  HttpClient client(options());
  const auto r = client.get(std::move(request));
  REQUIRE_FALSE(r);
  return r.error();
}

// Says one thing and closes.
RawServer::Handler saying(std::string text) {
  return [text = std::move(text)](RawServer::Connection& c) {
    c.read_head();
    c.write(text);
  };
}

// Says one thing for ever, after another.
RawServer::Handler repeating(std::string first, std::string again) {
  return [=](RawServer::Connection& c) {
    c.read_head();
    c.write(first);
    while (c.write(again)) {
    }
  };
}

}  // namespace

TEST_CASE("a body that breaks off is no body", "[base][http]") {
  const RawServer server(
      saying("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it"));
  CHECK(error_of(request_to(server)).code == Errc::kTransient);

  const RawServer chunked(saying(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf of it"));
  CHECK(error_of(request_to(chunked)).code == Errc::kTransient);
}

TEST_CASE("a reset or a close without an answer is transient", "[base][http]") {
  const RawServer reset([](RawServer::Connection& c) {
    c.read_head();
    c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    c.reset_on_close();
  });
  CHECK(error_of(request_to(reset)).code == Errc::kTransient);

  const RawServer closed([](RawServer::Connection& c) { c.read_head(); });
  const Error error = error_of(request_to(closed));
  CHECK(error.code == Errc::kTransient);
  CHECK_THAT(error.what, ContainsSubstring(closed.url()));
}

TEST_CASE("what is not HTTP is transient", "[base][http]") {
  for (const char* text :
       {"hello\r\n", "HTTP/9.9 what\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
        "Content-Length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"}) {
    CAPTURE(text);
    const RawServer server(saying(text));
    CHECK(error_of(request_to(server)).code == Errc::kTransient);
  }
}

TEST_CASE("an endless body is cut off", "[base][http]") {
  const std::string piece(10'000, 'x');
  const RawServer server(repeating("HTTP/1.1 200 OK\r\n\r\n", piece));
  const Error error = error_of(request_to(server));
  CHECK(error.code == Errc::kMalformed);
  CHECK_THAT(error.what, ContainsSubstring("100000 bytes"));

  const RawServer chunked(
      repeating("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                "2710\r\n" + piece + "\r\n"));
  CHECK(error_of(request_to(chunked)).code == Errc::kMalformed);
}

TEST_CASE("a body may be exactly as large as allowed", "[base][http]") {
  const std::string head = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
  const RawServer fits(saying(head + std::string(100'000, 'x')));
  HttpClient client(options());
  const auto r = client.get(request_to(fits));
  REQUIRE(r);
  CHECK(r->body.size() == 100'000);

  const RawServer more(saying(head + std::string(100'001, 'x')));
  CHECK(error_of(request_to(more)).code == Errc::kMalformed);
}

TEST_CASE("a length beyond the limit is refused when the body begins",
          "[base][http]") {
  const RawServer server([](RawServer::Connection& c) {
    c.read_head();
    c.write("HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000\r\n\r\nx");
    c.wait_for_close();
  });
  CHECK(error_of(request_to(server)).code == Errc::kMalformed);
}

TEST_CASE("a false length within the limit costs nothing", "[base][http]") {
  const RawServer server(
      saying("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nx"));
  CHECK(error_of(request_to(server)).code == Errc::kTransient);
}

TEST_CASE("endless headers are cut off", "[base][http]") {
  const std::string line = "X-More: " + std::string(1000, 'x') + "\r\n";
  const RawServer many(repeating("HTTP/1.1 200 OK\r\n", line));
  CHECK(error_of(request_to(many)).code == Errc::kMalformed);

  std::string most = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n";
  while (most.size() <= 256u << 10) most += line;
  CHECK(error_of(request_to(RawServer(saying(most + "\r\n")))).code ==
        Errc::kMalformed);

  const RawServer one(repeating("HTTP/1.1 200 OK\r\nX: ", "xxxxxxxxxxxxxxxx"));
  CHECK(error_of(request_to(one)).code == Errc::kTransient);

  const RawServer interim(repeating("", "HTTP/1.1 100 Continue\r\n\r\n"));
  CHECK(error_of(request_to(interim)).code == Errc::kMalformed);
}

TEST_CASE("a drip of bytes ends with the time allowed", "[base][http]") {
  const RawServer server([](RawServer::Connection& c) {
    c.read_head();
    c.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (c.write("x")) std::this_thread::sleep_for(20ms);
  });
  HttpRequest request = request_to(server);
  request.timeout = 200ms;
  const Error error = error_of(request);
  CHECK(error.code == Errc::kTransient);
  CHECK_THAT(error.what, ContainsSubstring("timed out"));

  request.timeout = 60s;
  request.stall_timeout = 1s;
  const Error stalled = error_of(request);
  CHECK(stalled.code == Errc::kTransient);
  CHECK_THAT(stalled.what, ContainsSubstring("too slow"));
}

TEST_CASE("a server that takes the connection and says nothing times out",
          "[base][http]") {
  const RawServer silent([](RawServer::Connection& c) { c.wait_for_close(); });
  HttpRequest request = request_to(silent);
  request.timeout = 200ms;
  CHECK(error_of(request).code == Errc::kTransient);

  // The same within TLS's hello.
  request.url.replace(0, 4, "https");
  request.timeout = 60s;
  request.connect_timeout = 200ms;
  CHECK(error_of(request).code == Errc::kTransient);
}

TEST_CASE("a request whose body is not wanted ends without a signal",
          "[base][http]") {
  const RawServer server([](RawServer::Connection& c) {
    c.reset_on_close();
    c.read_head();
  });
  HttpRequest request = request_to(server);
  request.method = "POST";
  request.body = std::string(20'000'000, 'x');
  CHECK(error_of(request).code == Errc::kTransient);
}

TEST_CASE("stop ends all transfers at once, and refuses new ones",
          "[base][http]") {
  const RawServer silent([](RawServer::Connection& c) { c.wait_for_close(); });
  HttpClient client(options());
  // More than there may be connections: some wait for one.
  std::vector<std::promise<Result<HttpResponse>>> answers(20);
  for (auto& answer : answers) {
    client.start(request_to(silent), [&answer](Result<HttpResponse> r) {
      answer.set_value(std::move(r));
    });
  }
  while (silent.accepted() < 8) std::this_thread::yield();
  client.stop();
  for (auto& answer : answers) {
    const auto r = answer.get_future().get();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kStopping);
  }
  const auto late = client.get(request_to(silent));
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kStopping);
  CHECK(silent.accepted() == 8);
}

TEST_CASE("a client that goes leaves no request unanswered", "[base][http]") {
  const RawServer silent([](RawServer::Connection& c) { c.wait_for_close(); });
  std::promise<Result<HttpResponse>> answer;
  {
    HttpClient client(options());
    client.start(request_to(silent), [&](Result<HttpResponse> r) {
      answer.set_value(std::move(r));
    });
  }
  const auto r = answer.get_future().get();
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kStopping);
}
