// The requests of tools written against crt.sh, by their form.
#include "tests/monitor/api_fixture.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using test::ApiFixture;

std::vector<std::string> names(const json& entries) {
  std::vector<std::string> out;
  for (const auto& e : entries) out.push_back(e["name_value"]);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(ApiFixture, "an entry is as crt.sh gives it",
                 "[.db][monitor][api_crtsh]") {
  const auto entries = get("/?q=shop.example.com&output=json");
  REQUIRE(entries.size() == 1);
  auto entry = entries[0];
  const auto id = entry["id"].get<std::uint64_t>();
  CHECK(id > 0);
  CHECK(id < std::uint64_t{1} << 53);
  CHECK(entry["issuer_ca_id"].get<int>() > 0);
  entry.erase("id");
  entry.erase("issuer_ca_id");
  CHECK(entry == json{{"issuer_name", "C=US, O=Let's Encrypt, CN=R11"},
                      {"common_name", "shop.example.com"},
                      {"name_value", "shop.example.com\n*.shop.example.com"},
                      {"entry_timestamp", "2026-03-04T00:00:00.250"},
                      {"not_before", "2026-03-04T00:00:00"},
                      {"not_after", "2026-06-02T00:00:00"},
                      {"serial_number", "0a02"},
                      {"result_count", 2}});
  CHECK(get("/?id=" + std::to_string(id) + "&output=json") == entries);
  // Its bytes are nowhere.
  CHECK(status("/?d=" + std::to_string(id)) == 404);
  CHECK(status("/?id=1&output=json") == 404);
  CHECK(status("/?id=x&output=json") == 400);
  database.run(
      "INSERT INTO alert (id, state, severity, kind, title, reason, "
      "cert_sha256, der) SELECT 'a', 'open', 'low', 'k', 't', 'r', sha256, "
      "'\\x3000' FROM history WHERE id = 2");
  const auto pem = client().Get(("/?d=" + std::to_string(id)).c_str());
  REQUIRE(pem);
  CHECK(pem->body ==
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
}

TEST_CASE_METHOD(ApiFixture, "tools for crt.sh get their answers",
                 "[.db][monitor][api_crtsh]") {
  open();
  // subfinder, as do most shell scripts: below the name, as a pattern; reads
  // id as a 64-bit integer and splits name_value at line ends.
  CHECK(names(get("/?q=%25.example.com&output=json")) ==
        Names{"shop.example.com\n*.shop.example.com", "www.example.com"});
  // curl sends the percent sign as it is.
  CHECK(get("/?q=%.example.com&output=json").size() == 2);
  // theHarvester: only what is valid, deduplicated.
  CHECK(get("/?q=%25.example.org&exclude=expired&deduplicate=Y&output=json") ==
        json::array());
  CHECK(
      names(get("/?q=example.org&exclude=expired&deduplicate=Y&output=json")) ==
      Names{"example.org"});
  // amass: the name itself, which stands for all below it.
  CHECK(names(get("/?CN=example.org&output=json&exclude=expired")) ==
        Names{"example.org"});
  CHECK(names(get("/?CN=example.com&output=json")) ==
        Names{"shop.example.com\n*.shop.example.com",
              "example.com\nwww.example.com"});
  // ronin-recon.
  CHECK(get("/?dNSName=example.org&exclude=expired&output=json").size() == 1);
  // Scripts that use curl --get --data-urlencode with crt.sh/json.
  CHECK(get("/json?q=example.com&deduplicate=Y").size() == 2);
  CHECK(get("/?Identity=%25.example.com&output=json").size() == 2);
  CHECK(get("/?O=%3DExample,%20Ltd&output=json").size() == 1);
  CHECK(get("/?q=%3DExample,%20Ltd&match=ILIKE&output=json").size() == 1);
}

TEST_CASE_METHOD(ApiFixture, "match says how exact a name is",
                 "[.db][monitor][api_crtsh]") {
  CHECK(names(get("/?q=example.com&match=%3D&output=json")) ==
        Names{"example.com"});
  for (const char* match : {"ILIKE", "LIKE", "single", "any", "FTS"}) {
    CHECK(
        get(std::string("/?q=example.com&output=json&match=") + match).size() ==
        2);
  }
  CHECK(status("/?q=example.com&match=sometimes&output=json") == 400);
  CHECK(status("/?q=example.com&output=html") == 400);
  CHECK(status("/?q=%25&output=json") == 400);
  CHECK(status("/?output=json") == 400);
  CHECK(status("/?q=example.com&minimum=1&output=json") == 400);
  CHECK(get("/?q=none.example&output=json") == json::array());
  CHECK(get("/?serial=0a02&output=json").size() == 1);
}

}  // namespace ct::monitor
