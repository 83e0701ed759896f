// What the API has logs asked for: logs on loopback that have been archived.
#include <fmt/format.h>

#include "base/base64.h"
#include "base/hex.h"
#include "tests/monitor/api_fixture.h"
#include "tests/monitor/archived_logs.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using sql::TokenScope;
namespace fault = test::fault;

struct Fetching : test::ApiFixture, test::ArchivedLogs {
  void serve(api::ServerOptions options = {}) {
    options.reading = archiving;
    ApiFixture::open(std::move(options));
  }
  static std::string pem_of(const sql::HistoryCertificate& c) {
    return "/v1/certificates/" + to_hex(c.sha256) + "?format=pem";
  }
  // What is wrong, of an answer that must say so.
  std::string problem(const std::string& path, int wanted) {
    const auto r = client().Get(path.c_str());
    REQUIRE(r);
    CAPTURE(r->body);
    CHECK(checked(*r) == wanted);
    CHECK(r->body.find("CERTIFICATE") == std::string::npos);
    return json::parse(r->body)["detail"];
  }
  void check_given(const httplib::Result& r, const Bytes& wanted) {
    REQUIRE(r);
    CAPTURE(r->body);
    CHECK(r->status == 200);
    CHECK(r->get_header_value("Content-Type") == "application/x-pem-file");
    const auto blocks = x509::from_pem("CERTIFICATE", r->body);
    REQUIRE(blocks);
    CHECK(*blocks == std::vector<Bytes>{wanted});
  }
};

}  // namespace

TEST_CASE_METHOD(Fetching, "the API fetches a certificate from its log",
                 "[.db][monitor][api_fetch]") {
  const std::size_t i = GENERATE(0, 1);
  const bool is_final = GENERATE(false, true);
  const auto c = archive(
      database, {i}, is_final ? std::vector{i} : std::vector<std::size_t>{});
  serve();
  const auto before = logs.requests(i);
  CHECK_THAT(problem(pem_of(c), 404), ContainsSubstring("format=pem&fetch"));
  CHECK(status(pem_of(c) + "&fetch=false") == 404);
  CHECK(status("/v1/certificates/" + to_hex(c.sha256) + "?fetch") == 400);
  CHECK(logs.requests(i) == before);
  check_given(client().Get((pem_of(c) + "&fetch").c_str()),
              is_final ? final : precertificate);
  CHECK(logs.requests(i) > before);
}

TEST_CASE_METHOD(Fetching, "the API's fetches count with those of the program",
                 "[.db][monitor][api_fetch]") {
  const auto c = archive(database, {}, {0});
  api::ServerOptions options;
  options.budgets = std::make_shared<RequestBudgets>(archiving);
  options.fetch_patience = std::chrono::milliseconds(300);
  options.budgets->of(logs.info(0).operator_name).pause(std::chrono::hours(1));
  serve(std::move(options));
  CHECK_THAT(problem(pem_of(c) + "&fetch", 503), ContainsSubstring("0.3 s"));
}

TEST_CASE_METHOD(Fetching, "what is kept is not fetched",
                 "[.db][monitor][api_fetch]") {
  archiving.keep_der = KeepDer::kAll;
  const auto c = archive(database, {}, {0});
  serve();
  const auto before = logs.requests(0);
  check_given(client().Get((pem_of(c) + "&fetch").c_str()), final);
  CHECK(logs.requests(0) == before);
}

TEST_CASE_METHOD(Fetching, "of a log that lies the API gives nothing",
                 "[.db][monitor][api_fetch]") {
  const std::size_t i = GENERATE(0, 1);
  const bool entry = GENERATE(false, true);
  const auto c = archive(database, {}, {i});
  logs.add_fault(i, entry ? fault::flip_entry(300) : fault::wrong_proofs());
  serve();
  const std::string place =
      fmt::format("entry 300 of {}: ", logs.info(i).description);
  CHECK_THAT(problem(pem_of(c) + "&fetch", 502),
             ContainsSubstring(place) && ContainsSubstring("do not believe"));
}

TEST_CASE_METHOD(Fetching, "a log that lies is named beside what another gave",
                 "[.db][monitor][api_fetch]") {
  const auto c = archive(database, {}, {0, 1});
  const std::size_t liar =
      c.sightings.front().log_id == logs.log(0).log_id() ? 0 : 1;
  logs.add_fault(liar, fault::flip_entry(300));
  serve();
  const auto r = client().Get((pem_of(c) + "&fetch").c_str());
  check_given(r, final);
  CHECK(r->body.starts_with(fmt::format(
      "# NOT TO BE TRUSTED: entry 300 of {}: ", logs.info(liar).description)));
}

TEST_CASE_METHOD(Fetching, "why a certificate cannot be fetched is said",
                 "[.db][monitor][api_fetch]") {
  const auto c = archive(database, {0}, {});
  SECTION("the log is away") {
    logs.stop();
    serve();
    CHECK_THAT(
        problem(pem_of(c) + "&fetch", 503),
        ContainsSubstring("entry 300 of old: ") && ContainsSubstring("later"));
  }
  SECTION("the log does not give it") {
    logs.add_fault(0, fault::status(404));
    serve();
    CHECK_THAT(problem(pem_of(c) + "&fetch", 404),
               ContainsSubstring("does not give it any more"));
  }
  SECTION("the log is not known, until it is in a list") {
    database.run("DELETE FROM log");
    serve();
    CHECK_THAT(problem(pem_of(c) + "&fetch", 404),
               ContainsSubstring(to_base64(logs.log(0).log_id())));
    read(database, archiving);
    check_given(client().Get((pem_of(c) + "&fetch").c_str()), precertificate);
  }
}

