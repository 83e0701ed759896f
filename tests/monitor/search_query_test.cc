#include "monitor/search_query.h"

#include "base/base64.h"
#include "base/hex.h"
#include "tests/support/catch.h"

namespace ct::monitor {
namespace {

using Kind = sql::HistoryTerm::Kind;

constexpr Millis kNow = 1'790'000'000'500;

sql::HistoryTerm parsed(std::string_view typed, TermOptions options = {}) {
  const auto term = parse_search_term(typed, options);
  CAPTURE(typed);
  INFO((term ? "" : term.error().what));
  REQUIRE(term);
  return *term;
}

void check_text(std::string_view typed, Kind kind, const std::string& text,
                TermOptions options = {}) {
  const auto term = parsed(typed, options);
  CAPTURE(typed);
  CHECK(term.kind == kind);
  CHECK(term.text == text);
}

std::string refusal(std::string_view typed, TermOptions options = {}) {
  const auto term = parse_search_term(typed, options);
  CAPTURE(typed);
  REQUIRE_FALSE(term);
  CHECK(term.error().code == Errc::kUsage);
  return term.error().what;
}

TEST_CASE("a host means itself and all below, or itself alone",
          "[monitor][search_query]") {
  check_text(" EXAMPLE.com. ", Kind::kBelow, "example.com");
  check_text("=www.example.com", Kind::kExact, "www.example.com");
  check_text("=*.example.com", Kind::kExact, "*.example.com");
  check_text("com", Kind::kBelow, "com");
  for (const char* name : {"b\xc3\xbc"
                           "cher.example",
                           "B\xc3\x9c"
                           "CHER.example",
                           "xn--bcher-kva.example"}) {
    check_text(name, Kind::kBelow, "xn--bcher-kva.example");
  }
}

TEST_CASE("a host may stand for its registrable domain",
          "[monitor][search_query]") {
  const TermOptions registrable{.registrable = true};
  check_text("a.b.example.co.uk", Kind::kBelow, "example.co.uk", registrable);
  check_text("=www.example.com", Kind::kBelow, "example.com", registrable);
  check_text("api.*.example.com", Kind::kPattern, "api.*.example.com",
             registrable);
  CHECK_THAT(refusal("co.uk", registrable), ContainsSubstring("public suffix"));
}

TEST_CASE("wildcards make a pattern", "[monitor][search_query]") {
  check_text("%.dev.EXAMPLE.com", Kind::kPattern, "%.dev.example.com");
  check_text("api.*.example.com.", Kind::kPattern, "api.*.example.com");
  check_text("*.example.com", Kind::kPattern, "*.example.com");
  check_text(
      "%.b\xc3\xbc"
      "cher.example",
      Kind::kPattern, "%.xn--bcher-kva.example");
  check_text("*exam_ple*", Kind::kPattern, "*exam_ple*");
  for (const char* bad : {"*", "%.%", "a..*",
                          "*b\xc3\xbc"
                          "cher.example",
                          "w*w w.example.com", "*@example.com"}) {
    CHECK_THAT(refusal(bad), ContainsSubstring("cannot search for"));
  }
  CHECK_THAT(refusal(std::string(300, 'a').append("*")),
             ContainsSubstring("255"));
}

TEST_CASE("a part may be anywhere in a name", "[monitor][search_query]") {
  const TermOptions part{.part = true};
  check_text("ShOp", Kind::kPart, "shop", part);
  check_text("e.co", Kind::kPart, "e.co", part);
  check_text("192.0.2", Kind::kPart, "192.0.2", part);
  CHECK_THAT(refusal("a", part), ContainsSubstring("two characters"));
  CHECK_THAT(refusal("a b", part), ContainsSubstring("without spaces"));
  CHECK_THAT(refusal("sh*p", part), ContainsSubstring("no wildcards"));
}

TEST_CASE("addresses and networks are networks", "[monitor][search_query]") {
  const auto net = parsed("192.0.2.0/24");
  CHECK(net.kind == Kind::kNetwork);
  CHECK(x509::format_ip(net.network) == "192.0.2.0");
  CHECK(net.prefix == 24);
  CHECK(parsed("192.0.2.7").prefix == 32);
  CHECK(parsed("2001:DB8::1").prefix == 128);
  const auto mapped = parsed("::ffff:192.0.2.0/120");
  CHECK(x509::format_ip(mapped.network) == "192.0.2.0");
  CHECK(mapped.prefix == 24);
  CHECK_THAT(refusal("192.0.2.7/24"),
             ContainsSubstring("did you mean 192.0.2.0/24?"));
  CHECK_THAT(refusal("192.0.2.0/33"), ContainsSubstring("from 0 to 32"));
  CHECK_THAT(refusal("https://example.com/"),
             ContainsSubstring("give its host alone"));
}

TEST_CASE("mail is an address, or all at a host", "[monitor][search_query]") {
  check_text("Me@EXAMPLE.com", Kind::kMail, "me@example.com");
  check_text(
      "@b\xc3\xbc"
      "cher.example",
      Kind::kMailDomain, "xn--bcher-kva.example");
  check_text("a@b@example.com", Kind::kMail, "a\\x40b@example.com");
  CHECK_THAT(refusal("me@"), ContainsSubstring("it is empty"));
  CHECK_THAT(refusal("m e@example.com"), ContainsSubstring("ASCII"));
}

TEST_CASE("other fields are named before a colon", "[monitor][search_query]") {
  const std::string hex(64, 'a');
  Hash hash{};
  hash.fill(0xaa);
  for (const auto& [typed, kind] : {std::pair("sha256:" + hex, Kind::kSha256),
                                    {hex, Kind::kSha256},
                                    {"spki: " + hex, Kind::kSpki},
                                    {"ISSUER:SPKI:" + hex, Kind::kIssuerKey}}) {
    CAPTURE(typed);
    CHECK(parsed(typed).kind == kind);
    CHECK(parsed(typed).hash == hash);
  }
  std::string colons = "AA";
  for (int i = 1; i < 32; ++i) colons += ":AA";
  CHECK(parsed("sha256:" + colons).hash == hash);
  CHECK(parsed(colons).hash == hash);
  check_text("serial:0A:Bc", Kind::kSerial, "0abc");
  check_text("serial:abc", Kind::kSerial, "0abc");
  check_text("org: Example Ltd", Kind::kOrganization, "Example Ltd");
  check_text("issuer:Let's Encrypt", Kind::kIssuer, "Let's Encrypt");
  CHECK_THAT(refusal("sha256:ab"), ContainsSubstring("64 hex digits"));
  CHECK_THAT(refusal("serial:xyz"), ContainsSubstring("hex digits"));
  CHECK_THAT(refusal("org:"), ContainsSubstring("must follow"));
  CHECK_THAT(refusal("issuer:" + std::string(300, 'x')),
             ContainsSubstring("255"));
}

TEST_CASE("what is no query is refused with a reason",
          "[monitor][search_query]") {
  CHECK_THAT(refusal("  "), ContainsSubstring("nothing to search for"));
  CHECK_THAT(refusal("exa mple.com"), ContainsSubstring("not a host name"));
  CHECK_THAT(refusal("="), ContainsSubstring("it is empty"));
  INFO("and does nothing to the terminal");
  CHECK(refusal("\x1b[2J.com").find('\x1b') == std::string::npos);
}

sql::LogRow log_row(std::string description, std::uint8_t id) {
  sql::LogRow row;
  row.info.description = std::move(description);
  row.info.log_id.fill(id);
  return row;
}

const std::vector<sql::LogRow> kLogs = {log_row("Argon2026", 1),
                                        log_row("Argon2026h1", 2),
                                        log_row("Xenon2026", 3)};

sql::HistoryNarrowing narrowed(const NarrowingTexts& texts) {
  const auto n = parse_narrowing(texts, kLogs, kNow);
  INFO((n ? "" : n.error().what));
  REQUIRE(n);
  return *n;
}

std::string narrowing_refusal(const NarrowingTexts& texts) {
  const auto n = parse_narrowing(texts, kLogs, kNow);
  REQUIRE_FALSE(n);
  CHECK(n.error().code == Errc::kUsage);
  return n.error().what;
}

TEST_CASE("times narrow from the first to before the second",
          "[monitor][search_query]") {
  const auto n = narrowed({.expires_after = "2026-01-01",
                           .expires_before = "2026-02-01T00:00:00.250Z",
                           .issued_after = "2025-01-01",
                           .issued_before = "now",
                           .logged_after = "2025-06-01T00:00:00.250Z",
                           .logged_before = "2025-07-01"});
  CHECK(n.not_after_from == *parse_time("2026-01-01") / 1000);
  CHECK(n.not_after_before == *parse_time("2026-02-01T00:00:01Z") / 1000);
  CHECK(n.not_before_from == *parse_time("2025-01-01") / 1000);
  CHECK(n.not_before_before == kNow / 1000 + 1);
  CHECK(n.logged_from == parse_time("2025-06-01T00:00:00.250Z"));
  CHECK(n.logged_before == parse_time("2025-07-01"));

  INFO("both ends of a validity belong to it");
  const auto at = narrowed({.valid_at = "2026-01-01"});
  CHECK(at.not_after_from == *parse_time("2026-01-01") / 1000);
  CHECK(at.not_before_before == *parse_time("2026-01-01") / 1000 + 1);

  CHECK(narrowed({.expired = true}).not_after_before == kNow / 1000);
  CHECK(narrowed({.not_expired = true}).not_after_from == kNow / 1000);
  INFO("the narrower bound holds");
  CHECK(narrowed({.expires_after = "2000-01-01", .not_expired = true})
            .not_after_from == kNow / 1000);
}

TEST_CASE("issuer, organisation, logs and kind narrow",
          "[monitor][search_query]") {
  CHECK(narrowed({.issuer = "R11"}).issuer == "R11");
  Hash hash{};
  hash.fill(0xaa);
  CHECK(
      narrowed({.issuer = "spki:" + std::string(64, 'a')}).issuer_spki_sha256 ==
      hash);
  CHECK(narrowed({.organization = "X"}).organization == "X");
  CHECK(narrowed({.precert = true}).type == ctlog::EntryType::kPrecert);
  CHECK(narrowed({.final = true}).type == ctlog::EntryType::kX509);

  using Ids = std::vector<Hash>;
  const Hash one = kLogs[0].info.log_id, two = kLogs[1].info.log_id;
  CHECK(narrowed({.logs = {"argon"}}).log_ids == Ids{one, two});
  INFO("a whole name is that log alone");
  CHECK(narrowed({.logs = {"ARGON2026"}}).log_ids == Ids{one});
  CHECK(narrowed({.logs = {to_base64(two)}}).log_ids == Ids{two});
  CHECK(narrowed({.logs = {to_hex(two), "argon2026"}}).log_ids ==
        Ids{two, one});
}

TEST_CASE("a narrowing that is not understood, or leaves nothing, is refused",
          "[monitor][search_query]") {
  CHECK_THAT(narrowing_refusal({.valid_at = "yesterday"}),
             ContainsSubstring("--valid-at wants"));
  CHECK_THAT(narrowing_refusal({.logged_before = "1.2.2026"}),
             ContainsSubstring("--logged-before wants"));
  CHECK_THAT(narrowing_refusal({.logs = {"Nessie"}}),
             ContainsSubstring("no log is called"));
  CHECK_THAT(narrowing_refusal({.expired = true, .not_expired = true}),
             ContainsSubstring("--expired"));
  CHECK_THAT(narrowing_refusal({.precert = true, .final = true}),
             ContainsSubstring("--precert"));
  CHECK_THAT(narrowing_refusal({.expires_after = "2026-02-01",
                                .expires_before = "2026-02-01"}),
             ContainsSubstring("no certificate can fit"));
  CHECK_THAT(narrowing_refusal({.issuer = "spki:12"}),
             ContainsSubstring("64 hex digits"));
}

}  // namespace
}  // namespace ct::monitor
