#include <fmt/format.h>

#include <set>

#include "base/hex.h"
#include "sql/alerts.h"
#include "sql/watches.h"
#include "tests/monitor/api_fixture.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using test::ApiFixture;
using Found = std::vector<int>;

// First bytes of the hashes found.
Found found(const json& certificates) {
  Found out;
  for (const auto& c : certificates) {
    out.push_back(std::stoi(
        c["certificate_sha256"].get<std::string>().substr(0, 2), nullptr, 16));
  }
  return out;
}

std::string encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return out;
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (auto end = text.find('\n'); end != std::string::npos;
       begin = end + 1, end = text.find('\n', begin)) {
    out.push_back(text.substr(begin, end - begin));
  }
  return out;
}

}  // namespace

TEST_CASE_METHOD(ApiFixture, "the API finds what search finds",
                 "[.db][monitor][api]") {
  const auto all = get("/v1/certificates?q=example.com");
  CHECK(found(all) == Found{2, 1});
  CHECK(all[0]["names"] == json{"shop.example.com", "*.shop.example.com"});
  CHECK(all[0]["query"] == "example.com");
  CHECK(found(get("/v1/certificates?q=%3Dexample.com")) == Found{1});
  CHECK(found(get("/v1/certificates?q=example.org&q=example.com")) ==
        Found{3, 4, 2, 1});
  CHECK(found(get("/v1/certificates?q=hop&part")) == Found{2});
  CHECK(found(get("/v1/certificates?issuer=encrypt")) == Found{4, 2});
  CHECK(found(get("/v1/certificates?q=example.org&issuer=evil&log=log%202")) ==
        Found{3});
  CHECK(found(get("/v1/certificates?q=example.com&final=true")) == Found{2});
  CHECK(found(get("/v1/certificates?q=example.com&issued_before=2026-02-15")) ==
        Found{1});
  const auto first = get("/v1/certificates?q=example.com&limit=1");
  CHECK(found(first) == Found{2});
  CHECK(found(get("/v1/certificates?q=example.com&after=" +
                  first[0]["place"].get<std::string>())) == Found{1});
  CHECK(get("/v1/certificates?q=nothing.example") == json::array());
  CHECK(found(json::array({get("/v1/certificates/" +
                               to_hex(test::made_row(2, {}, true).sha256))})) ==
        Found{2});
}

TEST_CASE_METHOD(ApiFixture, "answers come as lines and as CSV as well",
                 "[.db][monitor][api]") {
  open();
  auto c = client();
  const auto jsonl = c.Get("/v1/certificates?q=example.com&format=jsonl");
  REQUIRE(jsonl);
  REQUIRE(lines(jsonl->body).size() == 2);
  CHECK(found(json::array({json::parse(lines(jsonl->body)[0])})) == Found{2});
  const auto csv = c.Get("/v1/certificates?q=example.com&format=csv");
  REQUIRE(csv);
  CHECK(lines(csv->body).size() == 3);
  CHECK(csv->body.substr(0, 6) == "query,");
  const auto listed = c.Post("/v1/certificates",
                             R"({"queries": ["example.org", "example.com"]})",
                             "application/json");
  REQUIRE(listed);
  CHECK(lines(listed->body).size() == 4);
  const auto text = c.Post("/v1/certificates?final",
                           "example.org # ours\r\n\n# none\nexample.com",
                           "text/plain; charset=utf-8");
  REQUIRE(text);
  CHECK(lines(text->body).size() == 2);
}

TEST_CASE_METHOD(ApiFixture, "certificates are counted",
                 "[.db][monitor][api]") {
  CHECK(get("/v1/certificates/count?q=example.com") ==
        json::array({{{"query", "example.com"}, {"certificates", 2}}}));
  CHECK(
      get("/v1/certificates/count?q=example.com&by=log") ==
      json::array(
          {{{"query", "example.com"}, {"log", "Log 1"}, {"certificates", 2}},
           {{"query", "example.com"}, {"log", "Log 2"}, {"certificates", 1}}}));
}

TEST_CASE_METHOD(ApiFixture, "what cannot be asked is explained",
                 "[.db][monitor][api]") {
  CHECK(status("/v1/certificates") == 400);
  CHECK(status("/v1/certificates?q=") == 400);
  CHECK(status("/v1/certificates?q=example.com&limt=1") == 400);
  CHECK(status("/v1/certificates?q=example.com&limit=-1") == 400);
  CHECK(status("/v1/certificates?q=example.com&limit=1&limit=2") == 400);
  CHECK(status("/v1/certificates?q=example.com&format=xml") == 400);
  CHECK(status("/v1/certificates?q=example.com&expired=perhaps") == 400);
  CHECK(status("/v1/certificates?q=example.com&after=x") == 400);
  CHECK(status("/v1/certificates?q=%00") == 400);
  CHECK(status("/v1/certificates?q=%ff%fe") == 400);
  CHECK(status("/v1/certificates?q=a..b") == 400);
  CHECK(status("/v1/certificates/12") == 400);
  CHECK(status("/v1/certificates/" + std::string(64, 'a')) == 404);
  CHECK(status("/v1/nothing") == 404);
  CHECK(status("/v1/alerts/123456") == 404);
  CHECK(status("/v1/coverage?domain=a..b") == 400);
  CHECK(post("/v1/status", "{}") == 405);
  CHECK(post("/v1/certificates", "{}") == 400);
  CHECK(post("/v1/certificates", R"({"queries": [1]})") == 400);
  CHECK(post("/v1/certificates", "[[[[") == 400);
  CHECK(post("/v1/certificates", "# none", "text/plain") == 400);
  CHECK(post("/v1/watches", "{}", "text/plain") == 415);
  CHECK(post("/v1/watches", R"({"pattern": "com"})") == 400);
  CHECK(post("/v1/watches", R"({"pattern": "example.com", "x": 1})") == 400);
  // What the command line calls --issued-after.
  const auto r = client().Get("/v1/certificates?q=a.example&issued_after=x");
  REQUIRE(r);
  CHECK(json::parse(r->body)["detail"].get<std::string>().find(
            "issued_after wants a date") == 0);
}

