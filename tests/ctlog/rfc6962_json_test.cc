#include "ctlog/rfc6962_json.h"

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"

namespace ct::ctlog {
namespace {

std::string entry_json(std::string_view leaf, std::string_view extra) {
  return R"({"leaf_input":")" + to_base64(as_bytes(leaf)) +
         R"(","extra_data":")" + to_base64(as_bytes(extra)) + R"("})";
}

std::string page_json(const std::string& entries) {
  return R"({"entries":[)" + entries + "]}";
}

Errc refused(const std::string& json, std::size_t max_entries = 10) {
  CAPTURE(json.substr(0, 200));
  const auto page = decode_entries_page(Buffer(json), 0, max_entries);
  REQUIRE_FALSE(page);
  return page.error().code;
}

TEST_CASE("a page gives every entry with its leaf hash",
          "[ctlog][rfc6962_json]") {
  const std::string json =
      page_json(entry_json("leaf one", "extra one") + "," + entry_json("", "") +
                "," + entry_json("three", "e3"));
  const auto page = decode_entries_page(Buffer(json), 70, 3);
  REQUIRE(page);
  CHECK(page->first == 70);
  CHECK(page->wire_bytes == json.size());
  REQUIRE(page->entries.size() == 3);
  REQUIRE(page->leaf_hashes.size() == 3);
  const std::string leaves[] = {"leaf one", "", "three"};
  const std::string extras[] = {"extra one", "", "e3"};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(as_text(page->entries[i].leaf) == leaves[i]);
    CHECK(page->entries[i].extra_b64 == to_base64(as_bytes(extras[i])));
    CHECK(page->leaf_hashes[i] == leaf_hash(as_bytes(leaves[i])));
    // No copy is made of what is not needed now.
    const auto* extra = reinterpret_cast<const std::uint8_t*>(
        page->entries[i].extra_b64.data());
    CHECK(extra >= page->body.data());
    CHECK(extra <= page->body.data() + page->body.size());
  }
}

TEST_CASE("how the JSON is spelt does not matter", "[ctlog][rfc6962_json]") {
  const std::string json = GENERATE(
      R"( {"x":[{"entries":[]}],"entries":[{"leaf_input":"YQ==","extra_data":"/+8="}],"y":null} )",
      R"({"entries":[{"extra_data":"/+8=","more":{"leaf_input":1},"leaf_input":"YQ=="}]})",
      "{\n\t\"entries\" :\r\n[ { \"leaf_input\" : \"YQ==\" ,\n"
      "\"extra_data\" : \"/+8=\"\n} ]\n}\n",
      R"({"entries":[{"leaf_input":"\u0059Q==","extra_data":"\/\u002b8="}]})");
  CAPTURE(json);
  const auto page = decode_entries_page(Buffer(json), 0, 1);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  CHECK(as_text(page->entries[0].leaf) == "a");
  CHECK(page->entries[0].extra_b64 == "/+8=");
}

TEST_CASE("escaped texts of many entries stay apart", "[ctlog][rfc6962_json]") {
  std::string entries;
  for (int i = 0; i < 200; ++i) {
    const std::string n = std::to_string(1000 + i);
    entries += (i ? "," : "") + (R"({"leaf_input":"\/)" + n.substr(1) +
                                 R"(","extra_data":"\/)" + n + R"("})");
  }
  const auto page = decode_entries_page(Buffer(page_json(entries)), 0, 200);
  REQUIRE(page);
  // Neither from each other only, but from those of later pages.
  std::replace(entries.begin(), entries.end(), '1', '2');
  REQUIRE(decode_entries_page(Buffer(page_json(entries)), 0, 200));
  for (int i = 0; i < 200; ++i) {
    const auto& entry = page->entries[static_cast<std::size_t>(i)];
    const std::string n = std::to_string(1000 + i);
    CHECK(to_base64(entry.leaf) == "/" + n.substr(1));
    CHECK(entry.extra_b64 == "/" + n);
  }
}

