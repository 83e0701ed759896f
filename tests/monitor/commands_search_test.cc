#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "monitor/files.h"
#include "sql/history_search.h"
#include "tests/sql/history_rows.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

constexpr Seconds kDay = 86'400;
constexpr Seconds kStart = 1'767'225'600;  // 2026-01-01

// Number `n` was logged in log 1 as a precertificate, in log 2 if final.
sql::HistoryCertificate made(std::uint8_t n, Texts names, bool final) {
  sql::HistoryCertificate c;
  c.id = n;
  c.final = final;
  c.sha256 = test::hash_of(n);
  c.spki_sha256.assign(16, n);
  c.issuer = n % 2 == 0 ? "C=US, O=Let's Encrypt, CN=R11" : "O=\"Evil\" Trust";
  c.issuer_spki_sha256 = test::hash_of(n % 2);
  c.serial = "0a0" + std::to_string(n % 10);
  c.organization = n == 3 ? "=Example, Ltd" : "";
  c.not_before = kStart + n * 31 * kDay;
  c.not_after = c.not_before + 90 * kDay;
  c.names = std::move(names);
  c.sightings = {{c.not_before * 1000 + 250, test::hash_of(1), n,
                  ctlog::EntryType::kPrecert}};
  if (final) {
    c.sightings.push_back({c.not_before * 1000 + 900, test::hash_of(2),
                           100u + n, ctlog::EntryType::kX509});
  }
  return c;
}

struct Fixture {
  Fixture() {
    REQUIRE(sql::sync_logs(database.db(), test::list_of({1, 2})));
    test::put_history(
        database, {made(1, {"example.com", "www.example.com"}, false),
                   made(2, {"shop.example.com", "*.shop.example.com"}, true),
                   made(3, {"example.org"}, true),
                   made(4, {"a.example", "b.example", "example.org"}, false),
                   made(5, {}, false)});
  }

  test::CommandOutput run(std::vector<std::string> args,
                          const std::string& in = "") {
    args.insert(args.begin(), "search");
    args.push_back("--database");
    args.push_back(database.url());
    return test::run_command(add_search_commands, args, in);
  }
  // First bytes of the hashes found.
  std::vector<int> found(std::vector<std::string> args) {
    args.push_back("--json");
    const auto r = run(std::move(args));
    CAPTURE(r.err);
    std::vector<int> out;
    for (const auto& c : json::parse(r.out)) {
      out.push_back(
          std::stoi(c["certificate_sha256"].get<std::string>().substr(0, 2),
                    nullptr, 16));
    }
    CHECK(r.code == (out.empty() ? kExitNothingFound : kExitOk));
    return out;
  }

  test::TestDatabase database;
  test::TempDir dir;
};

using Found = std::vector<int>;

}  // namespace

TEST_CASE_METHOD(Fixture, "a search prints an element for each certificate",
                 "[.db][monitor][commands_search]") {
  const auto r = run({"shop.example.com", "--json"});
  CHECK(r.code == kExitOk);
  const json expected = {
      {"query", "shop.example.com"},
      {"place", std::to_string(kStart + (62 + 90) * kDay) + ":2"},
      {"certificate_sha256", to_hex(test::hash_of(2))},
      {"final", true},
      {"names", {"shop.example.com", "*.shop.example.com"}},
      {"names_cut", false},
      {"issuer", "C=US, O=Let's Encrypt, CN=R11"},
      {"issuer_spki_sha256", std::string(64, '0')},
      {"serial", "0a02"},
      {"organization", ""},
      {"not_before", "2026-03-04T00:00:00Z"},
      {"not_after", "2026-06-02T00:00:00Z"},
      {"spki_sha256_prefix", "02020202020202020202020202020202"},
      {"first_logged", "2026-03-04T00:00:00.250Z"},
      {"sightings",
       {{{"log_id", to_base64(test::hash_of(1))},
         {"log", "Log 1"},
         {"leaf_index", 2},
         {"timestamp", "2026-03-04T00:00:00.250Z"},
         {"entry_type", "precert_entry"}},
        {{"log_id", to_base64(test::hash_of(2))},
         {"log", "Log 2"},
         {"leaf_index", 102},
         {"timestamp", "2026-03-04T00:00:00.900Z"},
         {"entry_type", "x509_entry"}}}}};
  CHECK(json::parse(r.out) == json::array({expected}));
  CHECK(json::parse(run({"shop.example.com", "--jsonl"}).out) == expected);
}

