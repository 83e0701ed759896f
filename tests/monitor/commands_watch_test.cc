#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "monitor/demo/local_ca.h"
#include "monitor/files.h"
#include "sql/watches.h"
#include "tests/support/catch.h"
#include "tests/support/command_runner.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

struct Fixture {
  test::TestDatabase database;
  test::TempDir dir;

  test::CommandOutput run(std::vector<std::string> args) {
    args.insert(args.begin(), "watch");
    args.push_back("--database");
    args.push_back(database.url());
    return test::run_command(add_watch_commands, args);
  }
  json run_json(std::vector<std::string> args) {
    args.push_back("--json");
    return test::json_of(run(args));
  }
  void add(std::vector<std::string> patterns) {
    patterns.insert(patterns.begin(), "add");
    const auto r = run(patterns);
    CAPTURE(r.err);
    REQUIRE(r.code == kExitOk);
  }
  std::vector<std::string> patterns() {
    std::vector<std::string> out;
    for (const auto& w : run_json({"list"})) out.push_back(w["pattern"]);
    return out;
  }
  std::string file(std::string_view content) {
    REQUIRE(write_file(dir / "watches.toml", content));
    return dir / "watches.toml";
  }
  // "watch: name why" of each watch that `what` would meet.
  std::vector<std::string> meets(const std::string& what) {
    std::vector<std::string> out;
    for (const auto& m : run_json({"test", what})) {
      out.push_back(m["watch"].get<std::string>() + ": " +
                    m["name"].get<std::string>() + ' ' +
                    m["why"].get<std::string>());
    }
    return out;
  }
};

using Texts = std::vector<std::string>;

const std::string kKey(64, 'a');

}  // namespace

TEST_CASE_METHOD(Fixture, "nothing watched is an empty array, and a sentence",
                 "[.db][monitor][commands_watch]") {
  CHECK(run_json({"list"}) == json::array());
  CHECK_THAT(run({"list"}).out, ContainsSubstring("ctvigil watch add"));
  CHECK_THAT(run({"test", "example.com"}).out,
             ContainsSubstring("No watch would match example.com"));
}

TEST_CASE_METHOD(Fixture, "a watch is listed with all that was said of it",
                 "[.db][monitor][commands_watch]") {
  const json added =
      run_json({"add", "EXAMPLE.com.", "--allow-issuer", "Let's Encrypt",
                "--allow-issuer", "spki:" + std::string(64, 'A'),
                "--allow-spki", kKey, "--tag", "web", "--tag", "b\xc3\xbc",
                "--grace", "10m", "--note", "ours"});
  const json listed = run_json({"list"});
  REQUIRE(listed.size() == 1);
  json expected = {{"id", added[0]["id"]},
                   {"pattern", "example.com"},
                   {"tags", {"web", "b\xc3\xbc"}},
                   {"allowed_issuers", {"Let's Encrypt", "spki:" + kKey}},
                   {"allowed_spkis", {kKey}},
                   {"grace_seconds", 600},
                   {"note", "ours"},
                   {"source", "cli"},
                   {"created", listed[0]["created"]}};
  CHECK(listed[0] == expected);
  CHECK_FALSE(added[0]["id"].get<std::string>().empty());
  CHECK_THAT(listed[0]["created"].get<std::string>(), ContainsSubstring("T"));
  // As docs/formats.md says: others' texts cannot disturb a terminal.
  const std::string text = run({"list", "--json"}).out;
  CHECK(std::ranges::all_of(text, [](char c) { return c >= 0; }));

  const std::string table = run({"list"}).out;
  for (const char* cell : {"example.com", "Let's Encrypt, spki:", "web, b",
                           "10 min", "cli", "ours"}) {
    CHECK_THAT(table, ContainsSubstring(cell));
  }
}

TEST_CASE_METHOD(Fixture, "adding says when nothing is declared as expected",
                 "[.db][monitor][commands_watch]") {
  CHECK_THAT(run({"add", "a.example"}).out,
             ContainsSubstring("Watching a.example.") &&
                 ContainsSubstring("--allow-issuer"));
  CHECK(run({"add", "b.example", "--allow-issuer", "X"}).out ==
        "Watching b.example.\n");
  CHECK(run({"add", "c.example", "--allow-spki", kKey}).out ==
        "Watching c.example.\n");
}

