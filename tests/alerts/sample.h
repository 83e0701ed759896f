// Alerts for tests: one as they usually are, and one as hostile as can be.
#pragma once

#include "alerts/alert.h"
#include "base/sha256.h"

namespace ct::test {

inline alerts::Alert sample_alert() {
  using namespace alerts;
  Alert alert;
  alert.id = "0123456789abcdef0123456789abcdef";
  alert.kind = kind::kUnexpectedCertificate;
  alert.title = "unexpected certificate for login.example.com";
  alert.reason =
      "login.example.com is below example.com. Its issuer, Other CA, is not "
      "on the watch's list.";
  alert.created = alert.updated = 1'790'000'000'000;
  alert.watch_id = "7";
  alert.watch = "example.com";
  alert.tags = {"web"};
  alert.names = {"login.example.com"};
  CertificateFacts c;
  c.der = {0x30, 0x03, 0x02, 0x01, 0x05};
  c.sha256 = sha256(c.der);
  c.tbs_sha256 = sha256(as_bytes("tbs"));
  c.issuer = "C=US, O=Other CA, CN=Other R1";
  c.issuer_name = "Other CA";
  c.subject = "CN=login.example.com";
  c.serial = "03abcd";
  c.not_before = 1'789'900'000;
  c.not_after = 1'797'676'000;
  c.spki_sha256 = sha256(as_bytes("spki"));
  c.key = "EC P-256";
  c.all_names = {"login.example.com", "www.example.net"};
  c.scts = {{sha256(as_bytes("log b")), "Log B", 1'789'999'000'000, "valid"}};
  c.notes = {"one SCT less than Chrome asks for"};
  alert.certificate = c;
  Sighting s;
  s.log_id = sha256(as_bytes("log a"));
  s.log = "Log A 2026h2";
  s.leaf_index = 812;
  s.timestamp = 1'789'999'999'250;
  s.entry_type = ctlog::EntryType::kPrecert;
  s.leaf_hash = sha256(as_bytes("leaf"));
  s.tree_size = 1000;
  s.root = sha256(as_bytes("root"));
  s.inclusion_proof = {sha256(as_bytes("p0")), sha256(as_bytes("p1"))};
  alert.sightings = {s};
  return alert;
}

// Text with everything in it that could hurt: NUL, an escape sequence, a new
// line and a header, right-to-left overrides, invisible characters, markup,
// mentions, broken UTF-8.
inline std::string hostile_text() {
  using std::string_literals::operator""s;
  return "a\0b\x1b[2J\r\nBcc: all@example.com\r\n.\r\n\u202egnp.exe\u2066\u200b"
         "<!channel> <@U1> @here ```https://evil.example/ & \"\\\xff\xfe\xc3("
         "\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf\u2028\ufeff\x7f\xc2\x9b"s;
}

inline alerts::Alert hostile_alert() {
  alerts::Alert alert = sample_alert();
  const std::string text = hostile_text();
  const std::string huge = text + std::string(10'000'000, 'x') + text;
  std::string* const fields[] = {&alert.title,
                                 &alert.reason,
                                 &alert.note,
                                 &alert.watch,
                                 &alert.log,
                                 &alert.certificate->issuer,
                                 &alert.certificate->issuer_name,
                                 &alert.certificate->subject,
                                 &alert.certificate->serial,
                                 &alert.certificate->key};
  for (std::string* field : fields) *field = text + std::string(5'000, '\1');
  alert.tags.assign(300, text);
  alert.names.assign(300, text);
  alert.names.front() = huge;
  alert.certificate->all_names.assign(300, text);
  alert.certificate->all_names.front() = huge;
  alert.certificate->notes.assign(300, text);
  alert.certificate->scts.assign(300, {{}, text, 0, text});
  alert.sightings.assign(300, alert.sightings.front());
  alert.sightings.front().log = huge;
  alert.evidence = text;
  return alert;
}

}  // namespace ct::test
