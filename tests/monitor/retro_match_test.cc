#include "monitor/retro_match.h"

#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "monitor/watchlist.h"
#include "sql/history_store.h"
#include "tests/sql/samples.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/test_postgres.h"

namespace ct::monitor {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;

constexpr Seconds kStart = 1'767'225'600;  // 2026-01-01
constexpr Seconds kDay = 86'400;

// Later ones expire later.
sql::HistoryEntry entry(std::uint8_t n, Texts names,
                        std::string issuer = "C=US, O=Let's Encrypt, CN=R11") {
  sql::HistoryEntry e;
  e.log_id = test::hash_of(1);
  e.leaf_index = n;
  e.timestamp = kStart * 1000;
  e.type = ctlog::EntryType::kPrecert;
  e.tbs_sha256 = test::hash_of(n);
  e.sha256 = test::hash_of(static_cast<std::uint8_t>(0x80 + n));
  e.spki_sha256 = test::hash_of(static_cast<std::uint8_t>(0x40 + n));
  e.issuer = std::move(issuer);
  e.issuer_spki_sha256 = test::hash_of(0x31);
  e.serial = "0a";
  e.organization = n == 9 ? "Example Ltd" : "";
  e.not_before = kStart;
  e.not_after = kStart + n * kDay;
  e.names = std::move(names);
  return e;
}

struct Fixture {
  Fixture() {
    REQUIRE(sql::store_history(
        database.db(),
        {entry(1, {"example.com", "*.example.com"}),
         entry(2, {"login.example.com"}, "O=Evil Trust"), entry(3, {"*.com"}),
         entry(4, {"www.example.com", "me@example.com"}),
         entry(5, {"192.0.2.7"}), entry(6, {"badexample.com"}),
         entry(7, {"a.example.org"}), entry(8, {"*.example.org"}),
         entry(9, {"x.test"})}));
  }

  alerts::Watch watch(std::string_view pattern) {
    auto w = parse_watch(pattern, false);
    REQUIRE(w);
    return *w;
  }
  RetroAnswer answer(const alerts::Watch& w,
                     const std::vector<alerts::Expectation>& e = {}) {
    const auto r =
        match_history(database.db(), w, e, 10, std::chrono::milliseconds(0));
    INFO((r ? "" : r.error().what));
    REQUIRE(r);
    CHECK(r->whole);
    CHECK(r->archived);
    CHECK(r->newest.size() == r->certificates);
    return *r;
  }
  // Numbers of those found: unexpected ones, then the others.
  std::pair<std::vector<int>, std::vector<int>> found(
      const alerts::Watch& w, const std::vector<alerts::Expectation>& e = {}) {
    std::pair<std::vector<int>, std::vector<int>> out;
    const RetroAnswer a = answer(w, e);
    for (const auto& m : a.newest) {
      (m.explanation.empty() ? out.first : out.second)
          .push_back(m.certificate.sha256[0] - 0x80);
    }
    CHECK(a.unexpected == out.first.size());
    return out;
  }

  test::TestDatabase database;
};

using Numbers = std::vector<int>;

}  // namespace

TEST_CASE_METHOD(Fixture, "history is matched as what is followed is",
                 "[.db][monitor][retro_match]") {
  CHECK(found(watch("example.com")).first == Numbers{4, 3, 2, 1});
  CHECK(found(watch("=www.example.com")).first == Numbers{4, 1});
  CHECK(found(watch("a.example.org")).first == Numbers{8, 7});
  CHECK(found(watch("example.org")).first == Numbers{8, 7});
  CHECK(found(watch("192.0.2.0/24")).first == Numbers{5});
  CHECK(found(watch("@example.com")).first == Numbers{4});
  CHECK(found(watch("org:EXAMPLE ltd")).first == Numbers{9});
  CHECK(found(watch("none.test")).first.empty());
}

TEST_CASE_METHOD(Fixture, "what its owner has declared explains it",
                 "[.db][monitor][retro_match]") {
  auto w = watch("example.com");
  w.allowed_issuers = {"Let's Encrypt"};
  INFO("but not a wildcard for a public suffix");
  CHECK(found(w).first == Numbers{3, 2});
  CHECK(found(w).second == Numbers{4, 1});
  CHECK(answer(w).newest.back().explanation ==
        "its issuer is on the watch's list as \"Let's Encrypt\"");

  w.allowed_issuers = {"spki:" + to_hex(test::hash_of(0x31))};
  CHECK(found(w).first == Numbers{3});

  w.allowed_issuers = {};
  w.allowed_spkis = {test::hash_of(0x42)};
  CHECK(found(w).second == Numbers{2});

  w.allowed_spkis = {};
  alerts::Expectation tbs;
  tbs.kind = alerts::Expectation::Kind::kTbs;
  tbs.value = test::hash_of(3);
  alerts::Expectation spki;
  spki.kind = alerts::Expectation::Kind::kSpki;
  spki.value = test::hash_of(0x44);
  spki.names = {"www.example.com", "me@example.com"};
  CHECK(found(w, {tbs, spki}).second == Numbers{4, 3});
  spki.names.pop_back();
  CHECK(found(w, {tbs, spki}).second == Numbers{3});
}

TEST_CASE_METHOD(Fixture, "adding a watch says what history holds for it",
                 "[.db][monitor][retro_match]") {
  const auto add = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"watch", "add"});
    args.insert(args.end(), {"--database", database.url()});
    return test::run_command(add_watch_commands, args);
  };
  const auto r = add({"example.com", "--allow-issuer", "Let's Encrypt"});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out,
             ContainsSubstring(
                 "History holds 4 certificates for it, 2 unexpected:\n"));
  CHECK_THAT(r.out, ContainsSubstring("Evil Trust"));
  CHECK_THAT(r.out, ContainsSubstring("ctvigil search example.com\n"));
  CHECK_THAT(add({"none.test"}).out,
             ContainsSubstring("History holds no certificate for it.\n"));

  const json added = json::parse(
      add({"login.example.com", "--json", "--allow-issuer", "R11"}).out);
  const json history = added[0]["history"];
  CHECK(history["certificates"] == 2);
  CHECK(history["unexpected"] == 1);
  CHECK(history["whole"] == true);
  REQUIRE(history["newest"].size() == 2);
  CHECK(history["newest"][0]["issuer"] == "O=Evil Trust");
  CHECK(history["newest"][0]["expected"] == nullptr);
  CHECK(history["newest"][1]["names"] ==
        json::array({"example.com", "*.example.com"}));
  CHECK(history["newest"][1]["expected"] ==
        "its issuer is on the watch's list as \"R11\"");
}

TEST_CASE("without a history, adding a watch does not speak of it",
          "[.db][monitor][retro_match]") {
  test::TestDatabase database;
  const auto r = test::run_command(
      add_watch_commands,
      {"watch", "add", "example.com", "--database", database.url()});
  CHECK(r.code == kExitOk);
  CHECK_THAT(r.out, !ContainsSubstring("istory"));
}

}  // namespace ct::monitor
