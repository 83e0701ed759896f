#include "monitor/watch_file.h"

#include "base/hex.h"
#include "monitor/files.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace ct::monitor {
namespace {

using alerts::WatchKind;

struct Fixture {
  test::TempDir dir;
  const std::string path = dir / "watches.toml";

  Result<std::vector<alerts::Watch>> read(std::string_view content) const {
    REQUIRE(write_file(path, content));
    return read_watch_file(path);
  }
  // The error, without the file's name: "3: what".
  std::string refusal(std::string_view content) const {
    const auto watches = read(content);
    CAPTURE(std::string(content.substr(0, 300)));
    REQUIRE_FALSE(watches);
    CHECK(watches.error().code == Errc::kUsage);
    const std::string& what = watches.error().what;
    REQUIRE(what.starts_with(path + ':'));
    return what.substr(path.size() + 1);
  }
};

const std::string kKey(64, 'a');

}  // namespace

TEST_CASE_METHOD(Fixture, "a file of watches is read as it says",
                 "[monitor][watch_file]") {
  const auto watches = read(
      "# Our names\n"
      "[[watch]]\n"
      "pattern = \"BÜCHER.example.\"\n"
      "allow_issuers = [\"Let's Encrypt\", \"spki:" +
      kKey +
      "\"]\n"
      "allow_spkis = [\"" +
      kKey + "\", \"spki:" + std::string(64, 'B') +
      "\"]\n"
      "tags = [\"shop\", \"web\"]\n"
      "grace = \"10m\"\n"
      "note = \"run by the web team\"\n"
      "\n"
      "[[watch]]\n"
      "pattern = \"co.uk\"\n"
      "force = true\n"
      "[[watch]]\n"
      "pattern = \"org:Example Ltd\"\n"
      "force = false\n"
      "grace = \"\"\n");
  REQUIRE(watches);
  REQUIRE(watches->size() == 3);
  const alerts::Watch& books = watches->at(0);
  CHECK(books.pattern == "xn--bcher-kva.example");
  CHECK(books.kind == WatchKind::kSubtree);
  CHECK(books.allowed_issuers ==
        std::vector<std::string>{"Let's Encrypt", "spki:" + kKey});
  REQUIRE(books.allowed_spkis.size() == 2);
  CHECK(to_hex(books.allowed_spkis[0]) == kKey);
  CHECK(to_hex(books.allowed_spkis[1]) == std::string(64, 'b'));
  CHECK(books.tags == std::vector<std::string>{"shop", "web"});
  CHECK(books.grace == std::chrono::minutes(10));
  CHECK(books.note == "run by the web team");
  CHECK(watches->at(1).value == "co.uk");
  CHECK(watches->at(2).kind == WatchKind::kOrganization);
  CHECK(watches->at(2).grace.count() == 0);
}

TEST_CASE_METHOD(Fixture, "a file without watches is one without watches",
                 "[monitor][watch_file]") {
  for (const char* content : {"", "# nothing yet\n", "watch = []\n"}) {
    const auto watches = read(content);
    REQUIRE(watches);
    CHECK(watches->empty());
  }
}

