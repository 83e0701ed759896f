#include "sql/history_term.h"

#include "tests/support/catch.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;
using Ranges = std::vector<KeyRange>;

HistoryTerm term(Kind kind, std::string text) {
  HistoryTerm t;
  t.kind = kind;
  t.text = std::move(text);
  return t;
}

HistoryTerm network(std::string_view address, unsigned prefix) {
  HistoryTerm t;
  t.kind = Kind::kNetwork;
  t.network = *x509::parse_ip(address);
  t.prefix = prefix;
  return t;
}

TEST_CASE("a name is looked for below it and at the names above it",
          "[sql][history_term]") {
  CHECK(key_ranges(term(Kind::kBelow, "eu.www.example.com")) ==
        Ranges{{"com example www eu", "com example www eu!"},
               {"com example", "com example\x01", "eu"},
               {"com example www", "com example www\x01", "eu"}});
  CHECK(key_ranges(term(Kind::kExact, "*.www.example.com")) ==
        Ranges{{"com example www", "com example www\x01"},
               {"com example", "com example\x01", "www"}});
  CHECK(key_ranges(term(Kind::kBelow, "example.com")) ==
        Ranges{{"com example", "com example!"}});
  CHECK(key_ranges(term(Kind::kBelow, "com")) == Ranges{{"com", "com!"}});
}

TEST_CASE("a pattern is looked for below its literal end",
          "[sql][history_term]") {
  CHECK(literal_end("api.*.example.com") == "example.com");
  CHECK(literal_end("%.com") == "com");
  CHECK(literal_end("w*.example.%").empty());
  CHECK(literal_end("*example").empty());
  CHECK(key_ranges(term(Kind::kPattern, "api.%.com")) ==
        Ranges{{"com", "com!"}});
  CHECK(key_ranges(term(Kind::kPattern, "example.%")).empty());
  CHECK(longest_literal("a.exa%mple.b@cd") == "mple");
  CHECK(longest_literal("*.%").empty());
}

TEST_CASE("a network is one stretch of keys", "[sql][history_term]") {
  CHECK(key_ranges(network("192.0.2.0", 25)) ==
        Ranges{{"#4c0000200", "#4c000027f\x01"}});
  CHECK(key_ranges(network("192.0.2.9", 32)) ==
        Ranges{{"#4c0000209", "#4c0000209\x01"}});
  const auto all = key_ranges(network("::", 0));
  REQUIRE(all.size() == 1);
  CHECK(all[0].begin == "#6" + std::string(32, '0'));
  CHECK(all[0].end == "#6" + std::string(32, 'f') + '\x01');
}

TEST_CASE("mail is looked for at its host", "[sql][history_term]") {
  CHECK(key_ranges(term(Kind::kMail, "me@example.com")) ==
        Ranges{{"@com example@me", "@com example@me\x01"}});
  CHECK(key_ranges(term(Kind::kMailDomain, "example.com")) ==
        Ranges{{"@com example@", "@com exampleA"},
               {"@com example ", "@com example!"}});
}

TEST_CASE("what a term means is decided by the whole name",
          "[sql][history_term]") {
  const auto below = term(Kind::kBelow, "example.com");
  for (const char* yes :
       {"example.com", "*.example.com", "a.example.com", "*.a.example.com"}) {
    CAPTURE(yes);
    CHECK(means(below, yes));
  }
  for (const char* no : {"*.com", "com", "badexample.com", "me@example.com",
                         "me@a.example.com", "example.com.org"}) {
    CAPTURE(no);
    CHECK_FALSE(means(below, no));
  }
  CHECK(means(term(Kind::kExact, "*.example.com"), "*.example.com"));
  CHECK_FALSE(means(term(Kind::kExact, "*.example.com"), "a.example.com"));
  CHECK_FALSE(means(term(Kind::kExact, "example.com"), "*.example.com"));

  CHECK(means(term(Kind::kMail, "me@example.com"), "me@example.com"));
  CHECK(means(term(Kind::kMailDomain, "example.com"), "a\\x40b@example.com"));
  CHECK_FALSE(means(term(Kind::kMailDomain, "example.com"), "example.com"));
  CHECK(means(term(Kind::kMailDomain, "example.com"), "me@a.example.com"));
  CHECK_FALSE(means(term(Kind::kMailDomain, "example.com"), "me@aexample.com"));

  CHECK(means(network("192.0.2.0", 25), "192.0.2.127"));
  CHECK_FALSE(means(network("192.0.2.0", 25), "192.0.2.128"));
  CHECK_FALSE(means(network("0.0.0.0", 0), "::1"));
  CHECK_FALSE(means(network("0.0.0.0", 0), "example.com"));

  CHECK(means(term(Kind::kPart, "e.c"), "me@example.com"));
  CHECK_FALSE(means(term(Kind::kPart, "e.com."), "example.com"));
}

TEST_CASE("wildcards of a pattern stand for any characters",
          "[sql][history_term]") {
  CHECK(fits_pattern("api.*.example.com", "api.eu.example.com"));
  CHECK(fits_pattern("api.*.example.com", "api.a.b.example.com"));
  CHECK_FALSE(fits_pattern("api.*.example.com", "api.example.com"));
  CHECK(fits_pattern("%a%b", "aabab"));
  CHECK_FALSE(fits_pattern("%a%b", "aabaa"));
  CHECK(fits_pattern("%", ""));
  CHECK(fits_pattern("a%%", "a"));
  CHECK_FALSE(fits_pattern("a_c", "abc"));
  CHECK_FALSE(fits_pattern("a", "ab"));
  INFO("nor does a hostile name take for ever");
  CHECK_FALSE(fits_pattern("%a%a%a%a%a%a%a%a%b", std::string(60'000, 'a')));
}

}  // namespace
}  // namespace ct::sql
