#include <nlohmann/json.hpp>
#include <set>

#include "alerts/channel.h"
#include "alerts/payload.h"
#include "base/base64.h"
#include "base/sha256.h"
#include "tests/alerts/sample.h"
#include "tests/support/catch.h"
#include "tests/support/receiver.h"
#include "tests/support/tls_identity.h"

namespace ct::alerts {
namespace {

// HMAC as RFC 2104 writes it down, over our SHA-256: the signature itself is
// made by libcrypto.
Hash reference_hmac(Bytes key, ByteView message) {
  if (key.size() > 64) {
    const Hash h = sha256(key);
    key.assign(h.begin(), h.end());
  }
  key.resize(64);
  Bytes inner = key, outer = key;
  for (auto& b : inner) b ^= 0x36;
  for (auto& b : outer) b ^= 0x5c;
  return sha256(outer, sha256(inner, message));
}

std::string reference_signature(const std::string& secret,
                                const std::string& signed_text) {
  const auto key = from_base64(secret.substr(6));
  REQUIRE(key);
  return "v1," + to_base64(reference_hmac(*key, as_bytes(signed_text)));
}

TEST_CASE("the specification's example signs as it says", "[alerts][webhook]") {
  const auto signature = sign_webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                                      "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                      1614265330, R"({"test": 2432232314})");
  REQUIRE(signature);
  CHECK(*signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST_CASE("a secret of another form does not sign", "[alerts][webhook]") {
  for (const char* secret :
       {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAAA",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsk_MfKQ9r8GKYqrTwjU"}) {
    const auto r = sign_webhook(secret, "id", 1, "{}");
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kUsage);
    if (*secret != '\0' && std::string(secret) != "whsec_") {
      CHECK(r.error().what.find(secret) == std::string::npos);
    }
  }
}

TEST_CASE("new secrets sign, and are all different", "[alerts][webhook]") {
  std::set<std::string> seen;
  for (int i = 0; i < 50; ++i) {
    const std::string secret = new_webhook_secret();
    CHECK(sign_webhook(secret, "id", 1, "{}"));
    CHECK(from_base64(secret.substr(6))->size() == 32);
    seen.insert(secret);
  }
  CHECK(seen.size() == 50);
}

struct Fixture {
  test::TlsIdentity tls;
  test::Receiver receiver{&tls};
  HttpClient http{{.user_agent = "ctvigil test"}};
  Channel channel;
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};

  Fixture() {
    channel.name = "hook";
    channel.type = ChannelType::kWebhook;
    channel.target = receiver.url("/hook/TOPSECRET?key=TOPSECRET");
    channel.secret = new_webhook_secret();
    channel.ca_file = tls.ca_file();
    channel.allowed_private_hosts = {"localhost"};
  }

  // The error of one attempt, seen not to hold a secret.
  DeliveryError fails() {
    const auto r = deliver(http, channel, message);
    REQUIRE_FALSE(r);
    CHECK(r.error().what.find("TOPSECRET") == std::string::npos);
    CHECK(r.error().what.find(channel.secret.substr(6)) == std::string::npos);
    CHECK_FALSE(r.error().what.empty());
    return r.error();
  }
  DeliveryError fails(test::Receiver::Answer answer) {
    receiver.answer(std::move(answer));
    return fails();
  }
};

TEST_CASE_METHOD(Fixture, "a webhook arrives, signed", "[alerts][webhook]") {
  REQUIRE(deliver(http, channel, message));
  message.attempt = 2;
  REQUIRE(deliver(http, channel, message));

  const auto requests = receiver.received();
  REQUIRE(requests.size() == 2);
  for (const auto& request : requests) {
    auto headers = request.headers;
    CHECK(request.path == "/hook/TOPSECRET");
    CHECK(headers["content-type"] == "application/json");
    CHECK(headers["user-agent"] == "ctvigil test");
    CHECK(headers["webhook-id"] == "msg-1");
    CHECK(headers["webhook-signature"] ==
          reference_signature(
              channel.secret,
              "msg-1." + headers["webhook-timestamp"] + "." + request.body));
    const auto sent = std::stoll(headers["webhook-timestamp"]);
    CHECK(std::abs(sent - now_millis() / 1000) < 300);
    const auto body = nlohmann::json::parse(request.body);
    CHECK(body["data"]["id"] == message.alert.id);
    CHECK(body["type"] == "alert.opened");
  }
}

TEST_CASE_METHOD(Fixture, "every 2xx is success", "[alerts][webhook]") {
  const int status = GENERATE(200, 201, 202, 204, 299);
  receiver.answer({.status = status, .body = ""});
  CHECK(deliver(http, channel, message));
}

TEST_CASE_METHOD(Fixture, "a redirect is a failure and is not followed",
                 "[alerts][webhook]") {
  const auto e = fails(
      {.status = 307, .body = "", .headers = {{"Location", "/elsewhere"}}});
  CHECK_FALSE(e.permanent);
  CHECK_THAT(e.what, ContainsSubstring("redirect"));
  CHECK(receiver.received().size() == 1);
}

TEST_CASE_METHOD(Fixture, "410 ends a webhook for good", "[alerts][webhook]") {
  const auto e = fails({.status = 410, .body = "gone: /hook/TOPSECRET"});
  CHECK(e.permanent);
  CHECK(e.disable);
}

TEST_CASE_METHOD(Fixture, "other failures are tried again",
                 "[alerts][webhook]") {
  const int status = GENERATE(400, 401, 403, 404, 413, 500, 502, 503, 504);
  const auto e = fails({.status = status, .body = "not /hook/TOPSECRET"});
  CHECK_FALSE(e.permanent);
  CHECK_FALSE(e.disable);
  CHECK_FALSE(e.retry_after);
  CHECK_THAT(e.what, ContainsSubstring(std::to_string(status)));
}

TEST_CASE_METHOD(Fixture, "Retry-After is honoured in both forms",
                 "[alerts][webhook]") {
  const int status = GENERATE(429, 502, 503, 504);
  auto e = fails(
      {.status = status, .body = "", .headers = {{"Retry-After", "120"}}});
  CHECK(e.retry_after == std::chrono::seconds(120));

  const std::time_t later = std::time(nullptr) + 600;
  char date[64];
  std::tm tm{};
  gmtime_r(&later, &tm);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  e = fails({.status = status, .body = "", .headers = {{"Retry-After", date}}});
  REQUIRE(e.retry_after);
  CHECK(*e.retry_after > std::chrono::seconds(300));
  CHECK(*e.retry_after <= std::chrono::seconds(600));
}

TEST_CASE_METHOD(Fixture, "a huge answer is cut off", "[alerts][webhook]") {
  const auto e = fails({.status = 200, .body = std::string(8 << 20, 'x')});
  CHECK_FALSE(e.permanent);
}

TEST_CASE_METHOD(Fixture, "a receiver with another CA gets nothing",
                 "[alerts][webhook]") {
  const test::TlsIdentity other;
  channel.ca_file = other.ca_file();
  (void)fails();
  CHECK(receiver.received().empty());
}

TEST_CASE_METHOD(Fixture, "a private address is refused unless allowed by name",
                 "[alerts][webhook]") {
  channel.allowed_private_hosts = {};
  (void)fails();
  channel.allowed_private_hosts = {"127.0.0.1", "example.com"};
  (void)fails();
  CHECK(receiver.received().empty());
  channel.allowed_private_hosts = {"LocalHost"};
  CHECK(deliver(http, channel, message));
}

TEST_CASE_METHOD(Fixture, "a receiver that is away is tried again",
                 "[alerts][webhook]") {
  {
    const test::Receiver gone(&tls);
    channel.target = gone.url("/TOPSECRET");
  }
  CHECK_FALSE(fails().permanent);
}

TEST_CASE_METHOD(Fixture, "stopping the client ends an attempt",
                 "[alerts][webhook]") {
  receiver.answer({.hang = true});
  std::thread stopper([this] {
    CHECK(receiver.wait_for(1));
    http.stop();
  });
  CHECK_FALSE(fails().permanent);
  stopper.join();
}

TEST_CASE_METHOD(Fixture, "plain http needs permission", "[alerts][webhook]") {
  const test::Receiver plain(nullptr);
  channel.target = plain.url("/TOPSECRET");
  (void)fails();
  CHECK(plain.received().empty());
  channel.allow_plain = true;
  CHECK(deliver(http, channel, message));
}

TEST_CASE_METHOD(Fixture, "a Slack-style webhook gets text",
                 "[alerts][webhook]") {
  channel.type = ChannelType::kSlack;
  channel.secret.clear();
  REQUIRE(deliver(http, channel, message));
  const auto body = nlohmann::json::parse(receiver.received().at(0).body);
  CHECK_THAT(body["text"].get<std::string>(),
             ContainsSubstring("login.example.com"));
}

TEST_CASE_METHOD(Fixture, "Slack's farewells end the channel",
                 "[alerts][webhook]") {
  channel.type = ChannelType::kSlack;
  channel.secret = "whsec_unused";
  for (const int status : {403, 404, 410}) {
    const auto e = fails({.status = status, .body = "no_service"});
    CHECK(e.permanent);
    CHECK(e.disable);
    CHECK_THAT(e.what, ContainsSubstring("no_service"));
  }
  const auto e = fails({.status = 400, .body = "invalid_payload"});
  CHECK_FALSE(e.permanent);
  CHECK_THAT(e.what, ContainsSubstring("invalid_payload"));
}

}  // namespace
}  // namespace ct::alerts
