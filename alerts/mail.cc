// E-mail: SMTP (RFC 5321) through libcurl, and the mail itself (RFC 5322).
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <memory>

#include "alerts/delivery.h"
#include "alerts/payload.h"
#include "alerts/text.h"
#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace ct::alerts {
namespace {

constexpr std::size_t kMaxSubject = 240;  // bytes before encoding

bool is_plain_ascii(std::string_view s) {
  return std::all_of(s.begin(), s.end(),
                     [](char c) { return c >= ' ' && c <= '~'; });
}

// RFC 2047, section 2: words on lines of at most 76 characters, none of which
// splits a character.
std::string encode_header(std::string_view text) {
  if (text.size() <= 66 && is_plain_ascii(text) &&
      text.find("=?") == std::string_view::npos) {
    return std::string(text);
  }
  // With "Subject: " before it, 73 characters.
  constexpr std::size_t kBytesInWord = 39;
  std::string out;
  while (!text.empty()) {
    std::size_t n = std::min(text.size(), kBytesInWord);
    while (n > 1 && n < text.size() &&
           (static_cast<unsigned char>(text[n]) & 0xc0) == 0x80) {
      --n;
    }
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(as_bytes(text.substr(0, n))) + "?=";
    text.remove_prefix(n);
  }
  return out;
}

// Quoted-printable of RFC 2045, section 6.7: lines of at most 76 characters
// that end in CRLF, whatever the text holds.
std::string quoted_printable(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      out += "\r\n";
      column = 0;
      continue;
    }
    const bool ends_line = i + 1 == text.size() || text[i + 1] == '\n';
    const bool plain =
        (c > ' ' && c <= '~' && c != '=') || (c == ' ' && !ends_line);
    const std::size_t width = plain ? 1 : 3;
    if (column + width > 75) {
      out += "=\r\n";
      column = 0;
    }
    out += plain ? std::string(1, static_cast<char>(c))
                 : fmt::format("={:02X}", c);
    column += width;
  }
  return out;
}

// RFC 5322, section 3.3, in UTC, whatever the locale.
std::string mail_date(Millis now) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed",
                                   "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t t = now / 1000;
  std::tm tm{};
  gmtime_r(&t, &tm);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
                     kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

// "<digits@domain>"; hashed, so that no id can hold what a header cannot.
std::string message_id(std::string_view id, std::string_view from) {
  return fmt::format("<{}@{}>",
                     to_hex(ByteView(sha256(as_bytes(id))).first(16)),
                     from.substr(from.rfind('@') + 1));
}

// What one attempt needs while libcurl runs it.
struct Attempt {
  std::string mail;
  std::size_t sent = 0;
  std::stop_token stop;

  struct Refusal {
    std::string recipient;
    std::string reply;  // "550 5.1.1 no such user"
  };
  std::string asking;  // the recipient whose reply is awaited
  std::size_t accepted = 0;
  std::vector<Refusal> refused;
};

std::size_t give_mail(char* out, std::size_t size, std::size_t count,
                      void* user) {
  auto& attempt = *static_cast<Attempt*>(user);
  const std::size_t n =
      std::min(size * count, attempt.mail.size() - attempt.sent);
  std::memcpy(out, attempt.mail.data() + attempt.sent, n);
  attempt.sent += n;
  return n;
}

int look_for_stop(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Attempt*>(user)->stop.stop_requested() ? 1 : 0;
}

// libcurl tells whether the whole worked, not which recipient was refused:
// that is read from the conversation. Nothing of it is kept but the replies
// to RCPT, for it also holds the password.
int overhear(CURL*, curl_infotype type, char* data, std::size_t size,
             void* user) {
  auto& attempt = *static_cast<Attempt*>(user);
  const std::string_view text(data, size);
  constexpr std::string_view kAsk = "RCPT TO:<";
  if (type == CURLINFO_HEADER_OUT && text.starts_with(kAsk)) {
    const std::size_t end = text.find('>');
    attempt.asking = text.substr(kAsk.size(), end - kAsk.size());
  } else if (type == CURLINFO_HEADER_IN && !attempt.asking.empty() &&
             text.size() >= 3 && (text.size() < 4 || text[3] != '-')) {
    if (text[0] == '2') {
      ++attempt.accepted;
    } else {
      const std::string_view reply = text.substr(0, text.find_first_of("\r\n"));
      attempt.refused.push_back({attempt.asking, visible(reply, 160)});
    }
    attempt.asking.clear();
  }
  return 0;
}

// A server may repeat what it was sent.
std::string without(std::string text, const std::string& secret) {
  if (secret.empty()) return text;
  constexpr std::string_view kStars = "***";
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;
       at += kStars.size()) {
    text.replace(at, secret.size(), kStars);
  }
  return text;
}

std::string refusals(const Attempt& attempt) {
  std::string out;
  for (const auto& r : attempt.refused) {
    if (out.size() > 1000) return out + ", …";
    out += fmt::format("{}{} refused ({})", out.empty() ? "" : ", ",
                       r.recipient, r.reply);
  }
  return out;
}

