#include <fmt/format.h>

#include <fstream>
#include <future>

#include "monitor/api/connection.h"
#include "sql/tx.h"
#include "tests/monitor/api_fixture.h"
#include "tests/support/wait.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using test::ApiFixture;
using test::RawClient;

constexpr const char* kHead = "GET /v1/watches HTTP/1.1\r\nHost: localhost\r\n";

int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos;
       at = text.find(what, at + 1)) {
    ++n;
  }
  return n;
}

// The body of an answer, whole.
std::string unchunked(const std::string& answer) {
  std::string out;
  for (auto at = answer.find("\r\n\r\n") + 4; at < answer.size();) {
    const auto size = std::stoul(answer.substr(at, 16), nullptr, 16);
    at = answer.find("\r\n", at) + 2;
    out += answer.substr(at, size);
    at += size + 2;
  }
  return out;
}

// AddressSanitizer holds back what was freed, so that memory only grows.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kMemoryIsTelling = false;
#else
constexpr bool kMemoryIsTelling = true;
#endif

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

struct HostileFixture : ApiFixture {
  HostileFixture() { open(); }
  // One answer, and that the server closes then.
  std::string last_answer(const std::string& text) {
    RawClient raw(server->port());
    raw.say(text);
    return raw.hear();
  }
};

// The connection of the server that is in the middle of an answer.
constexpr const char* kHeldUp =
    "FROM pg_stat_activity WHERE datname = current_database() AND "
    "state = 'idle in transaction'";

// How many have been so for a while: whoever reads does not read on.
const std::string kCountHeldUp = fmt::format(
    "SELECT count(*) {} AND state_change < now() - interval '0.3 s'", kHeldUp);

// More answers to example.com than the sockets hold.
constexpr int kMany = 60'000;
void add_many(const test::TestDatabase& database) {
  database.run(
      "INSERT INTO history SELECT id + 1000 + n, "
      "not_after + n * interval '1 second', not_before, issuer, final, domain,"
      " names, organization, serial, spki, sha256, sightings "
      "FROM history, generate_series(1, " +
      std::to_string(kMany) + ") AS n WHERE id = 1");
  database.run("VACUUM ANALYZE history");
}

}  // namespace

