// The API's server in this process, over a database of the test's own.
#pragma once

#include <arpa/inet.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "monitor/api/server.h"
#include "sql/tokens.h"
#include "tests/sql/history_rows.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::test {

constexpr Seconds kDay = 86'400;
constexpr Seconds kStart = 1'767'225'600;  // 2026-01-01

// Number `n` was logged in log 1 as a precertificate, in log 2 if final.
inline sql::HistoryCertificate made_row(unsigned n,
                                        std::vector<std::string> names,
                                        bool final, Seconds days = 90) {
  sql::HistoryCertificate c;
  c.id = n;
  c.final = final;
  c.sha256 = hash_of(static_cast<std::uint8_t>(n));
  c.sha256[31] = static_cast<std::uint8_t>(n >> 8);
  c.spki_sha256.assign(16, static_cast<std::uint8_t>(n));
  c.issuer = n % 2 == 0 ? "C=US, O=Let's Encrypt, CN=R11" : "O=\"Evil\" Trust";
  c.issuer_spki_sha256 = hash_of(n % 2);
  c.serial = "0a0" + std::to_string(n % 10);
  c.organization = n == 3 ? "=Example, Ltd" : "";
  c.not_before = kStart + static_cast<Seconds>(n % 31) * 31 * kDay;
  c.not_after = c.not_before + days * kDay;
  c.names = std::move(names);
  c.sightings = {
      {c.not_before * 1000 + 250, hash_of(1), n, ctlog::EntryType::kPrecert}};
  if (final) {
    c.sightings.push_back({c.not_before * 1000 + 900, hash_of(2), 100u + n,
                           ctlog::EntryType::kX509});
  }
  return c;
}

struct ApiFixture {
  ApiFixture() {
    REQUIRE(sql::sync_logs(database.db(), list_of({1, 2})));
    put_history(
        database,
        {made_row(1, {"example.com", "www.example.com"}, false),
         made_row(2, {"shop.example.com", "*.shop.example.com"}, true),
         made_row(3, {"example.org"}, true, 9000),
         made_row(4, {"a.example", "b.example", "example.org"}, false)});
  }

  void open(monitor::api::ServerOptions options = {}) {
    if (options.listen == monitor::api::ServerOptions().listen) {
      options.listen = "127.0.0.1:0";
    }
    const int idle = idle_connections();
    auto opened =
        monitor::api::ApiServer::open(options, database.db(), database.url());
    if (!opened) FAIL(opened.error().what);
    server = std::move(*opened);
    // Those of the server are made, and have prepared their search.
    REQUIRE(eventually([&] { return idle_connections() == idle + 8; }));
  }
  [[nodiscard]] int idle_connections() const {
    return std::stoi(database.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = "
        "current_database() AND state = 'idle' AND query = 'COMMIT' "
        "AND pid <> pg_backend_pid()"));
  }
  [[nodiscard]] httplib::Client client() const {
    httplib::Client out("127.0.0.1", server->port());
    out.set_read_timeout(30);
    out.set_tcp_nodelay(true);
    return out;
  }
  // The body of a GET that goes well.
  nlohmann::json get(const std::string& path) {
    if (!server) open();
    const auto r = client().Get(path.c_str());
    REQUIRE(r);
    CAPTURE(path, r->body);
    REQUIRE(r->status == 200);
    return nlohmann::json::parse(r->body);
  }
  // The status of one; its body must say what is wrong if it is none of 2xx.
  int status(const std::string& path, const httplib::Headers& headers = {}) {
    if (!server) open();
    const auto r = client().Get(path.c_str(), headers);
    REQUIRE(r);
    return checked(*r);
  }
  int post(const std::string& path, const std::string& body,
           const std::string& type = "application/json",
           const httplib::Headers& headers = {}) {
    if (!server) open();
    const auto r = client().Post(path.c_str(), headers, body, type.c_str());
    REQUIRE(r);
    return checked(*r);
  }
  static int checked(const httplib::Response& r) {
    CAPTURE(r.body);
    if (r.status >= 400) {
      CHECK(r.get_header_value("Content-Type") == "application/problem+json");
      const auto problem = nlohmann::json::parse(r.body);
      CHECK(problem["status"] == r.status);
      CHECK(problem["detail"].get<std::string>().size() > 10);
    }
    return r.status;
  }
  std::string token(const std::string& name, sql::TokenScope scope) {
    auto added = sql::add_token(database.db(), name, scope);
    REQUIRE(added);
    return *added;
  }
  static httplib::Headers bearer(const std::string& token) {
    return {{"Authorization", "Bearer " + token}};
  }

  TestDatabase database;
  std::unique_ptr<monitor::api::ApiServer> server;
};

// A connection that says exactly what a test wants said.
class RawClient {
 public:
  explicit RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address),
                      sizeof address) == 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False: the server has closed.
  bool say(std::string_view text) {
    while (!text.empty()) {
      const auto n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // Up to `size` bytes, until the server closes.
  std::string hear(std::size_t size = std::string::npos) {
    std::string out;
    char buffer[4096];
    while (out.size() < size) {
      const auto n =
          ::recv(fd_, buffer, std::min(sizeof buffer, size - out.size()), 0);
      if (n <= 0) break;
      out.append(buffer, static_cast<std::size_t>(n));
    }
    return out;
  }

 private:
  int fd_;
};

}  // namespace ct::test