TEST_CASE_METHOD(Fixture, "queries and narrowings find what they mean",
                 "[.db][monitor][commands_search]") {
  CHECK(found({"example.com"}) == Found{2, 1});
  CHECK(found({"=example.com"}) == Found{1});
  CHECK(found({"*.example.com"}) == Found{2, 1});
  CHECK(found({"--part", "hop"}) == Found{2});
  CHECK(found({"www.shop.example.com", "--registrable"}) == Found{2, 1});
  CHECK(found({"example.com", "example.org"}) == Found{2, 1, 4, 3});
  CHECK(found({"issuer:encrypt"}) == Found{4, 2});
  CHECK(found({"--issuer", "evil"}) == Found{5, 3, 1});
  CHECK(found({"--org", "=example, LTD"}) == Found{3});
  CHECK(found({"--issuer", "evil", "--log", "log 2"}) == Found{3});
  CHECK(found({"--issuer", "evil", "--log", "log 2", "--precert"}).empty());
  CHECK(found({"example.com", "--final"}) == Found{2});
  CHECK(found({"example.com", "--issued-before", "2026-02-15"}) == Found{1});
  CHECK(found({"example.com", "--limit", "1"}) == Found{2});
  const auto place = json::parse(
      run({"example.com", "--limit", "1", "--json"}).out)[0]["place"];
  CHECK(found({"example.com", "--after", place.get<std::string>()}) ==
        Found{1});
  CHECK(found({"nothing.example"}).empty());
}

TEST_CASE_METHOD(Fixture, "queries come from a file, a line each",
                 "[.db][monitor][commands_search]") {
  const std::string lines =
      "# ours\n example.com # all\r\n\n\t=example.org\nnone.example";
  REQUIRE(write_file(dir / "list", lines));
  CHECK(found({"--file", dir / "list"}) == Found{2, 1, 4, 3});
  const auto r = run({"--file", "-", "--jsonl"}, lines);
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring(R"("query":"=example.org")"));

  REQUIRE(write_file(dir / "bad", "example.com\nexa mple\n"));
  const auto bad = run({"--file", dir / "bad"});
  CHECK(bad.code == kExitUsage);
  CHECK(bad.out.empty());
  CHECK_THAT(bad.err, ContainsSubstring("bad:2: cannot search for"));
  REQUIRE(write_file(dir / "empty", "# nothing\n"));
  CHECK(run({"--file", dir / "empty"}).code == kExitUsage);
}

TEST_CASE_METHOD(Fixture, "CSV is quoted, and no formula",
                 "[.db][monitor][commands_search]") {
  const auto r = run({"=example.org", "--final", "--csv"});
  CHECK(r.code == kExitOk);
  CHECK(r.out ==
        "query,not_before,not_after,names,issuer,serial,certificate_sha256,"
        "final,organization,first_logged,sightings,place\r\n"
        "'=example.org,2026-04-04T00:00:00Z,2026-07-03T00:00:00Z,example.org,"
        "\"O=\"\"Evil\"\" Trust\",0a03," +
            to_hex(test::hash_of(3)) +
            ",true,\"'=Example, Ltd\",2026-04-04T00:00:00.250Z,2," +
            std::to_string(kStart + (93 + 90) * kDay) + ":3\r\n");
  CHECK(run({"none.example", "--csv"}).code == kExitNothingFound);
}