TEST_CASE_METHOD(Fetching, "a fetch is bounded in time, and so is their number",
                 "[.db][monitor][api_fetch]") {
  const std::size_t i = GENERATE(0, 1);
  const auto c = archive(database, {}, {i});
  logs.add_fault(i, fault::hang());
  api::ServerOptions options;
  options.fetch_patience = std::chrono::milliseconds(20);
  serve(options);
  for (int n = 0; n < 4; ++n) {
    CHECK_THAT(problem(pem_of(c) + "&fetch", 503),
               ContainsSubstring("within 0.02 s"));
  }
  INFO("those go on, and keep others out; nothing else");
  CHECK_THAT(problem(pem_of(c) + "&fetch", 503),
             ContainsSubstring("4 requests have logs asked"));
  CHECK(status("/v1/status") == 200);
  server.reset();  // does not wait for the log
}

TEST_CASE_METHOD(Fetching, "whoever may only read does not have logs asked",
                 "[.db][monitor][api_fetch]") {
  const auto c = archive(database, {}, {0});
  const auto read = bearer(token("r", TokenScope::kRead));
  const auto write = bearer(token("w", TokenScope::kWrite));
  const httplib::Headers page = {{"Sec-Fetch-Site", "cross-site"}};
  serve();
  const auto before = logs.requests(0);
  CHECK(status(pem_of(c) + "&fetch", read) == 403);
  CHECK(status(pem_of(c) + "&fetch=false&fetch", read) == 403);
  CHECK(status(pem_of(c) + "&fetch=no", read) == 404);
  CHECK(status(pem_of(c) + "&fetch", page) == 403);
  CHECK(status(pem_of(c), page) == 404);
  CHECK(logs.requests(0) == before);
  CHECK(status(pem_of(c) + "&fetch", write) == 200);
}

namespace {

constexpr const char* kWatch =
    R"({"pattern": "ours.example", "allowed_issuers": ["Nobody Trust"],
        "alert_on_history": true})";

// A watch's `alerts`, of the answer to its POST.
json alerts_of(httplib::Client client, const char* body) {
  const auto r = client.Post("/v1/watches", body, "application/json");
  REQUIRE(r);
  CAPTURE(r->body);
  REQUIRE(r->status == 200);
  CHECK(r->get_header_value("Content-Type") == "application/json");
  return json::parse(r->body)[0]["history"]["alerts"];
}

}  // namespace

TEST_CASE_METHOD(Fetching, "a watch made over HTTP alerts on history, once",
                 "[.db][monitor][api_fetch]") {
  (void)archive(database, {0}, {1});
  serve();
  CHECK(alerts_of(client(), R"({"pattern": "ours.example"})").is_null());
  CHECK(get("/v1/alerts").empty());
  CHECK(alerts_of(client(), kWatch) == json{{"raised", 1},
                                            {"known", 0},
                                            {"expected", 0},
                                            {"not_fetched", 0},
                                            {"problems", json::array()}});
  CHECK(alerts_of(client(), kWatch)["known"] == 1);
  const auto alerts = get("/v1/alerts");
  REQUIRE(alerts.size() == 1);
  CHECK(alerts[0]["names"] == json{"www.ours.example"});
  CHECK(alerts[0]["watch"] == "ours.example");
}

TEST_CASE_METHOD(Fetching, "the answer names logs that lie about history",
                 "[.db][monitor][api_fetch]") {
  (void)archive(database, {}, {0});
  logs.add_fault(0, fault::flip_entry(300));
  serve();
  const auto alerts = alerts_of(client(), kWatch);
  CHECK(alerts["raised"] == 0);
  CHECK(alerts["not_fetched"] == 1);
  REQUIRE(alerts["problems"].size() == 1);
  CHECK_THAT(alerts["problems"][0].get<std::string>(),
             ContainsSubstring("NOT TO BE TRUSTED: www.ours.example (") &&
                 ContainsSubstring("entry 300 of old: "));
  CHECK(get("/v1/alerts").empty());
}

TEST_CASE_METHOD(Fetching, "without a turn to ask logs no watch is made",
                 "[.db][monitor][api_fetch]") {
  const auto c = archive(database, {}, {0});
  logs.add_fault(0, fault::hang());
  api::ServerOptions options;
  options.fetch_patience = std::chrono::milliseconds(20);
  serve(options);
  for (int n = 0; n < 4; ++n) CHECK(status(pem_of(c) + "&fetch") == 503);
  CHECK(post("/v1/watches", kWatch) == 503);
  CHECK(get("/v1/watches").empty());
  CHECK(post("/v1/watches", R"({"pattern": "a.example",
                                "alert_on_history": "yes"})") == 400);
}

}  // namespace ct::monitor