TEST_CASE("a page from the wrong side of a cut or a proxy is worth a retry",
          "[ctlog][rfc6962_json]") {
  const std::string whole = page_json(entry_json("a", "b"));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CHECK(refused(whole.substr(0, n)) == Errc::kTransient);
  }
  CHECK(refused("<html>Bad gateway</html>") == Errc::kTransient);
  CHECK(refused(R"({"entries":[]})") == Errc::kTransient);
  CHECK(refused(R"({"entries":null})") == Errc::kTransient);
  CHECK(refused(R"({})") == Errc::kTransient);
  CHECK(refused(whole + whole) == Errc::kTransient);
  CHECK(refused(whole + "}") == Errc::kTransient);
  CHECK(refused("{" + std::string(100'000, '[') + "}") == Errc::kTransient);
}

TEST_CASE("a page that breaks the format is malformed",
          "[ctlog][rfc6962_json]") {
  const std::string one = entry_json("a", "b");
  const std::string bad =
      GENERATE_COPY(as<std::string>{}, R"({"entries":{}})", R"({"entries":7})",
                    R"({"entries":"x"})", page_json("7"), page_json("null"),
                    page_json("[]"), page_json("{}"), page_json(one + ",[]"),
                    page_json(R"({"leaf_input":"YQ=="})"),
                    page_json(R"({"extra_data":"YQ=="})"),
                    page_json(R"({"leaf_input":7,"extra_data":"YQ=="})"),
                    page_json(R"({"leaf_input":null,"extra_data":"YQ=="})"),
                    page_json(R"({"leaf_input":"YQ==","extra_data":[]})"),
                    page_json(R"({"leaf_input":"YQ=","extra_data":"YQ=="})"),
                    page_json(R"({"leaf_input":"Y Q=","extra_data":"YQ=="})"),
                    page_json(R"({"leaf_input":"YQ-_","extra_data":"YQ=="})"),
                    R"({"entries":[)" + one + R"(],"entries":[)" + one + "]}");
  CAPTURE(bad);
  CHECK(refused(bad) == Errc::kMalformed);
}

TEST_CASE("more entries than asked for are refused", "[ctlog][rfc6962_json]") {
  const std::string json =
      page_json(entry_json("a", "") + "," + entry_json("b", ""));
  CHECK(decode_entries_page(Buffer(json), 0, 2));
  CHECK(refused(json, 1) == Errc::kMalformed);
}

TEST_CASE("one odd page leaves the next one as it is",
          "[ctlog][rfc6962_json]") {
  // The parser and its scratch memory are used again.
  const std::string good = page_json(entry_json("a", "b"));
  refused(page_json(entry_json("x", "y") + ",7"));
  refused(good.substr(0, 30));
  std::string large(20u << 20, 'A');
  CHECK(decode_entries_page(
      Buffer(page_json(R"({"leaf_input":"","extra_data":")" + large + R"("})")),
      0, 1));
  const auto page = decode_entries_page(Buffer(good), 0, 1);
  REQUIRE(page);
  CHECK(page->entries.size() == 1);
}

TEST_CASE("a proof without nodes may be spelt in three ways",
          "[ctlog][rfc6962_json]") {
  const std::string body =
      GENERATE(R"({"consistency":[]})", R"({"consistency":null})", R"({})");
  const auto proof = decode_consistency(Buffer(body));
  REQUIRE(proof);
  CHECK(proof->empty());
}

TEST_CASE("proofs are lists of hashes and nothing else",
          "[ctlog][rfc6962_json]") {
  const std::string hash = "\"" + to_base64(sha256(as_bytes("x"))) + "\"";
  const auto consistency = [](const std::string& list) {
    return decode_consistency(Buffer("{\"consistency\":" + list + "}"));
  };
  const auto proof = consistency("[" + hash + "," + hash + "]");
  REQUIRE(proof);
  CHECK(*proof == std::vector<Hash>(2, sha256(as_bytes("x"))));
  for (const std::string& bad :
       {std::string("{}"), std::string("7"), std::string("[7]"),
        std::string("[\"YQ==\"]"), "[" + hash + ",null]", "\"" + hash + "\""}) {
    CAPTURE(bad);
    CHECK_FALSE(consistency(bad));
  }
  std::string endless = "[" + hash;
  for (int i = 0; i < 65; ++i) endless += "," + hash;
  const auto refused = consistency(endless + "]");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kMalformed);

  const auto audit = decode_audit_proof(
      Buffer(R"({"leaf_index":7,"audit_path":[)" + hash + "]}"));
  REQUIRE(audit);
  CHECK(audit->leaf_index == 7);
  CHECK(audit->path.size() == 1);
  CHECK(decode_audit_proof(Buffer("{\"leaf_index\":-1}"))->leaf_index ==
        std::nullopt);
  CHECK(decode_audit_proof(Buffer("<html>")).error().code == Errc::kTransient);
}

TEST_CASE("recorded pages decode to what another parser finds",
          "[ctlog][rfc6962_json]") {
  if (!test::have_shared_data()) return;
  const auto [file, wrap] = GENERATE(table<std::string, bool>({
      {"entries/pilot-2013-four-entries.json", false},
      {"logs/argon2020/get-entries-start-10000-end-10000.json", false},
      {"entries/live-2026-05-argon2026h2.json", true},  // a bare array
      {"entries/ctgo-precert-entry.json", true},        // a bare entry
      {"entries/ctgo-x509-entry.json", true},
      {"entries/mpalmer/json_log_entry", true},
  }));
  CAPTURE(file);
  std::string json = test::shared_file(file);
  if (wrap) {
    json = json.find('[') < json.find('{') ? R"({"entries":)" + json + "}"
                                           : page_json(json);
  }
  const auto expected = nlohmann::json::parse(json).at("entries");
  const auto page = decode_entries_page(Buffer(json), 0, 1000);
  REQUIRE(page);
  REQUIRE(page->entries.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const RawEntry& entry = page->entries[i];
    CHECK(to_base64(entry.leaf) ==
          expected[i].at("leaf_input").get<std::string>());
    CHECK(entry.extra_b64 == expected[i].at("extra_data").get<std::string>());
    CHECK(parse_leaf(entry.leaf));
  }
}

TEST_CASE("recorded proofs decode", "[ctlog][rfc6962_json]") {
  if (!test::have_shared_data()) return;
  const auto audit = decode_audit_proof(Buffer(test::shared_file(
      "logs/argon2020/get-proof-by-hash-tree-size-961984011-hash-"
      "nCs3mfIydh9x4CKyQ-2Bu2xtmpxmFggA5MLymHwNQSlLg-3D.json")));
  REQUIRE(audit);
  CHECK(audit->leaf_index == 10'000);
  CHECK(audit->path.size() == 30);
  const auto consistency = decode_consistency(Buffer(test::shared_file(
      "logs/argon2020/get-sth-consistency-first-3654490-second-961984011"
      ".json")));
  REQUIRE(consistency);
  CHECK_FALSE(consistency->empty());
  CHECK(decode_consistency(Buffer(test::shared_file(
      "logs/ctgo-client-responses/get-sth-consistency.json"))));
}

}  // namespace
}  // namespace ct::ctlog
