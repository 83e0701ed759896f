#include "ctlog/plain_entries.h"

#include "base/base64.h"
#include "ctlog/rfc6962_json.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMost = 3;
const std::string kTwo =
    R"({"entries":[{"leaf_input":"YWFh","extra_data":"Yg=="},)"
    R"({"leaf_input":"","extra_data":"/+8="}]})";

bool is_plain(std::string_view body) {
  PlainEntries plain(kMost);
  plain.read(body);
  return plain.complete();
}

// What a page says, or why it is none.
std::string told(const Result<EntryPage>& page) {
  if (!page) {
    return std::to_string(static_cast<int>(page.error().code)) + " " +
           page.error().what;
  }
  std::string out;
  for (std::size_t i = 0; i < page->entries.size(); ++i) {
    const RawEntry& entry = page->entries[i];
    out += to_base64(entry.leaf) + " " + std::string(entry.extra_b64) + " " +
           to_base64(page->leaf_hashes[i]) + "\n";
  }
  return out;
}

std::string decoded(const std::string& body) {
  return told(decode_entries_page(Buffer(body), 7, kMost));
}

// A space in front, and it is not plain, though it means the same.
void check_same(const std::string& body) {
  REQUIRE_FALSE(is_plain(" " + body));
  CAPTURE(body);
  CHECK(decoded(body) == decoded(" " + body));
}

TEST_CASE("a plain reply gives the places of its texts",
          "[ctlog][plain_entries]") {
  PlainEntries plain(kMost);
  plain.read(kTwo);
  REQUIRE(plain.complete());
  std::vector<std::string> texts;
  for (const auto& e : plain.entries()) {
    texts.push_back(kTwo.substr(e.leaf, e.leaf_size));
    texts.push_back(kTwo.substr(e.extra, e.extra_size));
  }
  CHECK(texts == std::vector<std::string>{"YWFh", "Yg==", "", "/+8="});
  CHECK(is_plain(kTwo + "\n"));
  CHECK(is_plain(kTwo + "\r\n\t "));
}

TEST_CASE("other spellings are left to others", "[ctlog][plain_entries]") {
  for (const std::string body :
       {R"()", R"({})", R"({"entries":[]})", R"({"entries":null})",
        R"({"entries": [{"leaf_input":"YQ==","extra_data":""}]})",
        R"({"entries":[{"extra_data":"","leaf_input":"YQ=="}]})",
        R"({"entries":[{"leaf_input":"YQ==","extra_data":"","more":1}]})",
        R"({"entries":[{"leaf_input":"YQ==","extra_data":"\/"}]})",
        R"({"entries":[{"leaf_input":"YQ==","extra_data":"ä"}]})",
        R"({"entries":[{"leaf_input":"YQ==","extra_data":""}],"more":1})",
        R"({"entries":[{"leaf_input":"YQ==","extra_data":""}]}x)"}) {
    CAPTURE(body);
    CHECK_FALSE(is_plain(body));
  }
  std::string four = kTwo;
  four.insert(four.size() - 2, "," + kTwo.substr(12, kTwo.size() - 14));
  PlainEntries plain(4);
  plain.read(four);
  CHECK(plain.complete());
  CHECK_FALSE(is_plain(four));
}

TEST_CASE("a plain reply may come in pieces, and move between them",
          "[ctlog][plain_entries]") {
  const std::string body = kTwo + "\n";
  for (std::size_t step = 1; step <= body.size(); ++step) {
    PlainEntries plain(kMost);
    for (std::size_t n = step; n < body.size(); n += step) {
      plain.read(std::string(body, 0, n));
      CHECK(plain.complete() == (n >= kTwo.size()));
    }
    const auto page = decode_entries_page(Buffer(body), 7, kMost, plain);
    CHECK(told(page) == decoded(" " + body));
    plain.read(body);
    CHECK(plain.complete());
  }
}

TEST_CASE("what began as something else may yet become plain",
          "[ctlog][plain_entries]") {
  PlainEntries plain(kMost);
  plain.read("\x1f\x8b a body before it was inflated, long enough");
  CHECK_FALSE(plain.complete());
  plain.read(kTwo);
  CHECK(plain.complete());
}

TEST_CASE("no byte of a reply means another thing than to a JSON parser",
          "[ctlog][plain_entries]") {
  const std::string bytes("\"\\ \n{}[]:,=A+u/_\0\x1f\x7f\x80\xc3\xff", 22);
  REQUIRE(is_plain(kTwo));
  check_same(kTwo);
  for (std::size_t i = 0; i < kTwo.size(); ++i) {
    for (const char c : bytes) {
      std::string changed = kTwo;
      changed[i] = c;
      check_same(changed);
      check_same(std::string(kTwo).insert(i, 1, c));
    }
    check_same(std::string(kTwo).erase(i, 1));
    check_same(kTwo.substr(0, i));
    check_same(kTwo + kTwo.substr(i));
    check_same(kTwo.substr(0, i) + kTwo.substr(kTwo.size() / 2));
  }
}

TEST_CASE("a recorded reply is plain", "[ctlog][plain_entries]") {
  if (!test::have_shared_data()) return;
  const std::string body = test::shared_file(
      GENERATE(as<std::string>{}, "entries/pilot-2013-four-entries.json",
               "logs/argon2020/get-entries-start-10000-end-10000.json"));
  PlainEntries plain(10);
  plain.read(body);
  CHECK(plain.complete());
  CHECK(told(decode_entries_page(Buffer(body), 0, 10)) ==
        told(decode_entries_page(Buffer(" " + body), 0, 10)));
}

}  // namespace
}  // namespace ct::ctlog