TEST_CASE_METHOD(Fixture, "what is wrong in a file is said with its line",
                 "[monitor][watch_file]") {
  struct Case {
    const char* content;
    const char* error;  // its beginning
  };
  for (const Case& c : {
           Case{"[[watch]]\npattern = example.com\n", "2: "},
           Case{"[[watch]]\npattern = \"a.example\"\n\n[[watch\n", "4: "},
           Case{"# x\nwatches = 1\n",
                "2: unknown key 'watches'; watches are [[watch]] tables"},
           Case{"\nwatch = \"a.example\"\n", "2: watches are [[watch]] tables"},
           Case{"[watch]\npattern = \"a.example\"\n",
                "1: watches are [[watch]] tables, in double brackets"},
           Case{"watch = [\n  \"a.example\"]\n", "2: not a [[watch]] table"},
           Case{"[[watch]]\npattern = \"a.example\"\nissuers = []\n",
                "3: unknown key 'issuers'; known are pattern, allow_issuers, "
                "allow_spkis, tags, grace, note, force"},
           Case{"\n[[watch]]\nnote = \"x\"\n", "2: a watch needs a pattern"},
           Case{"[[watch]]\npattern = \"\"\n", "2: a watch needs a pattern"},
           Case{"[[watch]]\npattern = 5\n", "2: pattern wants a text"},
           Case{"[[watch]]\nnote = \"\"\npattern = \"co.uk\"\n",
                "3: \"co.uk\" is a public suffix"},
           Case{"[[watch]]\npattern = \"co.uk\"\nforce = \"yes\"\n",
                "3: force wants true or false"},
           Case{"[[watch]]\npattern = \"192.0.2.7/24\"\n",
                "2: cannot watch \"192.0.2.7/24\": bits behind"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_issuers = \"X\"\n",
                "3: allow_issuers wants a list of texts"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_issuers = "
                "[\n\"X\",\n7]\n",
                "5: allow_issuers wants texts"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_issuers = "
                "[\n\"X\",\n\" \"]\n",
                "5: an allowed issuer cannot be empty"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_issuers = "
                "[\n\"spki:12\"]\n",
                "4: '12' is not the SHA-256 of a key"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_spkis = "
                "[\n\n\"abcd\"]\n",
                "5: 'abcd' is not the SHA-256 of a key"},
           Case{"[[watch]]\npattern = \"a.example\"\nallow_spkis = [[]]\n",
                "3: allow_spkis wants texts"},
           Case{"[[watch]]\npattern = \"a.example\"\ntags = {}\n",
                "3: tags wants a list of texts"},
           Case{"[[watch]]\npattern = \"a.example\"\ngrace = 10\n",
                "3: grace wants a text"},
           Case{"[[watch]]\npattern = \"a.example\"\ngrace = \"soon\"\n",
                "3: grace wants a time such as \"10m\""},
           Case{"[[watch]]\npattern = \"a.example\"\ngrace = \"-10m\"\n",
                "3: grace wants a time such as \"10m\""},
           Case{"[[watch]]\npattern = \"a.example\"\nnote = []\n",
                "3: note wants a text"},
           Case{"[[watch]]\npattern = \"a.example\"\nnote = \"a\\u0000b\"\n",
                "3: a text cannot hold a NUL"},
           Case{
               "[[watch]]\npattern = \"a.example\"\n[[watch]]\n"
               "pattern = \"b.example\"\n[[watch]]\npattern = \"A.example.\"\n",
               "5: a.example is watched already in line 1"},
       }) {
    const std::string got = refusal(c.content);
    CAPTURE(got);
    CHECK(got.starts_with(c.error));
  }
  const std::string long_name =
      "[[watch]]\n\npattern = \"org:" + std::string(1'001, 'x') + "\"\n";
  CHECK_THAT(refusal(long_name), ContainsSubstring("3: cannot watch"));
}

TEST_CASE_METHOD(Fixture, "files that are no text are refused",
                 "[monitor][watch_file]") {
  using namespace std::string_literals;
  for (const std::string& content :
       {"\xff\xfe\xfd"s, "[[watch]]\npattern = \"\xff\"\n"s, "\0\0"s,
        "watch = "s + std::string(100'000, '[')}) {
    CHECK_FALSE(refusal(content).empty());
  }
  const auto missing = read_watch_file(dir / "missing.toml");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::kUsage);
  CHECK_THAT(missing.error().what, ContainsSubstring("missing.toml"));
  CHECK_FALSE(read_watch_file(dir.path()));
}

TEST_CASE("keys and issuers are taken as people write them",
          "[monitor][watch_file]") {
  const auto key = parse_spki_hash(kKey);
  REQUIRE(key);
  CHECK(to_hex(*key) == kKey);
  CHECK(*parse_spki_hash("spki:" + std::string(64, 'A')) == *key);
  for (const std::string& wrong :
       {std::string(), std::string("spki:"), kKey.substr(1), kKey + "a",
        std::string(64, 'g')}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_spki_hash(wrong));
  }
  CHECK(*parse_allowed_issuer("spki:" + std::string(64, 'A')) ==
        "spki:" + kKey);
  CHECK(*parse_allowed_issuer("C=US, O=Let's Encrypt") ==
        "C=US, O=Let's Encrypt");
  CHECK_FALSE(parse_allowed_issuer(" \t"));
  CHECK_FALSE(parse_allowed_issuer("spki:" + kKey.substr(1)));
}

}  // namespace ct::monitor