TEST_CASE_METHOD(Fixture, "a watch added again is changed",
                 "[.db][monitor][commands_watch]") {
  add({"example.com", "--tag", "a"});
  const json before = run_json({"list"});
  add({"Example.COM", "--tag", "b"});
  const json after = run_json({"list"});
  REQUIRE(after.size() == 1);
  CHECK(after[0]["id"] == before[0]["id"]);
  CHECK(after[0]["tags"] == json::array({"b"}));
}

TEST_CASE_METHOD(Fixture, "what cannot be watched is refused, and adds nothing",
                 "[.db][monitor][commands_watch]") {
  const auto refusal = [&](std::vector<std::string> args) {
    args.insert(args.begin(), {"add", "first.example"});
    const auto r = run(args);
    CAPTURE(r.out, r.err);
    CHECK(r.code == kExitUsage);
    CHECK(r.out.empty());
    return r.err;
  };
  CHECK_THAT(refusal({"co.uk"}), ContainsSubstring("--force"));
  CHECK_THAT(refusal({"@github.io"}), ContainsSubstring("public suffix"));
  CHECK_THAT(refusal({"192.0.2.7/24"}), ContainsSubstring("192.0.2.0/24"));
  CHECK_THAT(refusal({"a..b"}), ContainsSubstring("empty label"));
  CHECK_THAT(refusal({"--allow-spki", "12"}), ContainsSubstring("64 hex"));
  CHECK_THAT(refusal({"--allow-issuer", " "}), ContainsSubstring("empty"));
  CHECK_THAT(refusal({"--grace", "soon"}), ContainsSubstring("10m"));
  CHECK(patterns().empty());

  add({"co.uk", "0.0.0.0/0", "--force"});
  CHECK(patterns() == Texts{"0.0.0.0/0", "co.uk"});
}

TEST_CASE_METHOD(Fixture, "watches are removed as typed or as listed",
                 "[.db][monitor][commands_watch]") {
  add({"a.example",
       "b\xc3\xbc"
       "cher.example",
       "192.0.2.1", "org:Example  Ltd"});
  CHECK_THAT(run({"remove", "A.example."}).out,
             ContainsSubstring("No longer watching A.example."));
  CHECK(run({"remove", "xn--bcher-kva.example"}).code == kExitOk);
  CHECK(run({"remove", "192.0.2.1/32", "org:Example  Ltd"}).code == kExitOk);
  CHECK(patterns().empty());

  add({"a.example"});
  const auto none = run({"remove", "b.example", "a.example"});
  CHECK(none.code == kExitFailed);
  CHECK_THAT(none.err, ContainsSubstring("there is no watch b.example"));
  INFO("the others are removed all the same");
  CHECK(patterns().empty());
}

TEST_CASE_METHOD(Fixture, "testing a name says which watches it meets, and why",
                 "[.db][monitor][commands_watch]") {
  add({"example.com", "=www.example.com",
       "b\xc3\xbc"
       "cher.example",
       "192.0.2.0/24", "2001:db8::1", "@example.com", "org:Example Ltd"});
  CHECK(meets("www.EXAMPLE.com.") ==
        Texts{"=www.example.com: www.example.com is the watched name",
              "example.com: www.example.com lies below example.com"});
  CHECK(meets("a.www.example.com") ==
        Texts{"example.com: a.www.example.com lies below example.com"});
  CHECK(meets("*.com") ==
        Texts{"example.com: *.com is a wildcard that covers example.com"});
  CHECK(meets("example.org").empty());

  INFO("either form of an international name");
  for (const char* name : {"www.xn--bcher-kva.example",
                           "www.b\xc3\xbc"
                           "cher.example",
                           "WWW.B\xc3\x9c"
                           "CHER.example"}) {
    CHECK(meets(name) ==
          Texts{"xn--bcher-kva.example: www.xn--bcher-kva.example lies below "
                "xn--bcher-kva.example (b\xc3\xbc"
                "cher.example)"});
  }

  CHECK(meets("192.0.2.7") ==
        Texts{"192.0.2.0/24: 192.0.2.7 lies in 192.0.2.0/24"});
  CHECK(meets("192.0.3.7").empty());
  CHECK(meets("2001:DB8:0::1") ==
        Texts{"2001:db8::1: 2001:db8::1 lies in 2001:db8::1/128"});
  CHECK(meets("::ffff:192.0.2.7").size() == 1);

  CHECK(meets("a@example.com") ==
        Texts{"@example.com: a@example.com is an address at example.com"});
  CHECK(meets("a@b.example.com") ==
        Texts{"@example.com: a@b.example.com is an address below example.com"});
  CHECK(meets("EXAMPLE  ltd") ==
        Texts{"org:Example Ltd: example ltd is the watched organisation"});

  const auto text = run({"test", "www.example.com"});
  CHECK(text.code == kExitOk);
  CHECK_THAT(text.out,
             ContainsSubstring("example.com: www.example.com lies below "
                               "example.com.\n"));
}