TEST_CASE_METHOD(Fixture, "counts are printed for each query and group",
                 "[.db][monitor][commands_search]") {
  CHECK(run({"example.com", "--count"}).out == "2\n");
  const auto none = run({"none.example", "--count"});
  CHECK(none.out == "0\n");
  CHECK(none.code == kExitNothingFound);
  CHECK(run({"a.example", "none.example", "example.org", "--count"}).out ==
        "1  a.example\n0  none.example\n2  example.org\n");
  CHECK(json::parse(
            run({"a.example", "none.example", "--count", "--json"}).out) ==
        json::array({{{"query", "a.example"}, {"certificates", 1}},
                     {{"query", "none.example"}, {"certificates", 0}}}));
  CHECK(
      json::parse(run({"example.com", "--by", "log", "--json"}).out) ==
      json::array(
          {{{"query", "example.com"}, {"log", "Log 1"}, {"certificates", 2}},
           {{"query", "example.com"}, {"log", "Log 2"}, {"certificates", 1}}}));
  CHECK(run({"--issuer", "evil", "--by", "month"}).out ==
        "         1  2026-02\n         1  2026-04\n         1  2026-06\n");
  CHECK(run({"example.org", "--by", "issuer"}).out ==
        "         1  C=US, O=Let's Encrypt, CN=R11\n"
        "         1  O=\"Evil\" Trust\n");
  CHECK(run({"none.example", "--by", "issuer", "--json"}).out == "[]\n");
}

TEST_CASE_METHOD(Fixture, "a bundle holds what alerts have kept",
                 "[.db][monitor][commands_search]") {
  auto finding = test::final_of(1).alert;
  finding.certificate->sha256 = test::hash_of(2);
  REQUIRE(sql::raise_alert(database.db(), finding));
  const auto r = run({"example.com", "--pem"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("# certificate shop.example.com by C=US, "
                                      "O=Let's Encrypt, CN=R11, serial 0a02\n"
                                      "-----BEGIN CERTIFICATE-----\n"));
  CHECK_THAT(r.out, ContainsSubstring(
                        "# not available here, but in entry 1 of Log 1"));
  CHECK_THAT(r.err, ContainsSubstring("1 of the certificates was not kept"));
  const auto blocks = x509::from_pem("CERTIFICATE", r.out);
  REQUIRE(blocks);
  CHECK(*blocks == std::vector<Bytes>{finding.certificate->der});
}

TEST_CASE_METHOD(Fixture, "a table says in few words what was found",
                 "[.db][monitor][commands_search]") {
  const auto r = run({"example.com"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, ContainsSubstring("2026-03-04  2026-06-02  Let's Encrypt "
                                      "R11"));
  CHECK_THAT(r.out, ContainsSubstring("final ×2"));
  CHECK_THAT(r.out,
             ContainsSubstring("shop.example.com, *.shop.example.com\n"));
  const auto none = run({"none.example"});
  CHECK(none.code == kExitNothingFound);
  CHECK_THAT(none.err, ContainsSubstring("Nothing found"));
  CHECK_THAT(run({"a.example"}).out, ContainsSubstring("a.example, b.example "
                                                       "+1\n"));
}

TEST_CASE("a search that cannot be is a mistake of usage",
          "[monitor][commands_search]") {
  const auto code = [](std::vector<std::string> args) {
    args.insert(args.begin(), "search");
    const auto r = test::run_command(add_search_commands, args);
    CHECK(r.out.empty());
    CHECK_FALSE(r.err.empty());
    return r.code;
  };
  CHECK(code({}) == kExitUsage);
  CHECK(code({"exa mple"}) == kExitUsage);
  CHECK(code({"example.com", "--json", "--csv"}) == kExitUsage);
  CHECK(code({"example.com", "--count", "--pem"}) == kExitUsage);
  CHECK(code({"example.com", "--by", "colour"}) == kExitUsage);
  CHECK(code({"example.com", "--timeout", "soon"}) == kExitUsage);
  CHECK(code({"example.com", "--valid-at", "then"}) == kExitUsage);
  CHECK(code({"--file", "/nonexistent/list"}) == kExitUsage);
}

TEST_CASE_METHOD(Fixture, "going on behind a place needs one query and a place",
                 "[.db][monitor][commands_search]") {
  CHECK(run({"example.com", "--after", "here"}).code == kExitUsage);
  CHECK(run({"example.com", "example.org", "--after", "1:1"}).code ==
        kExitUsage);
}

TEST_CASE("help for search teaches by example", "[monitor][commands_search]") {
  const auto r = test::run_command(add_search_commands, {"search", "--help"});
  CHECK(r.code == kExitOk);
  for (const char* part : {"api.*.example.com", "--not-expired", "Exit codes",
                           "--after PLACE", "serial:HEX"}) {
    CHECK_THAT(r.out, ContainsSubstring(part));
  }
}

}  // namespace ct::monitor