TEST_CASE_METHOD(HostileFixture, "heads are bounded",
                 "[.db][monitor][api_hostile]") {
  const std::string long_text(100'000, 'a');
  CHECK(status_of(last_answer("GET /" + long_text)) == 431);
  CHECK(status_of(last_answer("GET /" + std::string(9000, 'a') +
                              " HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 414);
  CHECK(status_of(last_answer(std::string(kHead) + "X: " + long_text)) == 400);
  std::string many = kHead;
  for (int i = 0; i < 5000; ++i) many += "A: b\r\n";
  CHECK(status_of(last_answer(many + "\r\n")) == 400);
  CHECK(status_of(last_answer("\r\n\r\n")) != 200);
  CHECK(status_of(last_answer("nonsense\r\n\r\n")) == 400);
  CHECK(status_of(last_answer(std::string("\0\xff\r\n\r\n", 6))) == 400);
  CHECK(get("/v1/watches").empty());
}

TEST_CASE_METHOD(HostileFixture, "a body is never taken for a request",
                 "[.db][monitor][api_hostile]") {
  const std::string second =
      "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const auto length = [](std::size_t n) {
    return "Content-Length: " + std::to_string(n) + "\r\n";
  };
  CHECK(count(last_answer(kHead + length(second.size()) + "\r\n" + second),
              "HTTP/1.1 ") == 1);
  CHECK(status_of(last_answer(kHead + length(1) + length(2) + "\r\nab")) ==
        400);
  CHECK(status_of(last_answer(
            std::string(kHead) +
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")) ==
        411);
  CHECK(status_of(last_answer(std::string(kHead) +
                              "Content-Length: -1\r\n\r\n")) == 400);
  CHECK(status_of(last_answer(std::string(kHead) +
                              "Host: evil.example\r\n\r\n")) == 400);
  const std::string post =
      "POST /v1/certificates HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: text/plain\r\n";
  CHECK(status_of(last_answer(post + length(api::kMaxBody + 1) + "\r\n")) ==
        413);
  CHECK(status_of(last_answer(post + "Connection: close\r\n\r\n" + second)) ==
        400);
  CHECK(status_of(last_answer(
            "PUT /v1/watches HTTP/1.1\r\nHost: localhost\r\n\r\n")) == 405);
}

TEST_CASE_METHOD(HostileFixture, "what costs much is not done",
                 "[.db][monitor][api_hostile]") {
  const auto r = client().Get(
      "/v1/certificates?q=example.com",
      {{"Range", "bytes=0-1,0-1,0-1,0-1"}, {"Accept-Encoding", "br, gzip"}});
  REQUIRE(r);
  CHECK(r->status == 200);
  CHECK_FALSE(r->has_header("Content-Encoding"));
  CHECK(json::parse(r->body).size() == 2);
  std::string many = "/v1/certificates?q=example.com";
  for (int i = 0; i < 100; ++i) many += "&q=a" + std::to_string(i);
  CHECK(status(many) == 400);
}

TEST_CASE_METHOD(HostileFixture, "slow clients leave room for others",
                 "[.db][monitor][api_hostile]") {
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<RawClient>(server->port()));
    slow.back()->say("GET /v1/watches HTTP/1.1\r\nHo");
  }
  CHECK(get("/v1/watches").empty());
  for (auto& client : slow) {
    client->say("st: localhost\r\n\r\n");
    CHECK(status_of(client->hear(100)) == 200);
  }
}

TEST_CASE_METHOD(HostileFixture, "a long answer takes little memory",
                 "[.db][monitor][api_hostile]") {
  add_many(database);
  const std::string request =
      "GET /v1/certificates?q=example.com HTTP/1.1\r\nHost: localhost\r\n"
      "Connection: close\r\n\r\n";
  RawClient raw(server->port());
  const std::size_t before = resident_bytes();
  raw.say(request);
  const std::string first = raw.hear(1000);
  CHECK(status_of(first) == 200);
  // Nobody reads on, so nothing more is fetched.
  REQUIRE(test::eventually([&] { return database.run(kCountHeldUp) == "1"; }));
  if (kMemoryIsTelling) CHECK(resident_bytes() < before + (24u << 20));
  // Others are served meanwhile.
  CHECK(get("/v1/watches").empty());
  const std::string rest = raw.hear();
  CHECK(rest.size() > std::size_t{kMany} * 300);
  CHECK(rest.ends_with("]\n\r\n0\r\n\r\n"));
  CHECK(count(unchunked(first + rest), "\"place\"") == kMany + 2);
}

TEST_CASE_METHOD(HostileFixture, "half an answer does not look whole",
                 "[.db][monitor][api_hostile]") {
  add_many(database);
  RawClient raw(server->port());
  raw.say(
      "GET /v1/certificates?q=example.com HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(status_of(raw.hear(1000)) == 200);
  REQUIRE(test::eventually([&] {
    return database.run(
               std::string("SELECT count(pg_terminate_backend(pid)) ") +
               kHeldUp) == "1";
  }));
  const std::string rest = raw.hear();
  CHECK_FALSE(rest.ends_with("0\r\n\r\n"));
  CHECK(rest.find("]\n\r\n") == std::string::npos);
  // With a connection of its own again.
  CHECK(get("/v1/certificates?q=example.org").size() == 2);
}

TEST_CASE_METHOD(HostileFixture, "who goes away is not waited for",
                 "[.db][monitor][api_hostile]") {
  add_many(database);
  for (int i = 0; i < 10; ++i) {
    RawClient raw(server->port());
    raw.say(
        "GET /v1/certificates?q=example.com HTTP/1.1\r\nHost: localhost\r\n"
        "\r\n");
    CHECK(status_of(raw.hear(1000)) == 200);
  }
  REQUIRE(test::eventually([&] {
    return database.run(std::string("SELECT count(*) ") + kHeldUp) == "0";
  }));
  CHECK(get("/v1/watches").empty());
}

TEST_CASE_METHOD(ApiFixture, "stopping does not wait for a query",
                 "[.db][monitor][api_hostile]") {
  api::ServerOptions options;
  options.patience = std::chrono::hours(1);
  open(options);
  RawClient asks(server->port());
  const auto done = database.db().transact([&](sql::Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE history IN ACCESS EXCLUSIVE MODE");
    asks.say(
        "GET /v1/certificates?q=example.com HTTP/1.1\r\nHost: localhost\r\n"
        "\r\n");
    CHECK(test::eventually([&] {
      return tx.exec_once("SELECT FROM pg_locks WHERE NOT granted").size() == 1;
    }));
    // Nobody gives up the lock meanwhile.
    server.reset();
    return {};
  });
  CHECK(done);
  CHECK(status_of(asks.hear()) >= 500);
}

TEST_CASE_METHOD(HostileFixture, "stopping does not wait for a slow client",
                 "[.db][monitor][api_hostile]") {
  add_many(database);
  RawClient slow(server->port());
  slow.say(
      "GET /v1/certificates?q=example.com HTTP/1.1\r\nHost: localhost\r\n"
      "\r\n");
  CHECK(status_of(slow.hear(1000)) == 200);
  REQUIRE(test::eventually([&] { return database.run(kCountHeldUp) == "1"; }));
  // A client that does not take anything is given up after 30 s otherwise.
  const auto stopped = std::async(std::launch::async, [&] { server.reset(); });
  CHECK(test::eventually(
      [&] {
        return stopped.wait_for(std::chrono::seconds(0)) ==
               std::future_status::ready;
      },
      std::chrono::seconds(20)));
  CHECK_FALSE(slow.hear().ends_with("0\r\n\r\n"));
}

TEST_CASE_METHOD(ApiFixture, "a query has its time",
                 "[.db][monitor][api_hostile]") {
  api::ServerOptions options;
  options.patience = std::chrono::milliseconds(200);
  open(options);
  const auto done = database.db().transact([&](sql::Tx& tx) -> Result<void> {
    tx.run_script("LOCK TABLE history IN ACCESS EXCLUSIVE MODE");
    CHECK(status("/v1/certificates?q=example.com") == 504);
    CHECK(status("/?q=example.com&output=json") == 504);
    return {};
  });
  CHECK(done);
  CHECK(get("/v1/certificates?q=example.com").size() == 2);
}

TEST_CASE_METHOD(ApiFixture, "no request waits for a connection to be made",
                 "[.db][monitor][api_hostile]") {
  open();
  const auto count = [&] {
    return database.run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = "
        "current_database() AND pid <> pg_backend_pid()");
  };
  const std::string before = count();
  CHECK(get("/v1/certificates?q=example.com").size() == 2);
  CHECK(count() == before);
}

}  // namespace ct::monitor
