#include "monitor/demo/local_log_server.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/http.h"
#include "base/sha256.h"
#include "ctlog/log_list.h"
#include "ctlog/log_source.h"
#include "ctlog/tile.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"

namespace ct::monitor::demo {
namespace {

using test::FakeLogs;

FakeLogs::LogOptions rfc6962(std::string name = "plain") {
  FakeLogs::LogOptions options;
  options.name = std::move(name);
  return options;
}
FakeLogs::LogOptions tiled(std::string name = "tiles") {
  FakeLogs::LogOptions options = rfc6962(std::move(name));
  options.kind = ctlog::LogKind::kStatic;
  return options;
}

// A client that believes only the fake logs' own CA.
class Client {
 public:
  explicit Client(FakeLogs& logs) : logs_(logs), http_({"ctvigil-test"}) {}

  Result<HttpResponse> get(std::size_t log, const std::string& path) {
    HttpRequest request;
    request.url = logs_.info(log).monitoring_url + path;
    request.ca_file = logs_.ca_path();
    request.max_body = 8 << 20;
    request.timeout = std::chrono::seconds(20);
    return http_.get(std::move(request));
  }
  std::string body(std::size_t log, const std::string& path) {
    const auto r = get(log, path);
    if (!r) return "error: " + r.error().what;
    if (r->status != 200) return fmt::format("status {}", r->status);
    return std::string(r->body.text());
  }

 private:
  FakeLogs& logs_;
  HttpClient http_;
};

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++n;
  }
  return n;
}

}  // namespace

TEST_CASE("the log server's certificate is checked like any other",
          "[monitor][log_server]") {
  FakeLogs logs({rfc6962()});
  Client client(logs);
  CHECK(client.body(0, "ct/v1/get-sth") == logs.log(0).head().wire);

  HttpClient http({"ctvigil-test"});
  HttpRequest stranger;
  stranger.url = logs.info(0).monitoring_url + "ct/v1/get-sth";
  const auto refused = http.get(std::move(stranger));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kTransient);
}

TEST_CASE("get-entries is cut and aligned as CTFE does",
          "[monitor][log_server]") {
  EndpointOptions endpoints;
  endpoints.get_entries_cap = 8;
  FakeLogs logs({rfc6962()}, endpoints);
  logs.fill(0, 20);
  Client client(logs);
  const auto entries = [&](unsigned start, unsigned end) {
    return count(client.body(0, fmt::format("ct/v1/get-entries?start={}&end={}",
                                            start, end)),
                 "leaf_input");
  };
  CHECK(entries(0, 3) == 4);
  CHECK(entries(0, 99) == 8);
  CHECK(entries(3, 99) == 5);  // up to 7, so that the next starts at 8
  CHECK(entries(16, 99) == 4);
  CHECK(client.body(0, "ct/v1/get-entries?start=20&end=20") == "status 400");
  CHECK(client.body(0, "ct/v1/get-entries?start=5&end=4") == "status 400");
  CHECK(client.body(0, "ct/v1/get-entries?start=-1&end=4") == "status 400");
}

TEST_CASE("files of a Static CT log are there, and only they",
          "[monitor][log_server]") {
  EndpointOptions endpoints;
  endpoints.keep_partial_tiles = GENERATE(true, false);
  FakeLogs logs({tiled()}, endpoints);
  logs.fill(0, 300);
  Client client(logs);
  const LocalLog& log = logs.log(0);

  CHECK(client.body(0, "checkpoint") == log.head().wire);
  CHECK(as_bytes(client.body(0, "tile/0/000")).size() == 256 * 32);
  CHECK(client.body(0, "tile/1/000.p/1") == as_text(log.hash_tile(1, 0, 1)));
  CHECK(client.body(0, "tile/data/001.p/44") ==
        as_text(log.data_tile(1, 44)));  // the client undoes gzip
  CHECK(client.body(0, "tile/data/000.p/9") ==
        (endpoints.keep_partial_tiles
             ? std::string(as_text(log.data_tile(0, 9)))
             : "status 404"));
  for (const char* const path :
       {"tile/0/001", "tile/0/001.p/45", "tile/0/001.p/0", "tile/0/1.p/44",
        "tile/00/000", "tile/2/000", "tile/data/", "tile/0/x000/000",
        "tile/data/001.p/44/", "issuer/00", "ct/v1/get-sth", "../plain"}) {
    CAPTURE(path);
    CHECK(client.body(0, path) == "status 404");
  }
  const Bytes& intermediate = logs.ca().intermediate();
  CHECK(client.body(0, "issuer/" + to_hex(sha256(intermediate))) ==
        as_text(intermediate));
}

