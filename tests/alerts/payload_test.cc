#include "alerts/payload.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "alerts/delivery.h"
#include "base/base64.h"
#include "base/hex.h"
#include "tests/alerts/sample.h"
#include "tests/support/catch.h"
#include "x509/certificate.h"

namespace ct::alerts {
namespace {

using nlohmann::json;

json parse(const std::string& text) { return json::parse(text); }

std::vector<std::string> keys(const json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

TEST_CASE("an alert's JSON holds what scripts lean on", "[alerts][payload]") {
  const Alert alert = test::sample_alert();
  const CertificateFacts& c = *alert.certificate;
  const json j = parse(alert_json(alert, false));
  CHECK(j["id"] == alert.id);
  CHECK(j["state"] == "open");
  CHECK(j["severity"] == "high");
  CHECK(j["kind"] == "unexpected_certificate");
  CHECK(j["reason"] == alert.reason);
  CHECK(j["watch"] == "example.com");
  CHECK(j["names"] == json{"login.example.com"});
  CHECK(j["certificate_sha256"] == to_hex(*c.sha256));
  CHECK(j["tbs_sha256"] == to_hex(c.tbs_sha256));
  CHECK(j["issuer"] == c.issuer);
  CHECK(j["serial"] == "03abcd");
  CHECK(j["not_before"] == format_seconds(c.not_before));
  CHECK(j["not_after"] == format_seconds(c.not_after));
  CHECK(j["created"] == "2026-09-21T14:13:20Z");
  CHECK(j["scts"][0]["result"] == "valid");
  CHECK(j["omitted"] == json::object());

  REQUIRE(j["sightings"].size() == 1);
  const json& s = j["sightings"][0];
  CHECK(s["log_id"] == to_base64(alert.sightings[0].log_id));
  CHECK(s["log"] == "Log A 2026h2");
  CHECK(s["leaf_index"] == 812);
  CHECK(s["timestamp"] == "2026-09-21T14:13:19.250Z");
  CHECK(s["entry_type"] == "precert_entry");
  CHECK_FALSE(s.contains("inclusion_proof"));
  CHECK_FALSE(j.contains("pem"));
}

TEST_CASE("a log alert has the same keys, null or empty", "[alerts][payload]") {
  Alert alert;
  alert.id = "ab";
  alert.kind = kind::kLogLag;
  alert.log_id = sha256(as_bytes("log a"));
  alert.log = "Log A";
  const json j = parse(alert_json(alert, false));
  CHECK(keys(j) == keys(parse(alert_json(test::sample_alert(), false))));
  for (const char* key : {"watch", "certificate_sha256", "tbs_sha256", "issuer",
                          "serial", "not_before", "not_after", "key"}) {
    CAPTURE(key);
    CHECK(j[key].is_null());
  }
  CHECK(j["names"] == json::array());
  CHECK(j["sightings"] == json::array());
  CHECK(j["log_id"] == to_base64(*alert.log_id));
  CHECK(j["log"] == "Log A");

  CHECK(keys(parse(alert_json(alert, true))) ==
        keys(parse(alert_json(test::sample_alert(), true))));
}

TEST_CASE("the full JSON adds the certificate, proofs and evidence",
          "[alerts][payload]") {
  Alert alert = test::sample_alert();
  alert.evidence = R"({"heads":[{"size":5}]})";
  const json j = parse(alert_json(alert, true));
  const auto blocks =
      x509::from_pem("CERTIFICATE", j["pem"].get<std::string>());
  REQUIRE(blocks);
  REQUIRE(blocks->size() == 1);
  CHECK(blocks->front() == alert.certificate->der);
  const json& s = j["sightings"][0];
  CHECK(s["tree_size"] == 1000);
  CHECK(s["root_hash"] == to_hex(alert.sightings[0].root));
  CHECK(s["leaf_hash"] == to_hex(alert.sightings[0].leaf_hash));
  CHECK(s["inclusion_proof"].size() == 2);
  CHECK(j["evidence"]["heads"][0]["size"] == 5);
}

TEST_CASE("evidence that is no JSON, or too deep, is given as text",
          "[alerts][payload]") {
  Alert alert = test::sample_alert();
  for (const std::string& text :
       {std::string("{broken"), std::string(100'000, '['),
        std::string(5'000, '[') + std::string(5'000, ']')}) {
    alert.evidence = text;
    CHECK(parse(alert_json(alert, true))["evidence"] == text);
  }
}

TEST_CASE("a message is versioned and typed", "[alerts][payload]") {
  const Message message{"msg-1", std::string(event::kOpened),
                        test::sample_alert(), 3};
  const json j = parse(message_json(message, 1'790'000'001'000));
  CHECK(j["version"] == 1);
  CHECK(j["type"] == "alert.opened");
  CHECK(j["id"] == "msg-1");
  CHECK(j["timestamp"] == "2026-09-21T14:13:21Z");
  CHECK(j["attempt"] == 3);
  CHECK(j["data"] == parse(alert_json(message.alert, false)));
}

TEST_CASE("a message stays below 20 kB and says what was cut",
          "[alerts][payload]") {
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};
  auto& names = message.alert.certificate->all_names;
  names.clear();
  for (int i = 0; i < 2'000; ++i) {
    names.push_back("host" + std::to_string(i) + ".example.com");
  }
  std::string text = message_json(message, 0);
  CHECK(text.size() < 20'000);
  json data = parse(text)["data"];
  CHECK(data["all_names"].size() >= 32);
  CHECK(data["all_names"].size() +
            data["omitted"]["all_names"].get<std::size_t>() ==
        2'000);
  CHECK(data["all_names"][0] == "host0.example.com");
  CHECK_FALSE(data["omitted"].contains("names"));

  message.alert = test::hostile_alert();
  text = message_json(message, 0);
  CHECK(text.size() < 20'000);
  data = parse(text)["data"];
  CHECK(data["omitted"]["names"].get<std::size_t>() >= 170);
  CHECK(data["omitted"]["sightings"].get<std::size_t>() >= 170);
}

TEST_CASE("hostile text is inert in every format", "[alerts][payload]") {
  const Message message{"msg-1", std::string(event::kOpened),
                        test::hostile_alert()};
  const auto is_ascii = [](const std::string& s) {
    return std::all_of(s.begin(), s.end(), [](char c) {
      return (c >= ' ' && c <= '~') || c == '\n' || c == '\r';
    });
  };
  CHECK(is_ascii(alert_json(message.alert, true)));
  CHECK(is_ascii(message_json(message, 0)));
  CHECK(is_ascii(slack_json(message)));
  CHECK_NOTHROW(parse(alert_json(message.alert, true)));

  for (const std::string& text :
       {alert_text(message.alert), alert_line(message.alert)}) {
    CHECK(text.size() < 64'000);
    for (const char* bad : {"\x1b", "\r", "\u202e", "\u2066", "\u200b", "\xff",
                            "\x7f", "\u2028"}) {
      CHECK(text.find(bad) == std::string::npos);
    }
    CHECK(text.find('\0') == std::string::npos);
    CHECK_THAT(text, ContainsSubstring("\\u{202e}gnp.exe"));
  }
  CHECK(alert_line(message.alert).find('\n') == std::string::npos);
  // The header that the text tries to smuggle never starts a line.
  CHECK(alert_text(message.alert).find("\nBcc") == std::string::npos);
}

TEST_CASE("the text tells what, where, why and what to do",
          "[alerts][payload]") {
  Alert alert = test::sample_alert();
  const std::string text = alert_text(alert);
  for (const char* part :
       {"HIGH", "login.example.com", "example.com", "Other CA", "Log A 2026h2",
        "entry 812", "precertificate", "not on the watch's list", "03abcd",
        "What to do", "revoke", "ctvigil expect add", "alerts resolve 01234",
        "one SCT less"}) {
    CHECK_THAT(text, ContainsSubstring(part));
  }
  const std::string line = alert_line(alert);
  for (const char* part : {"HIGH", "login.example.com", "watch example.com",
                           "Other CA", "Log A 2026h2", "812"}) {
    CHECK_THAT(line, ContainsSubstring(part));
  }

  alert.state = AlertState::kResolved;
  CHECK_THAT(alert_text(alert), ContainsSubstring("resolved"));
  CHECK_THAT(alert_text(alert), ContainsSubstring("Nothing: this is settled"));
}

TEST_CASE("a certificate of too many watches is told without one",
          "[alerts][payload]") {
  Alert alert = test::sample_alert();
  alert.kind = kind::kTooManyWatches;
  alert.watch_id.clear();
  alert.watch.clear();
  alert.names = {"*.com"};
  CHECK_THAT(alert_line(alert),
             ContainsSubstring("certificate for *.com by Other CA (more "
                               "watches than can be listed), in"));
  CHECK_THAT(alert_text(alert),
             ContainsSubstring("it threatens every name below"));
}

TEST_CASE("a lookalike name is shown both ways", "[alerts][payload]") {
  Alert alert = test::sample_alert();
  alert.names = {"xn--bcher-kva.example.com"};
  CHECK_THAT(alert_text(alert),
             ContainsSubstring("xn--bcher-kva.example.com") &&
                 ContainsSubstring("bücher.example.com"));
}

TEST_CASE("log alerts say what the log did", "[alerts][payload]") {
  Alert alert;
  alert.id = "feedface";
  alert.kind = kind::kLogRootMismatch;
  alert.severity = Severity::kCritical;
  alert.title = "entries and signed root disagree";
  alert.log = "Log A";
  alert.log_id = Hash{};
  CHECK_THAT(alert_text(alert), ContainsSubstring("no longer believed"));
  CHECK_THAT(
      alert_line(alert),
      ContainsSubstring("CRITICAL entries and signed root disagree (Log A)"));
  alert.kind = kind::kLogBadSct;
  CHECK_THAT(alert_text(alert),
             ContainsSubstring("Ask the certificate's issuer"));
}

TEST_CASE("Slack text cannot mention, link or leave its block",
          "[alerts][payload]") {
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};
  message.alert.title = test::hostile_text();
  message.alert.reason = "```" + test::hostile_text();
  const json j = parse(slack_json(message));
  const std::string text = j["text"];
  CHECK_THAT(text, ContainsSubstring("&lt;!channel&gt;"));
  for (const char* bad : {"<", ">", "@here", "@all", "://"}) {
    CHECK(text.find(bad) == std::string::npos);
  }
  // The block's own quotes, and no others.
  CHECK(std::count(text.begin(), text.end(), '`') == 6);
  CHECK(j["parse"] == "none");
  CHECK_THAT(text, ContainsSubstring("Other CA"));

  message.alert = test::hostile_alert();
  const std::string long_text = parse(slack_json(message))["text"];
  CHECK(long_text.size() <= 3'000);
  CHECK(long_text.ends_with("\n```"));
}

TEST_CASE("no escape is cut in two at any length of Slack text",
          "[alerts][payload]") {
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};
  for (int shift = 0; shift < 8; ++shift) {
    message.alert.reason = std::string(static_cast<std::size_t>(shift), 'x') +
                           std::string(700, '&') + "ü";
    message.alert.note = std::string(600, '<');
    std::string text = parse(slack_json(message))["text"];
    CHECK(text.size() <= 3'000);
    for (const char* entity : {"&amp;", "&lt;", "&gt;"}) {
      for (std::size_t at; (at = text.find(entity)) != std::string::npos;) {
        text.erase(at, std::string(entity).size());
      }
    }
    CHECK(text.find('&') == std::string::npos);
  }
}

}  // namespace
}  // namespace ct::alerts