TEST_CASE_METHOD(ApiFixture, "watches come and go", "[.db][monitor][api]") {
  CHECK(get("/v1/watches") == json::array());
  CHECK(post("/v1/watches",
             R"({"pattern": "Example.com", "allowed_issuers": ["R11"],
                 "tags": ["a"], "grace": "10m", "note": "n"})") == 200);
  const auto watches = get("/v1/watches");
  REQUIRE(watches.size() == 1);
  CHECK(watches[0]["pattern"] == "example.com");
  CHECK(watches[0]["grace_seconds"] == 600);
  CHECK(watches[0]["source"] == "api");
  auto c = client();
  REQUIRE(c.Delete("/v1/watches/EXAMPLE.com")->status == 200);
  CHECK(ApiFixture::checked(*c.Delete("/v1/watches/EXAMPLE.com")) == 404);
  CHECK(get("/v1/watches") == json::array());
}

TEST_CASE_METHOD(ApiFixture, "alerts are seen to", "[.db][monitor][api]") {
  alerts::Alert alert;
  alert.id = std::string(32, 'a');
  alert.kind = "log_lag";
  alert.title = "Log 1 lags";
  alert.reason = "It does.";
  alert.log_id = test::hash_of(1);
  alert.log = "Log 1";
  REQUIRE(sql::raise_alert(database.db(), alert));
  REQUIRE(get("/v1/alerts").size() == 1);
  CHECK(get("/v1/alerts?min_severity=critical").empty());
  CHECK(get("/v1/alerts/aaaaaaaa")["title"] == "Log 1 lags");
  CHECK(post("/v1/alerts/aaaaaaaa/ack", R"({"note": "seen"})") == 200);
  CHECK(get("/v1/alerts/aaaaaaaa")["state"] == "acknowledged");
  CHECK(get("/v1/alerts/aaaaaaaa")["note"] == "seen");
  CHECK(post("/v1/alerts/aaaaaaaa/resolve", "") == 200);
  CHECK(get("/v1/alerts").empty());
  CHECK(get("/v1/alerts?all").size() == 1);
  CHECK(get("/v1/alerts?state=resolved&state=open").size() == 1);
  CHECK(status("/v1/alerts?limit=1001") == 400);
}

TEST_CASE_METHOD(ApiFixture, "the description calls things by their names",
                 "[.db][monitor][api]") {
  const auto description = get("/openapi.json");
  CHECK(description["openapi"] == "3.1.0");
  const std::string admin = token("root", sql::TokenScope::kAdmin);
  std::size_t called = 0;
  for (const auto& [path, item] : description["paths"].items()) {
    for (const auto& [method, operation] : item.items()) {
      CAPTURE(path, method);
      std::string target = path, query;
      for (const auto& p : operation.value("parameters", json::array())) {
        CHECK_FALSE(p.value("description", std::string("-")).empty());
        if (p["in"] == "path") {
          const auto at = target.find('{');
          REQUIRE(at != std::string::npos);
          target.replace(at, target.find('}') - at + 1,
                         p["example"].get<std::string>());
        } else if (p.contains("example")) {
          const auto& example = p["example"];
          const std::string value =
              (example.is_array() ? example[0] : example).get<std::string>();
          query += (query.empty() ? "?" : "&") + p["name"].get<std::string>() +
                   '=' + encoded(value);
        }
      }
      auto c = client();
      const auto headers = bearer(admin);
      std::string body;
      if (operation.contains("requestBody")) {
        body =
            operation["requestBody"]["content"]["application/json"]["example"]
                .dump();
      }
      target += query;
      const auto r = method == "get"    ? c.Get(target.c_str(), headers)
                     : method == "post" ? c.Post(target.c_str(), headers, body,
                                                 "application/json")
                                        : c.Delete(target.c_str(), headers);
      REQUIRE(r);
      CAPTURE(r->body);
      // Examples name things that are not there.
      const bool named = path.find('{') != std::string::npos;
      CHECK((r->status == 200 || (named && r->status == 404)));
      const std::string type = r->get_header_value("Content-Type");
      const auto& answers =
          operation["responses"][r->status == 200 ? "200" : "default"];
      if (r->status == 200 || answers.contains("content")) {
        CHECK(answers["content"].contains(type));
      }
      // Every parameter it names is known, no other is.
      CHECK((path == "/openapi.json" ||
             status(target + (query.empty() ? "?" : "&") + "zzz=1", headers) !=
                 200));
      ++called;
    }
  }
  CHECK(called > 15);
}

}  // namespace ct::monitor
