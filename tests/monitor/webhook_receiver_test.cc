#include "monitor/demo/webhook_receiver.h"

#include "alerts/channel.h"
#include "alerts/payload.h"
#include "base/http.h"
#include "tests/support/catch.h"
#include "tests/support/fake_log.h"

namespace ct::monitor::demo {
namespace {

// A receiver behind TLS, and a channel that leads to it.
struct Wire {
  Wire() : logs({}), secret(alerts::new_webhook_secret()) {
    HttpServer::Options options;
    options.tls = logs.ca().tls_identity();
    auto started = WebhookReceiver::start(options, secret);
    REQUIRE(started);
    receiver = std::move(*started);
    channel.name = "test";
    channel.target = receiver->url();
    channel.secret = secret;
    channel.ca_file = logs.ca_path();
    channel.allowed_private_hosts = {"127.0.0.1"};
    message.id = "msg_1";
    message.type = alerts::event::kTest;
    message.alert.kind = alerts::kind::kTest;
  }

  test::FakeLogs logs;  // for its CA
  std::string secret;
  std::unique_ptr<WebhookReceiver> receiver;
  alerts::Channel channel;
  alerts::Message message;
  HttpClient http{{"ctvigil-test"}};
};

}  // namespace

TEST_CASE("the receiver tells a signed webhook from a forged one",
          "[monitor][webhook_receiver]") {
  Wire wire;
  REQUIRE(alerts::deliver(wire.http, wire.channel, wire.message));
  wire.channel.secret = alerts::new_webhook_secret();
  wire.message.id = "msg_2";
  REQUIRE(alerts::deliver(wire.http, wire.channel, wire.message));

  REQUIRE(wire.receiver->wait_for(2, std::chrono::seconds(10)));
  const auto received = wire.receiver->received();
  REQUIRE(received.size() == 2);
  CHECK(received[0].id == "msg_1");
  CHECK(received[0].signature_holds);
  CHECK(received[1].id == "msg_2");
  CHECK_FALSE(received[1].signature_holds);
}

TEST_CASE("the receiver does not take an old webhook for a new one",
          "[monitor][webhook_receiver]") {
  Wire wire;
  HttpRequest replay;
  replay.url = wire.receiver->url();
  replay.ca_file = wire.logs.ca_path();
  replay.method = "POST";
  replay.body = "{}";
  const Seconds time =
      now_millis() / 1000 - GENERATE(Seconds{0}, Seconds{3600});
  const auto signature =
      alerts::sign_webhook(wire.secret, "msg_1", time, replay.body);
  REQUIRE(signature);
  replay.headers = {"webhook-id: msg_1",
                    "webhook-timestamp: " + std::to_string(time),
                    "webhook-signature: v1,AAAA " + *signature};
  REQUIRE(wire.http.get(std::move(replay)));
  REQUIRE(wire.receiver->wait_for(1, std::chrono::seconds(10)));
  const bool fresh = now_millis() / 1000 - time < 300;
  CHECK(wire.receiver->received()[0].signature_holds == fresh);
}

TEST_CASE("a refused webhook is counted, not kept",
          "[monitor][webhook_receiver]") {
  Wire wire;
  wire.receiver->respond_with(500);
  CHECK_FALSE(alerts::deliver(wire.http, wire.channel, wire.message));
  CHECK(wire.receiver->received().empty());
  CHECK(wire.receiver->refused() == 1);
  wire.receiver->respond_with(200);
  CHECK(alerts::deliver(wire.http, wire.channel, wire.message));
  CHECK(wire.receiver->received().size() == 1);
}

}  // namespace ct::monitor::demo
