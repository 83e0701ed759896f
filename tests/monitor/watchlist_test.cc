#include "monitor/watchlist.h"

#include <algorithm>
#include <set>
#include <string>

#include "monitor/suffix_index.h"
#include "tests/support/catch.h"
#include "x509/der.h"

namespace ct::monitor {
namespace {

using x509::Name;
using x509::NameKind;

Watchlist watchlist_of(std::initializer_list<const char*> patterns) {
  std::vector<alerts::Watch> watches;
  for (const char* p : patterns) {
    auto watch = parse_watch(p, true);
    CAPTURE(p);
    REQUIRE(watch);
    watches.push_back(std::move(*watch));
  }
  return Watchlist(std::move(watches));
}

Name name_of(NameKind kind, std::string_view value, std::uint8_t tag = 0) {
  return {kind, tag, as_bytes(value)};
}

// The patterns of the watches that a name concerns.
std::set<std::string> hits(const Watchlist& list, const Name& name) {
  const auto matches = list.match(name).list;
  std::set<std::string> out;
  for (const NameMatch& m : matches) {
    CHECK_FALSE(m.name.empty());
    CHECK_FALSE(m.why.empty());
    INFO("each watch once");
    CHECK(out.insert(list.watches()[m.watch].pattern).second);
  }
  // The bulk question may say yes too often, never no.
  if (!out.empty()) CHECK(list.may_match(name));
  return out;
}
std::set<std::string> dns_hits(const Watchlist& list, std::string_view value) {
  return hits(list, name_of(NameKind::kDns, value));
}

using Set = std::set<std::string>;

}  // namespace

TEST_CASE("a watch hears of its name and all below it",
          "[monitor][watchlist]") {
  const Watchlist list = watchlist_of({"example.com", "=www.example.org"});
  CHECK(dns_hits(list, "example.com") == Set{"example.com"});
  CHECK(dns_hits(list, "a.b.example.com") == Set{"example.com"});
  CHECK(dns_hits(list, "notexample.com").empty());
  CHECK(dns_hits(list, "example.com.evil.net").empty());
  CHECK(dns_hits(list, "com").empty());
  CHECK(dns_hits(list, "www.example.org") == Set{"=www.example.org"});
  CHECK(dns_hits(list, "a.www.example.org").empty());
  CHECK(dns_hits(list, "example.org").empty());
}

TEST_CASE("wildcards hit what they would cover", "[monitor][watchlist]") {
  const Watchlist list = watchlist_of(
      {"=www.example.com", "www.example.com", "example.com", "example.net"});
  CHECK(dns_hits(list, "*.example.com") ==
        Set{"=www.example.com", "www.example.com", "example.com"});
  CHECK(dns_hits(list, "*.com") == Set{"example.com"});
  CHECK(dns_hits(list, "*.www.example.com") ==
        Set{"www.example.com", "example.com"});
  CHECK(dns_hits(list, "w*.example.com") ==
        Set{"=www.example.com", "www.example.com", "example.com"});
  CHECK(dns_hits(list, "?.example.com") ==
        Set{"=www.example.com", "www.example.com", "example.com"});
  CHECK(dns_hits(list, "foo.*.example.com") ==
        Set{"www.example.com", "example.com"});
  CHECK(dns_hits(list, "*.*").size() == 2);
  CHECK(dns_hits(list, "*.org").empty());

  auto matches = list.match_host("*.com").list;
  REQUIRE(matches.size() == 1);
  CHECK(matches[0].covers);
  CHECK(matches[0].why == "is a wildcard that covers example.com");
  matches = list.match_host("*.a.example.net").list;
  REQUIRE(matches.size() == 1);
  CHECK_FALSE(matches[0].covers);
  CHECK(matches[0].why == "lies below example.net");
}

TEST_CASE("odd spellings of a host name are seen through",
          "[monitor][watchlist]") {
  using namespace std::string_literals;
  const Watchlist list = watchlist_of({"example.com", "bücher.example"});
  for (const std::string& odd :
       {"EXAMPLE.com"s, "example.com."s, " example.com\n"s,
        "https://www.example.com/path"s, "www.example.com:443"s,
        "example.com\0.evil.net"s, "evil.net example.com"s,
        "user@www.example.com"s}) {
    CAPTURE(odd);
    CHECK(dns_hits(list, odd) == Set{"example.com"});
  }
  const Set books{"xn--bcher-kva.example"};
  CHECK(dns_hits(list, "www.xn--bcher-kva.example") == books);
  CHECK(dns_hits(list,
                 "b\xc3\xbc"
                 "cher.example") == books);
  CHECK(dns_hits(list,
                 "b\xfc"
                 "cher.example") == books);
  CHECK(dns_hits(list, "XN--BCHER-KVA.example") == books);
}

TEST_CASE("common names and URIs name hosts too", "[monitor][watchlist]") {
  const Watchlist list = watchlist_of({"example.com", "192.0.2.7"});
  using x509::tag::kBmpString;
  using x509::tag::kPrintableString;
  CHECK(hits(list, name_of(NameKind::kCommonName, "www.example.com",
                           kPrintableString)) == Set{"example.com"});
  std::string wide;
  for (const char c : std::string("example.com")) wide += {'\0', c};
  CHECK(hits(list, name_of(NameKind::kCommonName, wide, kBmpString)) ==
        Set{"example.com"});
  CHECK(
      hits(list, name_of(NameKind::kUri, "https://u@www.example.com:8443/x")) ==
      Set{"example.com"});
  CHECK(hits(list, name_of(NameKind::kUri, "https://192.0.2.7/")) ==
        Set{"192.0.2.7"});
  CHECK(hits(list, name_of(NameKind::kCommonName, "192.0.2.7",
                           kPrintableString)) == Set{"192.0.2.7"});
  CHECK(hits(list, name_of(NameKind::kUri, "urn:uuid:1")).empty());
  CHECK(hits(list,
             name_of(NameKind::kOrganization, "example.com", kPrintableString))
            .empty());
}

TEST_CASE("mail addresses concern mail watches only", "[monitor][watchlist]") {
  const Watchlist list = watchlist_of({"@example.com", "example.com"});
  const auto mail = [](std::string_view value) {
    return name_of(NameKind::kEmail, value);
  };
  CHECK(hits(list, mail("a@example.com")) == Set{"@example.com"});
  CHECK(hits(list, mail("a@b.EXAMPLE.com")) == Set{"@example.com"});
  CHECK(hits(list, mail("\"a@b\"@example.com")) == Set{"@example.com"});
  CHECK(hits(list, mail("Somebody <a@example.com>")) == Set{"@example.com"});
  CHECK(hits(list, mail("a@x.net, b@example.com")) == Set{"@example.com"});
  CHECK(hits(list, mail("example.com")) == Set{"@example.com"});
  CHECK(hits(list, mail("a@notexample.com")).empty());
  CHECK(hits(list, mail("example.com@evil.net")).empty());
  CHECK(hits(list, name_of(NameKind::kEmailAttribute, "a@example.com",
                           x509::tag::kIa5String)) == Set{"@example.com"});
  CHECK(hits(list, name_of(NameKind::kCommonName, "a@example.com",
                           x509::tag::kUtf8String)) ==
        Set{"@example.com", "example.com"});
  CHECK(dns_hits(list, "example.com") == Set{"example.com"});
}

TEST_CASE("addresses are found in networks of every length",
          "[monitor][watchlist]") {
  using namespace std::string_view_literals;
  const Watchlist list =
      watchlist_of({"192.0.2.0/24", "192.0.2.7", "10.0.0.0/8", "2001:db8::/32",
                    "2001:db8::1", "0.0.0.0/0"});
  const auto ip = [](std::string_view octets) {
    return name_of(NameKind::kIp, octets);
  };
  CHECK(hits(list, ip("\xc0\x00\x02\x07"sv)) ==
        Set{"192.0.2.0/24", "192.0.2.7", "0.0.0.0/0"});
  CHECK(hits(list, ip("\xc0\x00\x03\x07"sv)) == Set{"0.0.0.0/0"});
  CHECK(hits(list, ip("\x0a\xff\xff\xff"sv)) == Set{"10.0.0.0/8", "0.0.0.0/0"});
  CHECK(hits(list, ip("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"sv)) ==
        Set{"2001:db8::/32", "2001:db8::1"});
  CHECK(hits(list, ip("\x20\x01\x0d\xb9\0\0\0\0\0\0\0\0\0\0\0\x01"sv)).empty());
  INFO("IPv4 within IPv6");
  CHECK(hits(list, ip("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\x00\x02\x07"sv)) ==
        Set{"192.0.2.0/24", "192.0.2.7", "0.0.0.0/0"});
  INFO("against the rules: with a mask, as text, as a DNS name");
  CHECK(hits(list, ip("\x0a\x01\x02\x03\xff\xff\xff\xff"sv)) ==
        Set{"10.0.0.0/8", "0.0.0.0/0"});
  CHECK(hits(list, ip("10.1.2.3")) == Set{"10.0.0.0/8", "0.0.0.0/0"});
  CHECK(dns_hits(list, "10.1.2.3") == Set{"10.0.0.0/8", "0.0.0.0/0"});
  CHECK(dns_hits(list, "2001:DB8::1") == Set{"2001:db8::/32", "2001:db8::1"});
  CHECK(dns_hits(list, "[2001:db8::2]") == Set{"2001:db8::/32"});
  CHECK(hits(list, ip("")).empty());
  CHECK(hits(list, ip("abc")).empty());
}

TEST_CASE("organisations match as a whole, however they are written",
          "[monitor][watchlist]") {
  const Watchlist list = watchlist_of({"org:Example  Ltd"});
  CHECK(list.watches()[0].pattern == "org:Example  Ltd");
  const auto org = [](std::string_view value) {
    return name_of(NameKind::kOrganization, value, x509::tag::kUtf8String);
  };
  CHECK(hits(list, org("EXAMPLE Ltd")).size() == 1);
  CHECK(hits(list, org("Example Ltd Holding")).empty());
  CHECK(hits(list, org("Example")).empty());
}

TEST_CASE("names are found in bytes that do not parse",
          "[monitor][watchlist]") {
  using namespace std::string_literals;
  const Watchlist list = watchlist_of({"example.com", "@example.com"});
  const std::string bytes =
      "\x30\x82\xff\x13\x0fwww.example.com\x31\x00garbage"s;
  const auto matches = list.match_bytes(as_bytes(bytes)).list;
  REQUIRE(matches.size() == 2);
  for (const NameMatch& m : matches) {
    CHECK(m.in_bytes);
    CHECK_THAT(m.why, ContainsSubstring("do not parse"));
  }
  CHECK(list.match_bytes(as_bytes("\x30\x03nothing.here")).empty());
}

TEST_CASE("an empty watchlist matches nothing", "[monitor][watchlist]") {
  const Watchlist list({});
  CHECK(list.watches().empty());
  for (const NameKind kind :
       {NameKind::kDns, NameKind::kEmail, NameKind::kUri, NameKind::kIp,
        NameKind::kDirectory, NameKind::kOtherName, NameKind::kCommonName,
        NameKind::kOrganization, NameKind::kEmailAttribute}) {
    CHECK(hits(list, name_of(kind, "*.example.com")).empty());
    CHECK_FALSE(list.may_match(name_of(kind, "Example Ltd, a@b.c")));
  }
}

TEST_CASE("what wildcards leave out is counted", "[monitor][watchlist]") {
  std::vector<alerts::Watch> watches;
  for (int i = 0; i < 2'500; ++i) {
    watches.push_back(*parse_watch("n" + std::to_string(i) + ".com", false));
  }
  const Watchlist list(std::move(watches));
  const auto match = [&](std::initializer_list<std::string_view> values) {
    std::vector<Name> names;
    for (const auto v : values) names.push_back(name_of(NameKind::kDns, v));
    return list.match(names);
  };
  const Matches all = match({"*.com"});
  CHECK(all.list.size() == 1'000);
  CHECK(all.left_out == 1'500);
  CHECK(all.left_out_by == std::vector<std::string>{"*.com"});
  CHECK_FALSE(all.empty());
  INFO("given twice it counts once");
  const Matches twice = match({"*.com", "n1.com", "*.COM"});
  CHECK(twice.list.size() == 1'001);
  CHECK(twice.left_out == 1'500);
  INFO("no name is passed over for a wildcard before it");
  const auto plain = std::ranges::find(
      twice.list, "n1.com", [](const NameMatch& m) { return m.name; });
  REQUIRE(plain != twice.list.end());
  CHECK(plain->why == "is the watched name");
  INFO("one that covers watches that are listed leaves none out");
  CHECK(match({"n10*.com", "n11*.com", "n1?0*.com"}).left_out == 0);
  const Matches overlapping = match({"n10*.com", "*1.com", "n*.com"});
  CHECK(overlapping.list.size() > 1'000);
  CHECK(overlapping.left_out == 1'500);
  CHECK(overlapping.left_out_by == std::vector<std::string>{"n*.com"});

  CHECK(match({"*.org", "example.com"}).empty());
  CHECK(list.match_bytes(as_bytes("\x16\x05*.com")).left_out == 1'500);
}

TEST_CASE("a hostile certificate's matches are bounded",
          "[monitor][watchlist]") {
  std::vector<alerts::Watch> watches;
  for (int i = 0; i < 100; ++i) {
    watches.push_back(*parse_watch("n" + std::to_string(i) + ".com", false));
  }
  const Watchlist list(std::move(watches));
  const auto match_all = [&](const std::vector<std::string>& values) {
    std::vector<Name> names;
    for (const auto& v : values) names.push_back(name_of(NameKind::kDns, v));
    return list.match(names);
  };
  std::vector<std::string> values;
  for (int i = 0; i < 1'000; ++i) {
    values.push_back(std::string(static_cast<std::size_t>(i), 'a') + ".*.com");
  }
  Matches m = match_all(values);
  CHECK(m.list.size() == 100 * Matches::kMaxCoverings);
  INFO("those that were looked at no more count, though they are listed");
  CHECK(m.left_out == 1'000 * 100 - WildcardCost::kMaxExamined);
  CHECK(m.left_out_by.size() == Matches::kMaxLeftOutBy);

  values.clear();
  for (std::size_t i = 0; i < Matches::kMaxMatches + 10; ++i) {
    values.push_back(std::to_string(i) + ".n1.com");
  }
  m = match_all(values);
  CHECK(m.list.size() == Matches::kMaxMatches);
  CHECK(m.left_out == 10);
}

TEST_CASE("patterns say what to watch", "[monitor][parse_watch]") {
  using alerts::WatchKind;
  struct Case {
    const char* pattern;
    WatchKind kind;
    const char* value;
    const char* shown;
  };
  for (const Case& c : {
           Case{"example.com", WatchKind::kSubtree, "example.com",
                "example.com"},
           Case{" Example.COM. ", WatchKind::kSubtree, "example.com",
                "example.com"},
           Case{"*.example.com", WatchKind::kSubtree, "example.com",
                "example.com"},
           Case{".example.com", WatchKind::kSubtree, "example.com",
                "example.com"},
           Case{"=WWW.example.com", WatchKind::kExact, "www.example.com",
                "=www.example.com"},
           Case{"bücher.example", WatchKind::kSubtree, "xn--bcher-kva.example",
                "xn--bcher-kva.example"},
           Case{"192.0.2.0/24", WatchKind::kIp, "192.0.2.0/24", "192.0.2.0/24"},
           Case{"192.0.2.1", WatchKind::kIp, "192.0.2.1/32", "192.0.2.1"},
           Case{"2001:DB8::1", WatchKind::kIp, "2001:db8::1/128",
                "2001:db8::1"},
           Case{"::ffff:192.0.2.0/120", WatchKind::kIp, "192.0.2.0/24",
                "192.0.2.0/24"},
           Case{"@Example.com", WatchKind::kEmail, "example.com",
                "@example.com"},
           Case{"org: Example Ltd ", WatchKind::kOrganization, "example ltd",
                "org:Example Ltd"},
           Case{"ORG:x", WatchKind::kOrganization, "x", "org:x"},
       }) {
    CAPTURE(c.pattern);
    const auto watch = parse_watch(c.pattern, false);
    REQUIRE(watch);
    CHECK(watch->kind == c.kind);
    CHECK(watch->value == c.value);
    CHECK(watch->pattern == c.shown);
    CHECK(watch->id.size() == 16);
    const auto again = parse_watch(watch->pattern, false);
    REQUIRE(again);
    CHECK(again->id == watch->id);
  }
  CHECK(parse_watch("example.com", false)->id !=
        parse_watch("=example.com", false)->id);
}

TEST_CASE("patterns that cannot be are refused with a way out",
          "[monitor][parse_watch]") {
  const auto refusal = [](std::string_view pattern) {
    const auto watch = parse_watch(pattern, false);
    CAPTURE(std::string(pattern));
    REQUIRE_FALSE(watch);
    CHECK(watch.error().code == Errc::kUsage);
    return watch.error().what;
  };
  CHECK_THAT(refusal(""), ContainsSubstring("example.com"));
  CHECK_THAT(refusal("  "), ContainsSubstring("example.com"));
  for (const char* suffix :
       {"com", "=com", "@com", "co.uk", "*.co.uk", "github.io", "COM."}) {
    CHECK_THAT(refusal(suffix), ContainsSubstring("--force"));
    CHECK(parse_watch(suffix, true));
  }
  CHECK_THAT(refusal("0.0.0.0/0"), ContainsSubstring("--force"));
  CHECK(parse_watch("::/0", true));
  CHECK_THAT(refusal("192.0.2.7/24"), ContainsSubstring("192.0.2.0/24"));
  CHECK_THAT(refusal("192.0.2.0/33"), ContainsSubstring("32"));
  CHECK_THAT(refusal("192.0.2.0/"), ContainsSubstring("32"));
  CHECK_THAT(refusal("192.0.2.0/-1"), ContainsSubstring("32"));
  CHECK_THAT(refusal("2001:db8::/129"), ContainsSubstring("128"));
  CHECK_THAT(refusal("192.0.2.999"), ContainsSubstring("not a host name"));
  CHECK_THAT(refusal("https://example.com/"), ContainsSubstring("host"));
  CHECK_THAT(refusal("user@example.com"),
             ContainsSubstring("\"@example.com\""));
  CHECK_THAT(refusal("www.*.example.com"), ContainsSubstring("first label"));
  CHECK_THAT(refusal("=*.example.com"),
             ContainsSubstring("without a wildcard"));
  CHECK_THAT(refusal("a..b"), ContainsSubstring("empty label"));
  CHECK_THAT(refusal("org:"), ContainsSubstring("org:Example Ltd"));
  CHECK_FALSE(parse_watch(std::string(100'000, 'a'), true));
  CHECK_FALSE(parse_watch(std::string("a.example\0.com", 14), true));
}

}  // namespace ct::monitor
