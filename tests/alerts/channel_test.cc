#include "alerts/channel.h"

#include "alerts/delivery.h"
#include "tests/alerts/sample.h"
#include "tests/support/catch.h"

namespace ct::alerts {
namespace {

Channel webhook() {
  Channel c;
  c.name = "hook";
  c.type = ChannelType::kWebhook;
  c.target = "https://example.com/TOPSECRET";
  c.secret = new_webhook_secret();
  return c;
}

Channel email() {
  Channel c;
  c.name = "mail";
  c.type = ChannelType::kEmail;
  c.target = "smtps://user:TOPSECRET@mail.example.com:465";
  c.from = "ct@example.com";
  c.arguments = {"sec@example.com"};
  return c;
}

TEST_CASE("channel types survive being written and read", "[alerts][channel]") {
  for (const auto t :
       {ChannelType::kWebhook, ChannelType::kSlack, ChannelType::kEmail,
        ChannelType::kProgram, ChannelType::kStdout}) {
    CHECK(parse_channel_type(to_string(t)) == t);
  }
  CHECK_FALSE(parse_channel_type("pager"));
}

TEST_CASE("routing: all conditions must hold", "[alerts][channel]") {
  Channel c = webhook();
  Alert alert = test::sample_alert();  // high, tag web
  CHECK(wants(c, alert));
  c.tags = {"mail", "web"};
  CHECK(wants(c, alert));
  c.tags = {"mail"};
  CHECK_FALSE(wants(c, alert));
  c.tags = {};
  c.min_severity = Severity::kHigh;
  CHECK(wants(c, alert));
  c.min_severity = Severity::kCritical;
  CHECK_FALSE(wants(c, alert));
  c.min_severity = Severity::kInfo;
  c.enabled = false;
  CHECK_FALSE(wants(c, alert));
}

TEST_CASE("log alerts go to channels with any tags", "[alerts][channel]") {
  Channel c = webhook();
  c.tags = {"mail"};
  Alert alert;
  alert.kind = kind::kLogFork;
  alert.severity = Severity::kMedium;
  CHECK(wants(c, alert));
  c.min_severity = Severity::kHigh;
  CHECK_FALSE(wants(c, alert));
}

TEST_CASE("working channels pass the check", "[alerts][channel]") {
  CHECK(check_channel(webhook()));
  CHECK(check_channel(email()));
  Channel c;
  c.name = "p";
  c.type = ChannelType::kProgram;
  c.target = "/bin/sh";
  c.arguments = {"-c", "exit 0"};
  CHECK(check_channel(c));
  c.type = ChannelType::kStdout;
  c.target = "json";
  CHECK(check_channel(c));
}

TEST_CASE("channels that cannot work are refused, without their secrets",
          "[alerts][channel]") {
  std::vector<Channel> bad;
  const auto with = [&](Channel c, auto change) {
    change(c);
    bad.push_back(std::move(c));
  };
  with(webhook(), [](auto& c) { c.name = ""; });
  with(webhook(), [](auto& c) { c.name = "two words"; });
  with(webhook(), [](auto& c) { c.name = std::string(65, 'x'); });
  with(webhook(), [](auto& c) { c.target = ""; });
  with(webhook(), [](auto& c) { c.target = "/TOPSECRET"; });
  with(webhook(), [](auto& c) { c.target = "http://example.com/TOPSECRET"; });
  with(webhook(), [](auto& c) { c.target = "file:///TOPSECRET"; });
  with(webhook(), [](auto& c) { c.target += "\r\nHost: other"; });
  with(webhook(), [](auto& c) { c.target += std::string(5'000, 'x'); });
  with(webhook(), [](auto& c) { c.secret = ""; });
  with(webhook(), [](auto& c) { c.secret = "whsec_TOPSECRET"; });
  with(webhook(), [](auto& c) { c.ca_file = "/nowhere/ca.pem"; });
  with(email(), [](auto& c) { c.target = "https://user:TOPSECRET@x.example"; });
  with(email(), [](auto& c) { c.target = "mail.example.com"; });
  with(email(), [](auto& c) { c.arguments = {}; });
  with(email(), [](auto& c) { c.arguments = {"a@b.example\r\nBcc: c@d"}; });
  with(email(), [](auto& c) { c.arguments.assign(101, "a@b.example"); });
  with(email(), [](auto& c) { c.from = ""; });
  with(email(),
       [](auto& c) { c.from = "a@b.example>\r\nRCPT TO:<c@d.example"; });
  with(webhook(), [](auto& c) {
    c.type = ChannelType::kProgram;
    c.target = "relative/TOPSECRET";
  });
  with(webhook(), [](auto& c) {
    c.type = ChannelType::kProgram;
    c.target = "/nowhere/TOPSECRET";
  });
  with(webhook(), [](auto& c) {
    c.type = ChannelType::kProgram;
    c.target = "/bin/sh";
    c.arguments = {std::string("a\0b", 3)};
  });
  with(webhook(), [](auto& c) {
    c.type = ChannelType::kStdout;
    c.target = "xml";
  });
  for (std::size_t i = 0; i < bad.size(); ++i) {
    CAPTURE(i);
    const auto r = check_channel(bad[i]);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Errc::kUsage);
    CHECK(r.error().what.find("TOPSECRET") == std::string::npos);
  }
}

TEST_CASE("where a channel leads is told without its secrets",
          "[alerts][channel]") {
  CHECK(describe_target(webhook()) == "https://example.com/…");
  CHECK(describe_target(email()) ==
        "smtps://mail.example.com:465 to sec@example.com");
  Channel c;
  c.type = ChannelType::kProgram;
  c.target = "/bin/page";
  c.arguments = {"TOPSECRET"};
  CHECK(describe_target(c) == "/bin/page");
  c.type = ChannelType::kStdout;
  c.target = "";
  CHECK(describe_target(c) == "text");
  c.type = ChannelType::kSlack;
  c.target = "TOPSECRET:";
  CHECK(describe_target(c).find("TOPSECRET") == std::string::npos);
}

TEST_CASE("a password is put into a URL whatever it holds",
          "[alerts][channel]") {
  const std::string password = "p:@/#?%20 \"ü\\";
  const auto url =
      with_password("smtps://us%40er@mail.example.com:465/", password);
  REQUIRE(url);
  const auto parsed = parse_target(*url);
  REQUIRE(parsed);
  CHECK(parsed->password == password);
  CHECK(parsed->user == "us@er");
  CHECK(parsed->without_secrets == "smtps://mail.example.com:465");
  for (const char* bad : {"smtps://mail.example.com", "", "x y"}) {
    const auto r = with_password(bad, "TOPSECRET");
    REQUIRE_FALSE(r);
    CHECK(r.error().what.find("TOPSECRET") == std::string::npos);
  }
}

TEST_CASE("a target's secrets are taken apart", "[alerts][channel]") {
  const auto url = parse_target("SMTP://us%40er:p%3Ass@Mail.Example.com:587");
  REQUIRE(url);
  CHECK(url->scheme == "smtp");
  CHECK(url->host == "mail.example.com");
  CHECK(url->user == "us@er");
  CHECK(url->password == "p:ss");
  CHECK(url->without_secrets == "smtp://mail.example.com:587");
  const auto v6 = parse_target("https://[::1]:8443/x?y");
  REQUIRE(v6);
  CHECK(v6->host == "::1");
  CHECK(v6->without_secrets == "https://[::1]:8443");
}

}  // namespace
}  // namespace ct::alerts