Delivered verdict(CURLcode code, const char* details, const Attempt& attempt) {
  if (code == CURLE_ABORTED_BY_CALLBACK) return retry("stopped");
  if (code == CURLE_OK) {
    if (attempt.refused.empty()) return {};
    const bool all_final =
        std::all_of(attempt.refused.begin(), attempt.refused.end(),
                    [](const auto& r) { return r.reply.starts_with('5'); });
    std::string what = fmt::format(
        "the mail went to {} of {} recipients: {}", attempt.accepted,
        attempt.accepted + attempt.refused.size(), refusals(attempt));
    return all_final ? give_up(std::move(what)) : retry(std::move(what));
  }
  if (!attempt.refused.empty()) {
    return retry("no recipient was accepted: " + refusals(attempt));
  }
  if (code == CURLE_USE_SSL_FAILED) {
    return retry(
        "the mail server does not offer STARTTLS; use one that does, or allow "
        "plain connections for this channel");
  }
  if (code == CURLE_LOGIN_DENIED) {
    return retry("the mail server refused the user name or password");
  }
  const std::string_view known(details);
  return retry(fmt::format(
      "mail: {}",
      visible(known.empty() ? curl_easy_strerror(code) : known, 300)));
}

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

Delivered send(CURL* curl, const Channel& channel, const TargetUrl& url,
               Attempt& attempt) {
  std::unique_ptr<curl_slist, ListFree> recipients;
  for (const auto& recipient : channel.arguments) {
    curl_slist* longer = curl_slist_append(recipients.get(), recipient.c_str());
    if (longer == nullptr) return retry("out of memory");
    (void)recipients.release();
    recipients.reset(longer);
  }
  char details[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, details);
  curl_easy_setopt(curl, CURLOPT_URL, url.without_secrets.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  if (!url.user.empty()) {
    curl_easy_setopt(curl, CURLOPT_USERNAME, url.user.c_str());
    curl_easy_setopt(curl, CURLOPT_PASSWORD, url.password.c_str());
  }
  curl_easy_setopt(
      curl, CURLOPT_USE_SSL,
      static_cast<long>(channel.allow_plain ? CURLUSESSL_TRY : CURLUSESSL_ALL));
  if (!channel.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, channel.ca_file.c_str());
  }
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  const long bound =
      std::chrono::duration_cast<std::chrono::milliseconds>(kDeliveryTimeout)
          .count();
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, bound);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, bound / 2);

  curl_easy_setopt(curl, CURLOPT_MAIL_FROM, channel.from.c_str());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, recipients.get());
  curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_mail);
  curl_easy_setopt(curl, CURLOPT_READDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
  curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, overhear);
  curl_easy_setopt(curl, CURLOPT_DEBUGDATA, &attempt);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_for_stop);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &attempt);

  const CURLcode code = curl_easy_perform(curl);
  auto result = verdict(code, details, attempt);
  if (!result) {
    result.error().what = without(std::move(result.error().what), url.password);
  }
  return result;
}

}  // namespace

std::string compose_mail(const Channel& channel, const Message& message,
                         Millis now) {
  std::string recipients;
  for (const auto& r : channel.arguments) {
    recipients += (recipients.empty() ? "" : ",\r\n ") + r;
  }
  std::string subject = "[ctvigil] ";
  if (message.type == event::kResolved) subject += "settled: ";
  subject += alert_line(message.alert);

  return fmt::format(
             "Date: {}\r\n"
             "From: ctvigil <{}>\r\n"
             "To: {}\r\n"
             "Subject: {}\r\n"
             "Message-ID: {}\r\n"
             "References: {}\r\n"
             "Auto-Submitted: auto-generated\r\n"
             "X-Ctvigil-Severity: {}\r\n"
             "MIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=utf-8\r\n"
             "Content-Transfer-Encoding: quoted-printable\r\n"
             "\r\n",
             mail_date(now), channel.from, recipients,
             encode_header(clip(subject, kMaxSubject)),
             message_id(message.id, channel.from),
             message_id("alert " + message.alert.id, channel.from),
             to_string(message.alert.severity)) +
         quoted_printable(alert_text(message.alert));
}

bool is_mail_address(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (text.size() > 254 || at == std::string_view::npos || at == 0 ||
      at + 1 == text.size()) {
    return false;
  }
  // Quoted local parts are left out: nobody's mailbox, and hard to get right.
  return text.find('@') == at &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c <= '~' &&
                  std::strchr("<>()[]\\,;:\"", c) == nullptr;
         });
}

Delivered deliver_mail(const Channel& channel, const Message& message,
                       std::stop_token stop) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  const auto url = parse_target(channel.target);
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(
      ready == CURLE_OK ? curl_easy_init() : nullptr, curl_easy_cleanup);
  if (!curl || !url) return retry("libcurl could not be started");
  Attempt attempt{.mail = compose_mail(channel, message, now_millis()),
                  .sent = 0,
                  .stop = std::move(stop),
                  .asking = {},
                  .accepted = 0,
                  .refused = {}};
  return send(curl.get(), channel, *url, attempt);
}

}  // namespace ct::alerts