TEST_CASE("the log list describes the logs as they are",
          "[monitor][log_server]") {
  auto other = rfc6962("other");
  other.operator_name = "Other Logs";
  other.interval_start = 1'780'000'000;
  other.interval_end = 1'800'000'000;
  FakeLogs logs({rfc6962(), tiled(), other});
  const auto list = ctlog::parse_log_list([&] {
    Client client(logs);
    std::FILE* const file = std::fopen(logs.list_path().c_str(), "r");
    REQUIRE(file);
    std::string text(100'000, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
    return text;
  }());
  REQUIRE(list);
  CHECK(list->warnings.empty());
  REQUIRE(list->logs.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const ctlog::LogInfo info = logs.info(i);
    const auto found = std::find_if(
        list->logs.begin(), list->logs.end(),
        [&](const auto& log) { return log.log_id == info.log_id; });
    REQUIRE(found != list->logs.end());
    CHECK(found->key == info.key);
    CHECK(found->kind == info.kind);
    CHECK(found->monitoring_url == info.monitoring_url);
    CHECK(found->submission_url == info.submission_url);
    CHECK(found->operator_name == info.operator_name);
    CHECK(found->state == ctlog::LogState::kUsable);
    CHECK(found->interval_end == info.interval_end);
    CHECK(ctlog::is_followed(*found));
  }
}

TEST_CASE("faults meet the requests they are meant for",
          "[monitor][log_server]") {
  FakeLogs logs({rfc6962(), tiled()});
  logs.fill(0, 10);
  logs.fill(1, 10);
  Client client(logs);
  const std::string sth = client.body(0, "ct/v1/get-sth");

  logs.add_fault(0, test::fault::status(429, "7"), "ct/v1/get-sth", 1);
  const auto refused = client.get(0, "ct/v1/get-sth");
  REQUIRE(refused);
  CHECK(refused->status == 429);
  CHECK(refused->retry_after == std::chrono::seconds(7));
  CHECK(client.body(0, "ct/v1/get-sth") == sth);  // once only
  CHECK(client.body(1, "checkpoint") == logs.log(1).head().wire);
  CHECK(logs.requests(0, "ct/v1/get-sth") == 3);

  logs.add_fault(0, test::fault::no_entries());
  CHECK(client.body(0, "ct/v1/get-entries?start=0&end=5") ==
        "{\"entries\":[]}");
  CHECK(client.body(0, "ct/v1/get-sth") == sth);
  logs.clear_faults(0);

  logs.add_fault(0, test::fault::short_entries(2));
  CHECK(count(client.body(0, "ct/v1/get-entries?start=0&end=5"),
              "leaf_input") == 2);
  logs.clear_faults(0);

  logs.add_fault(0, test::fault::cut_off());
  CHECK_FALSE(client.get(0, "ct/v1/get-sth"));
  logs.clear_faults(0);

  logs.add_fault(0, test::fault::endless());
  const auto endless = client.get(0, "ct/v1/get-sth");
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code == Errc::kMalformed);
}

TEST_CASE("a hanging log does not keep its server from stopping",
          "[monitor][log_server]") {
  auto logs = std::make_unique<FakeLogs>(std::vector{rfc6962()});
  logs->add_fault(0, test::fault::hang());
  HttpClient http({"ctvigil-test"});
  HttpRequest request;
  request.url = logs->info(0).monitoring_url + "ct/v1/get-sth";
  request.ca_file = logs->ca_path();
  std::mutex mutex;
  std::condition_variable wake;
  bool done = false;
  http.start(std::move(request), [&](const Result<HttpResponse>&) {
    const std::lock_guard lock(mutex);
    done = true;
    wake.notify_all();
  });
  while (logs->requests(0) == 0) std::this_thread::yield();
  logs.reset();
  std::unique_lock lock(mutex);
  wake.wait(lock, [&] { return done; });
  CHECK(done);
}

TEST_CASE("a server that was down is back at its old address",
          "[monitor][log_server]") {
  FakeLogs logs({rfc6962()});
  Client client(logs);
  const std::string sth = client.body(0, "ct/v1/get-sth");
  const std::string url = logs.info(0).monitoring_url;
  logs.stop();
  logs.restart();
  CHECK(logs.info(0).monitoring_url == url);
  CHECK(client.body(0, "ct/v1/get-sth") == sth);
}

}  // namespace ct::monitor::demo
