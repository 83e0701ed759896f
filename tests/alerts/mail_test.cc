#include <algorithm>
#include <thread>

#include "alerts/delivery.h"
#include "alerts/payload.h"
#include "base/base64.h"
#include "tests/alerts/sample.h"
#include "tests/support/catch.h"
#include "tests/support/smtp_server.h"

namespace ct::alerts {
namespace {

using test::SmtpServer;

Channel mail_channel() {
  Channel c;
  c.name = "mail";
  c.type = ChannelType::kEmail;
  c.target = "smtp://localhost:25";
  c.from = "ct@example.com";
  c.arguments = {"a@example.com", "b@example.com"};
  return c;
}

std::string header(const std::string& mail, const std::string& name) {
  const std::size_t end = mail.find("\r\n\r\n");
  const std::size_t begin = mail.find("\r\n" + name + ": ");
  REQUIRE(begin < end);
  std::size_t stop = begin + 2;
  do {
    stop = mail.find("\r\n", stop + 2);
  } while (mail[stop + 2] == ' ');
  return mail.substr(begin + name.size() + 4, stop - begin - name.size() - 4);
}

// RFC 2047's B encoding undone.
std::string decode_words(std::string text) {
  std::string out;
  const std::string open = "=?UTF-8?B?";
  while (text.starts_with(open)) {
    const std::size_t end = text.find("?=");
    const auto part = from_base64(text.substr(open.size(), end - open.size()));
    REQUIRE(part);
    out += as_text(*part);
    text.erase(0, end + 2);
    if (text.starts_with("\r\n ")) text.erase(0, 3);
  }
  return out + text;
}

// Quoted-printable undone.
std::string decode_body(const std::string& mail) {
  std::string out;
  for (std::size_t i = mail.find("\r\n\r\n") + 4; i < mail.size(); ++i) {
    if (mail[i] == '\r') continue;
    if (mail[i] != '=') {
      out += mail[i];
    } else if (mail[i + 1] == '\r') {
      i += 2;
    } else {
      out += static_cast<char>(std::stoi(mail.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return out;
}

void check_form(const std::string& mail) {
  std::size_t begin = 0;
  while (begin < mail.size()) {
    std::size_t end = mail.find("\r\n", begin);
    if (end == std::string::npos) end = mail.size();
    const std::string line = mail.substr(begin, end - begin);
    CAPTURE(line);
    CHECK(line.size() <= 78);
    CHECK_FALSE(line.ends_with(' '));  // lost on the way
    CHECK(std::all_of(line.begin(), line.end(),
                      [](char c) { return c >= ' ' && c <= '~'; }));
    CHECK_FALSE(line.starts_with("Bcc"));
    begin = end + 2;
  }
}

TEST_CASE("a mail has the headers it needs, and the text", "[alerts][mail]") {
  const Message message{"msg-1", std::string(event::kOpened),
                        test::sample_alert()};
  const std::string mail =
      compose_mail(mail_channel(), message, 1'790'000'000'000);
  check_form(mail);
  CHECK(mail.starts_with("Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n"));
  CHECK(header(mail, "From") == "ctvigil <ct@example.com>");
  CHECK(header(mail, "To") == "a@example.com,\r\n b@example.com");
  CHECK(header(mail, "Auto-Submitted") == "auto-generated");
  CHECK(header(mail, "MIME-Version") == "1.0");
  CHECK(header(mail, "X-Ctvigil-Severity") == "high");
  CHECK(decode_words(header(mail, "Subject")) ==
        "[ctvigil] " + alert_line(message.alert));
  CHECK(decode_body(mail) == alert_text(message.alert));

  Message spaced = message;
  spaced.alert.reason += "  ";
  check_form(compose_mail(mail_channel(), spaced, 0));
}

TEST_CASE("the Message-ID is the same for every attempt, and no other",
          "[alerts][mail]") {
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};
  const auto id = [&](Millis now) {
    return header(compose_mail(mail_channel(), message, now), "Message-ID");
  };
  const std::string first = id(1'000'000);
  message.attempt = 2;
  CHECK(id(2'000'000) == first);
  CHECK(first.ends_with("@example.com>"));
  message.id = "msg-2";
  CHECK(id(1'000'000) != first);
}

TEST_CASE("hostile text stays inside the mail", "[alerts][mail]") {
  Message message{test::hostile_text(), std::string(event::kOpened),
                  test::hostile_alert()};
  message.alert.id = test::hostile_text();
  std::string mail = compose_mail(mail_channel(), message, 0);
  check_form(mail);
  CHECK(decode_body(mail) == alert_text(message.alert));

  message.alert = test::sample_alert();
  message.alert.names = {"bücher.example.com", "日本語.example.com",
                         "=?UTF-8?B?QUFB?="};
  mail = compose_mail(mail_channel(), message, 0);
  check_form(mail);
  CHECK_THAT(decode_words(header(mail, "Subject")),
             ContainsSubstring("bücher.example.com, 日本語.example.com, =?"));
}

TEST_CASE("only plain addresses are addresses", "[alerts][mail]") {
  CHECK(is_mail_address("sec@example.com"));
  CHECK(is_mail_address("a.b+c@localhost"));
  for (const char* bad : {"", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\r\nX: y",
                          "<a@b>", "a@b,c", "\"a\"@b", "ü@example.com"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_mail_address(bad));
  }
  CHECK_FALSE(is_mail_address(std::string(250, 'a').append("@b.example")));
}

struct Fixture {
  test::TlsIdentity tls;
  HttpClient http{{.user_agent = "ctvigil test"}};
  Channel channel = mail_channel();
  Message message{"msg-1", std::string(event::kOpened), test::sample_alert()};

  void aim(const SmtpServer& server, const std::string& scheme = "smtp",
           const std::string& login = "") {
    channel.target =
        scheme + "://" + login + "localhost:" + std::to_string(server.port());
    channel.ca_file = tls.ca_file();
  }
  DeliveryError fails() {
    const auto r = deliver(http, channel, message);
    REQUIRE_FALSE(r);
    CHECK(r.error().what.find("TOPSECRET") == std::string::npos);
    CHECK_FALSE(r.error().what.empty());
    return r.error();
  }
};

TEST_CASE_METHOD(Fixture, "a mail arrives over STARTTLS and over smtps",
                 "[alerts][mail]") {
  const bool implicit = GENERATE(false, true);
  SmtpServer server(tls,
                    {.security = implicit ? SmtpServer::Security::kImplicit
                                          : SmtpServer::Security::kStartTls,
                     .user = "us er",
                     .password = "TOPSECRET"});
  aim(server, implicit ? "smtps" : "smtp", "us%20er:TOPSECRET@");
  message.alert.reason = "\n.\n..\nQUIT";
  REQUIRE(deliver(http, channel, message));
  const auto mails = server.mails();
  REQUIRE(mails.size() == 1);
  CHECK(mails[0].encrypted);
  CHECK(mails[0].authenticated);
  CHECK(mails[0].from == "ct@example.com");
  CHECK(mails[0].to == channel.arguments);
  CHECK(decode_body(mails[0].data).starts_with(alert_text(message.alert)));
}

TEST_CASE_METHOD(Fixture, "lines of a single dot do not end the mail",
                 "[alerts][mail]") {
  SmtpServer server(tls, {});
  aim(server);
  // A line break in quoted-printable falls just before this dot.
  message.alert.reason = std::string(75, 'x') + ".";
  REQUIRE(deliver(http, channel, message));
  REQUIRE(server.mails().size() == 1);
  CHECK_THAT(server.mails()[0].data, ContainsSubstring("=\r\n.\r\n"));
  CHECK_THAT(decode_body(server.mails()[0].data),
             ContainsSubstring("What to do"));
}

TEST_CASE_METHOD(Fixture, "a server without TLS gets nothing unless allowed",
                 "[alerts][mail]") {
  SmtpServer server(tls, {.security = SmtpServer::Security::kNone,
                          .user = "user",
                          .password = "TOPSECRET"});
  aim(server, "smtp", "user:TOPSECRET@");
  CHECK_THAT(fails().what, ContainsSubstring("STARTTLS"));
  CHECK(server.mails().empty());
  channel.allow_plain = true;
  CHECK(deliver(http, channel, message));
}

TEST_CASE_METHOD(Fixture, "a mail server with another CA gets nothing",
                 "[alerts][mail]") {
  SmtpServer server(tls, {});
  aim(server);
  const test::TlsIdentity other;
  channel.ca_file = other.ca_file();
  CHECK_FALSE(fails().permanent);
  CHECK(server.mails().empty());
}

TEST_CASE_METHOD(Fixture, "a wrong password is told without the password",
                 "[alerts][mail]") {
  SmtpServer server(tls, {.user = "user", .password = "OTHERSECRET"});
  aim(server, "smtp", "user:TOPSECRET@");
  const auto e = fails();
  CHECK_THAT(e.what, ContainsSubstring("user name or password"));
  CHECK(e.what.find("OTHERSECRET") == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "refused recipients are named", "[alerts][mail]") {
  SECTION("one for good: the other has it, and must not get it again") {
    SmtpServer server(
        tls, {.refusals = {{"b@example.com", "550 5.1.1 nobody here"}}});
    aim(server);
    const auto e = fails();
    CHECK(e.permanent);
    CHECK_FALSE(e.disable);
    CHECK_THAT(e.what, ContainsSubstring("1 of 2") &&
                           ContainsSubstring("b@example.com") &&
                           ContainsSubstring("550 5.1.1 nobody here"));
    REQUIRE(server.mails().size() == 1);
    CHECK(server.mails()[0].to == std::vector<std::string>{"a@example.com"});
  }
  SECTION("one for now: it is tried again") {
    SmtpServer server(tls, {.refusals = {{"a@example.com", "451 later"}}});
    aim(server);
    const auto e = fails();
    CHECK_FALSE(e.permanent);
    CHECK_THAT(e.what, ContainsSubstring("a@example.com") &&
                           ContainsSubstring("451 later"));
  }
  SECTION("all of them: a server gets repaired, so it is tried again") {
    SmtpServer server(tls,
                      {.user = "user",
                       .password = "TOPSECRET",
                       .refusals = {{"a@example.com", "550 TOPSECRET no"},
                                    {"b@example.com", "550-no\r\n550 never"}}});
    aim(server, "smtp", "user:TOPSECRET@");
    const auto e = fails();
    CHECK_FALSE(e.permanent);
    CHECK_THAT(e.what, ContainsSubstring("no recipient") &&
                           ContainsSubstring("a@example.com") &&
                           ContainsSubstring("b@example.com"));
    CHECK(server.mails().empty());
  }
}

TEST_CASE_METHOD(Fixture, "a mail refused at its end is tried again",
                 "[alerts][mail]") {
  SmtpServer server(tls, {.data_reply = "552 too much"});
  aim(server);
  CHECK_FALSE(fails().permanent);
}

TEST_CASE_METHOD(Fixture, "a stop ends waiting for a mail server",
                 "[alerts][mail]") {
  SmtpServer server(tls, {.hang = true});
  aim(server);
  std::stop_source stop;
  stop.request_stop();
  const auto r = deliver(http, channel, message, stop.get_token());
  REQUIRE_FALSE(r);
  CHECK(r.error().what == "stopped");
}

}  // namespace
}  // namespace ct::alerts