TEST_CASE_METHOD(Fixture, "testing a name says how many watches it leaves out",
                 "[.db][monitor][commands_watch]") {
  std::string many;
  for (int i = 0; i < 1'234; ++i) {
    many += "[[watch]]\npattern = \"n" + std::to_string(i) + ".example\"\n";
  }
  REQUIRE(run({"apply", file(many)}).code == kExitOk);
  for (const bool as_json : {false, true}) {
    std::vector<std::string> args = {"test", "*.example"};
    if (as_json) args.push_back("--json");
    const auto r = run(args);
    CHECK(r.code == kExitOk);
    CHECK_THAT(r.err, ContainsSubstring("up to 234 more watches"));
    if (as_json) CHECK(json::parse(r.out).size() == 1'000);
  }
  CHECK(run({"test", "n1.example"}).err.empty());
}

TEST_CASE_METHOD(Fixture, "testing a file reads the certificates in it",
                 "[.db][monitor][commands_watch]") {
  add({"example.com", "192.0.2.0/24", "org:Example Ltd"});
  const demo::LocalCa ca({.organization = "Demo Trust"});
  demo::CertificateSpec spec;
  const std::array<std::uint8_t, 4> ip = {192, 0, 2, 7};
  spec.names = {demo::dns_name("www.example.com"), demo::ip_name(ip)};
  spec.organization = "EXAMPLE LTD";
  const Bytes der = ca.issue(spec);
  const Texts expected = {
      "example.com: www.example.com lies below example.com",
      "192.0.2.0/24: 192.0.2.7 lies in 192.0.2.0/24",
      "org:Example Ltd: example ltd is the watched organisation"};
  REQUIRE(write_file(dir / "der", as_text(der)));
  REQUIRE(write_file(dir / "pem", x509::to_pem("CERTIFICATE", der)));
  CHECK(meets(dir / "der") == expected);
  CHECK(meets(dir / "pem") == expected);

  INFO("one that does not parse is searched");
  REQUIRE(write_file(dir / "broken", as_text(der).substr(0, der.size() - 1)));
  const Texts found = meets(dir / "broken");
  REQUIRE_FALSE(found.empty());
  CHECK_THAT(found[0], ContainsSubstring("bytes that do not parse"));
  REQUIRE(write_file(dir / "bad pem",
                     "-----BEGIN CERTIFICATE-----\n!\n"
                     "-----END CERTIFICATE-----\n"));
  const auto bad = run({"test", dir / "bad pem"});
  CHECK(bad.code != kExitOk);
  CHECK_THAT(bad.err, ContainsSubstring("bad pem"));
}

TEST_CASE_METHOD(Fixture, "a file is applied with a line for each change",
                 "[.db][monitor][commands_watch]") {
  add({"by-hand.example", "taken.example"});
  const std::string first = file(
      "[[watch]]\npattern = \"b.example\"\nallow_issuers = [\"X\"]\n"
      "[[watch]]\npattern = \"a.example\"\n"
      "[[watch]]\npattern = \"gone.example\"\n");
  CHECK(run({"apply", first}).out ==
        "+ watch a.example\n"
        "+ watch b.example: allow_issuers [\"X\"]\n"
        "+ watch gone.example\n"
        "3 added, 0 changed, 0 removed, 0 unchanged.\n");

  const std::string second = file(
      "[[watch]]\npattern = \"=a.example\"\n"
      "[[watch]]\npattern = \"taken.example\"\ntags = [\"t\"]\n"
      "[[watch]]\npattern = \"b.example\"\nallow_issuers = [\"Y\"]\n"
      "[[watch]]\npattern = \"a.example\"\n");
  const std::string diff =
      "~ watch b.example: allow_issuers [\"X\"] -> [\"Y\"]\n"
      "- watch gone.example\n"
      "~ watch taken.example: tags [] -> [\"t\"], source \"cli\" -> "
      "\"watches.toml\"\n"
      "+ watch =a.example\n";
  const std::string counts = "1 added, 2 changed, 1 removed, 1 unchanged.\n";
  const json before = run_json({"list"});
  const auto dry = run({"apply", second, "--dry-run"});
  CHECK(dry.code == kExitOk);
  CHECK(dry.out == diff + "Would be: " + counts);
  CHECK(run({"apply", second, "--dry-run", "--exit-code"}).code ==
        kExitChanges);
  CHECK(run_json({"list"}) == before);

  CHECK(run({"apply", second}).out == diff + counts);
  CHECK(patterns() == Texts{"=a.example", "a.example", "b.example",
                            "by-hand.example", "taken.example"});

  INFO("a second time nothing changes");
  const json applied = run_json({"list"});
  CHECK(run({"apply", second}).out ==
        "0 added, 0 changed, 0 removed, 4 unchanged.\n");
  CHECK(run({"apply", second, "--dry-run", "--exit-code"}).code == kExitOk);
  CHECK(run_json({"list"}) == applied);
}

TEST_CASE_METHOD(Fixture, "a file takes over a watch that says the same",
                 "[.db][monitor][commands_watch]") {
  add({"a.example"});
  const std::string path = file("[[watch]]\npattern = \"a.example\"\n");
  CHECK_THAT(run({"apply", path}).out,
             ContainsSubstring("~ watch a.example: source \"cli\" -> "
                               "\"watches.toml\"\n"));
  CHECK_THAT(run({"apply", file("")}).out,
             ContainsSubstring("- watch a.example\n"));
  CHECK(patterns().empty());
}

TEST_CASE_METHOD(Fixture, "applying prints JSON that says the same",
                 "[.db][monitor][commands_watch]") {
  add({"gone.example", "changed.example"});
  database.run("UPDATE watch SET source = 'team'");
  const std::string path = file(
      "[[watch]]\npattern = \"changed.example\"\ngrace = \"1500ms\"\n"
      "[[watch]]\npattern = \"new.example\"\ntags = [\"t\"]\n");
  const json dry = run_json({"apply", path, "--source", "team", "--dry-run"});
  const auto watch = [](const char* pattern, json tags, json grace) {
    return json{{"pattern", pattern},
                {"tags", std::move(tags)},
                {"allowed_issuers", json::array()},
                {"allowed_spkis", json::array()},
                {"grace_seconds", std::move(grace)},
                {"note", ""},
                {"source", "team"}};
  };
  const json none = json::array();
  json expected = {{"source", "team"}, {"dry_run", true}, {"added", 1},
                   {"changed", 1},     {"removed", 1},    {"unchanged", 0}};
  expected["changes"] =
      json::array({{{"watch", "changed.example"},
                    {"change", "changed"},
                    {"before", watch("changed.example", none, 0)},
                    {"after", watch("changed.example", none, 1.5)}},
                   {{"watch", "gone.example"},
                    {"change", "removed"},
                    {"before", watch("gone.example", none, 0)},
                    {"after", nullptr}},
                   {{"watch", "new.example"},
                    {"change", "added"},
                    {"before", nullptr},
                    {"after", watch("new.example", {"t"}, 0)}}});
  CHECK(dry == expected);
  json applied = run_json({"apply", path, "--source", "team"});
  CHECK(applied["dry_run"] == false);
  CHECK(applied["changes"] == dry["changes"]);
}

TEST_CASE_METHOD(Fixture, "a file with a mistake changes nothing",
                 "[.db][monitor][commands_watch]") {
  const auto r = run({"apply", file("[[watch]]\npattern = \"a.example\"\n"
                                    "[[watch]]\npattern = \"co.uk\"\n")});
  CHECK(r.code == kExitUsage);
  CHECK(r.out.empty());
  CHECK_THAT(r.err, ContainsSubstring("watches.toml:4: \"co.uk\" is a public "
                                      "suffix"));
  CHECK(run({"apply", dir / "none.toml"}).code == kExitUsage);
  CHECK(run({"apply", file(""), "--exit-code"}).code == kExitUsage);
  CHECK(patterns().empty());
}

TEST_CASE("help for watches teaches by example", "[monitor][commands_watch]") {
  const auto help = [](const char* word) {
    const auto r =
        test::run_command(add_watch_commands, {"watch", word, "--help"});
    CHECK(r.code == kExitOk);
    return r.out;
  };
  CHECK_THAT(help("add"), ContainsSubstring("org:Example Ltd"));
  CHECK_THAT(help("apply"), ContainsSubstring("[[watch]]") &&
                                ContainsSubstring("Exit codes") &&
                                ContainsSubstring("--exit-code"));
  CHECK(test::run_command(add_watch_commands, {"watch"}).code == kExitUsage);
}

}  // namespace ct::monitor
