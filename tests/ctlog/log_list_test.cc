#include "ctlog/log_list.h"

#include <algorithm>
#include <set>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_key.h"

namespace ct::ctlog {
namespace {

// A log of a list, with a key of its own for each `name`.
std::string log_json(const std::string& name, const std::string& more = "") {
  const Bytes key(as_bytes(name).begin(), as_bytes(name).end());
  return R"({"description":")" + name + R"(","log_id":")" +
         to_base64(sha256(key)) + R"(","key":")" + to_base64(key) +
         R"(","url":"https://)" + name + R"(.test/")" + more + "}";
}

std::string list_json(const std::string& logs, const std::string& tiled = "") {
  return R"({"version":"1.2","log_list_timestamp":"2026-01-02T03:04:05Z",)"
         R"("operators":[{"name":"Op","email":[],"logs":[)" +
         logs + R"(],"tiled_logs":[)" + tiled + "]}]}";
}

const LogInfo& only(const Result<LogList>& list) {
  REQUIRE(list);
  REQUIRE(list->logs.size() == 1);
  return list->logs.front();
}

std::size_t count_followed(const LogList& list) {
  return static_cast<std::size_t>(
      std::ranges::count_if(list.logs, is_followed));
}

TEST_CASE("a log list gives all that it says of a log", "[ctlog][log_list]") {
  const Hash root = sha256(as_bytes("root"));
  const auto list = parse_log_list(
      list_json(log_json("a", R"(,"mmd":60,"log_type":"prod","unknown":[{}],
      "state":{"readonly":{"timestamp":"2025-06-07T08:09:10Z",
        "final_tree_head":{"sha256_root_hash":")" +
                                  to_base64(root) + R"(","tree_size":99}}},
      "temporal_interval":{"start_inclusive":"2026-01-01T00:00:00Z",
        "end_exclusive":"2026-07-01T00:00:00Z"},
      "previous_operators":[{"name":"Old","end_time":"2024-01-01T00:00:00Z"}])")));
  const LogInfo& log = only(list);
  CHECK(list->version == "1.2");
  CHECK(list->timestamp == parse_time("2026-01-02T03:04:05Z"));
  CHECK(list->warnings.empty());
  CHECK(log.operator_name == "Op");
  CHECK(log.description == "a");
  CHECK(log.kind == LogKind::kRfc6962);
  CHECK(log.log_id == sha256(log.key));
  CHECK(log.submission_url == "https://a.test/");
  CHECK(log.monitoring_url == "https://a.test/");
  CHECK(log.mmd == 60);
  CHECK(log.log_type == "prod");
  CHECK(log.state == LogState::kReadonly);
  CHECK(log.state_since == parse_time("2025-06-07T08:09:10Z"));
  CHECK(log.interval_start == *parse_time("2026-01-01") / 1000);
  CHECK(log.interval_end == *parse_time("2026-07-01") / 1000);
  REQUIRE(log.final_tree_head);
  CHECK(log.final_tree_head->size == 99);
  CHECK(log.final_tree_head->root == root);
  REQUIRE(log.previous_operators.size() == 1);
  CHECK(log.previous_operators[0].name == "Old");
  CHECK(is_followed(log));
}

TEST_CASE("a tiled log has two addresses", "[ctlog][log_list]") {
  const auto list = parse_log_list(
      list_json("", log_json("a", R"(,"submission_url":"https://log.test",
                  "monitoring_url":"http://mon.test/x/")")));
  const LogInfo& log = only(list);
  CHECK(log.kind == LogKind::kStatic);
  CHECK(log.submission_url == "https://log.test/");
  CHECK(log.monitoring_url == "http://mon.test/x/");
}

TEST_CASE("of several states the latest holds", "[ctlog][log_list]") {
  const auto list = parse_log_list(list_json(log_json(
      "a", R"(,"state":{"usable":{"timestamp":"2025-09-22T12:29:18+01:00"},
               "qualified":{"timestamp":"2025-08-11T12:33:27+01:00"}})")));
  CHECK(only(list).state == LogState::kUsable);
}

TEST_CASE("a log without a state is read only where none has one",
          "[ctlog][log_list]") {
  const std::string stateless = log_json("a");
  const auto alone = parse_log_list(list_json(stateless));
  CHECK(is_followed(only(alone)));

  const auto mixed = parse_log_list(list_json(
      stateless + "," +
      log_json("b",
               R"(,"state":{"usable":{"timestamp":"2025-01-01T00:00:00Z"}})")));
  REQUIRE(mixed);
  REQUIRE(mixed->logs.size() == 2);
  CHECK_FALSE(is_followed(mixed->logs[0]));
  CHECK(is_followed(mixed->logs[1]));
}

TEST_CASE("retired and rejected logs are not read", "[ctlog][log_list]") {
  const auto [state, followed] =
      GENERATE(table<std::string, bool>({{"pending", true},
                                         {"qualified", true},
                                         {"usable", true},
                                         {"readonly", true},
                                         {"retired", false},
                                         {"rejected", false}}));
  CAPTURE(state);
  const auto list = parse_log_list(list_json(
      log_json("a", R"(,"state":{")" + state +
                        R"(":{"timestamp":"2025-01-01T00:00:00Z"}})")));
  CHECK(to_string(only(list).state) == state);
  CHECK(is_followed(only(list)) == followed);
}

TEST_CASE("one unusable log costs a warning, not the list",
          "[ctlog][log_list]") {
  std::string not_its_id = log_json("b");
  not_its_id.replace(not_its_id.find("\"key\":\"") + 7, 4, "XXXX");
  const auto with = [](const char* key, const char* url, const char* more) {
    return std::string(R"({"description":"b","key":")") + key + R"(","url":")" +
           url + "\"" + more + "}";
  };
  const char* const url = "https://b.test/";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {not_its_id, "not the SHA-256"},
      {with("***", url, ""), "not base64"},
      {log_json("a"), "twice"},
      {with("AAAA", "ftp://b.test/", ""), "URL"},
      {with("AAAA", R"(https://b.test/\n)", ""), "URL"},
      {with("AAAA", "https://ct.example.com/bogus/x/", ""), "placeholder"},
      {with("AAAA", url,
            R"(,"log_id":"si9+3rWvav5QPeBAgbLXTBJThJL+3yyypSZQPO9TztI=")"),
       "private key is public"}};
  for (const auto& [bad, why] : cases) {
    CAPTURE(bad);
    const auto list = parse_log_list(list_json(log_json("a") + "," + bad));
    CHECK(only(list).description == "a");
    REQUIRE(list->warnings.size() == 1);
    CHECK_THAT(list->warnings[0], ContainsSubstring(why));
    CHECK_THAT(list->warnings[0], ContainsSubstring("Op"));
  }
}

TEST_CASE("text of a log list cannot forge lines", "[ctlog][log_list]") {
  std::string json = list_json(log_json("a"));
  json.replace(json.find(R"("description":"a")"), 17,
               R"("description":"x\n\u0000y")");
  CHECK(only(parse_log_list(json)).description == "x??y");
}

TEST_CASE("what is no log list is refused, with the reason",
          "[ctlog][log_list]") {
  const std::string list = list_json(log_json("a"));
  const auto [json, why] = GENERATE_COPY(table<std::string, std::string>({
      {"", "JSON"},
      {"<html>", "JSON"},
      {list.substr(0, list.size() - 1), "cut off"},
      {"[]", "JSON object"},
      {"{}", "no operators"},
      {R"({"operators":[]})", "no operators"},
      {R"({"operators":{"a":1}})", "no operators"},
      {std::string((32u << 20) + 1, ' '), "32 MiB"},
  }));
  const auto r = parse_log_list(json);
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
  CHECK_THAT(r.error().what, ContainsSubstring(why));
}

TEST_CASE("a log list of endless logs is refused", "[ctlog][log_list]") {
  std::string logs = R"({"key":""})";
  for (int i = 0; i < 10'000; ++i) logs += R"(,{"key":""})";
  const auto r = parse_log_list(list_json(logs));
  REQUIRE_FALSE(r);
  CHECK_THAT(r.error().what, ContainsSubstring("10,000"));
}

TEST_CASE("merged lists know what either knows", "[ctlog][log_list]") {
  const std::string usable =
      R"(,"state":{"usable":{"timestamp":"2025-01-01T00:00:00Z"}})";
  const auto first = parse_log_list(list_json(log_json("both", usable) + "," +
                                              log_json("first", usable) + "," +
                                              log_json("stateless")));
  const auto second = parse_log_list(list_json(
      log_json(
          "both",
          R"(,"state":{"rejected":{"timestamp":"2025-01-01T00:00:00Z"}})") +
      "," + log_json("second", usable) + "," + log_json("stateless", usable)));
  REQUIRE(first);
  REQUIRE(second);
  const LogList merged = merge_log_lists(*first, *second);
  std::set<std::string> names;
  for (const LogInfo& log : merged.logs) {
    names.insert(log.description);
    CHECK(log.state == LogState::kUsable);
  }
  CHECK(merged.logs.size() == 4);
  CHECK(names == std::set<std::string>{"both", "first", "second", "stateless"});
}

TEST_CASE("a log list's signature holds for its own bytes only",
          "[ctlog][log_list]") {
  const test::TestKey key = test::TestKey::rsa(2048);
  const std::string json = list_json(log_json("a"));
  const Bytes signature = key.sign(as_bytes(json));
  CHECK(verify_log_list_signature(json, signature, key.spki()));

  const auto refused = [](const Result<void>& r) {
    return !r && r.error().code == Errc::kUntrusted;
  };
  std::string other = json;
  other[5] ^= 1;
  CHECK(refused(verify_log_list_signature(other, signature, key.spki())));
  Bytes damaged = signature;
  damaged.back() ^= 1;
  CHECK(refused(verify_log_list_signature(json, damaged, key.spki())));
  damaged = signature;
  damaged.pop_back();
  CHECK(refused(verify_log_list_signature(json, damaged, key.spki())));
  CHECK(refused(verify_log_list_signature(json, {}, key.spki())));
  CHECK(refused(verify_log_list_signature(json, signature,
                                          test::TestKey::rsa(2048).spki())));
  // Keys of other kinds and of few bits are none to trust.
  const test::TestKey p256 = test::TestKey::p256();
  CHECK(refused(
      verify_log_list_signature(json, p256.sign(as_bytes(json)), p256.spki())));
  const test::TestKey small = test::TestKey::rsa(1024);
  CHECK(refused(verify_log_list_signature(json, small.sign(as_bytes(json)),
                                          small.spki())));
}

TEST_CASE("the pinned key is Google's published one", "[ctlog][log_list]") {
  CHECK(to_hex(sha256(google_log_list_key())) ==
        "f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85");
}

TEST_CASE("every list Google signed verifies as it is and no other way",
          "[ctlog][log_list]") {
  if (!test::have_shared_data()) return;
  std::size_t lists = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(CT_SHARED_DATA "/loglists/google")) {
    auto path = entry.path();
    if (path.extension() != ".sig") continue;
    CAPTURE(path.string());
    const std::string signature = test::read_file(path);
    std::string json = test::read_file(path.replace_extension(".json"));
    CHECK(verify_log_list_signature(json, as_bytes(signature),
                                    google_log_list_key()));
    json[json.size() / 2] ^= 1;
    CHECK_FALSE(verify_log_list_signature(json, as_bytes(signature),
                                          google_log_list_key()));
    ++lists;
  }
  CHECK(lists >= 10);
}

TEST_CASE("every real log list loads", "[ctlog][log_list]") {
  struct Expected {
    std::string file;
    std::size_t logs, warnings, followed;
  };
  const auto expected = GENERATE(values<Expected>({
      {"apple/current_log_list.json", 166, 0, 58},
      {"appmattus/log_list.json", 29, 0, 22},
      {"appmattus/log_list_no_operator_name.json", 29, 0, 22},
      {"appmattus/log_list_tiled_logs.json", 44, 0, 41},
      {"appmattus/log_list_valid_until.json", 4, 0, 3},
      {"certspotter/monitor.json", 34, 0, 34},
      {"certspotter/submit.json", 18, 0, 18},
      {"crtsh/active_logs_list.json", 152, 0, 152},
      {"crtsh/all_logs_list.json", 309, 0, 309},
      {"google/all_logs_list-83.1.json", 245, 2, 59},
      {"google/all_logs_list-85.41.json", 253, 2, 52},
      {"google/all_logs_list-87.0.json", 254, 2, 56},
      {"google/all_logs_list-89.15.json", 110, 2, 56},
      {"google/all_logs_list-89.16.json", 110, 2, 56},
      {"google/all_logs_list-89.22.json", 110, 2, 56},
      {"google/all_logs_list-89.25.json", 115, 2, 61},
      {"google/log_list-20.2.json", 23, 0, 17},
      {"google/log_list-29.22.json", 35, 0, 32},
      {"google/log_list-38.8.json", 39, 0, 37},
      {"google/log_list-50.64.json", 48, 0, 47},
      {"google/log_list-55.5.json", 41, 0, 38},
      {"google/log_list-80.11.json", 73, 2, 71},
      {"google/log_list-80.12.json", 73, 2, 71},
      {"google/log_list-80.13.json", 73, 2, 71},
      {"google/log_list-80.14.json", 73, 2, 71},
      {"google/v2-log_list-2021.json", 46, 0, 34},
      // Keys without addresses: for checking SCTs.
      {"mozilla/known_logs_list.json", 46, 2, 0},
      {"other/boulder_log_list.json", 10, 2, 9},
      {"other/community_consolidated_log_list.json", 31, 0, 31},
      {"other/log_mimics_list.json", 0, 2, 0},
  }));
  if (!test::have_shared_data()) return;
  CAPTURE(expected.file);
  const auto list =
      parse_log_list(test::shared_file("loglists/" + expected.file));
  REQUIRE(list);
  CHECK(list->logs.size() == expected.logs);
  CHECK(list->warnings.size() == expected.warnings);
  CHECK(count_followed(*list) == expected.followed);
  for (const LogInfo& log : list->logs) {
    CHECK(log.log_id == sha256(log.key));
    CHECK((log.monitoring_url.empty() || log.monitoring_url.ends_with('/')));
  }
}

TEST_CASE("real files that are no log list are refused with the reason",
          "[ctlog][log_list]") {
  const auto [file, why] = GENERATE(table<std::string, std::string>({
      {"appmattus/log_list_incomplete.json", "cut off"},
      {"other/conscrypt_ct_log_store_v3.json", "no operators"},
      {"other/log_list_schema_v1.json", "no operators"},
      {"appmattus/log_list.zip", "not a JSON"},
      {"google/log_list-20.2.sig", "not a JSON"},
  }));
  if (!test::have_shared_data()) return;
  const auto r = parse_log_list(test::shared_file("loglists/" + file));
  REQUIRE_FALSE(r);
  CHECK(r.error().code == Errc::kMalformed);
  CHECK_THAT(r.error().what, ContainsSubstring(why));
}

}  // namespace
}  // namespace ct::ctlog
