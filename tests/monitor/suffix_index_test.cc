#include "monitor/suffix_index.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <string>

#include "monitor/wildcard.h"
#include "tests/monitor/host_rules.h"
#include "tests/support/catch.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using alerts::WatchKind;

Watch watch_of(WatchKind kind, std::string value) {
  Watch w;
  w.kind = kind;
  w.value = std::move(value);
  return w;
}

std::vector<std::uint32_t> all_of(const std::vector<Watch>& watches) {
  std::vector<std::uint32_t> out(watches.size());
  std::iota(out.begin(), out.end(), 0);
  return out;
}

std::set<std::uint32_t> matches_of(const SuffixIndex& index,
                                   std::string_view host) {
  std::set<std::uint32_t> out;
  WildcardCost cost;
  const auto left_out = index.match(host, cost, [&](std::uint32_t w, auto) {
    INFO("each watch is visited once");
    CHECK(out.insert(w).second);
  });
  CHECK(left_out == 0);
  return out;
}

bool concerns(std::string_view host, const Watch& watch) {
  return host_concerns(labels_of(host), labels_of(watch.value),
                       watch.kind == WatchKind::kSubtree);
}

std::set<std::uint32_t> scan(const std::vector<Watch>& watches,
                             std::string_view host) {
  std::set<std::uint32_t> out;
  for (std::uint32_t i = 0; i < watches.size(); ++i) {
    if (concerns(host, watches[i])) out.insert(i);
  }
  return out;
}

template <class T>
const T& pick(const std::vector<T>& from, std::mt19937& random) {
  return from[random() % from.size()];
}

std::string random_name(std::mt19937& random, bool with_wildcards) {
  static const std::vector<std::string> kLabels = {
      "com",    "de",    "a",
      "b",      "ab",    "ba",
      "aab",    "www",   "example",
      "com-de", "xn--a", "a-very-long-label-of-more-than-eight-bytes"};
  static const std::vector<std::string> kOdd = {
      "*", "?", "a*", "*b", "a*b", "w?w", "*a*", "**", "x*", "*-long-*"};
  std::string out;
  const std::size_t n = 1 + random() % 5;
  for (std::size_t i = 0; i < n; ++i) {
    if (i != 0) out += '.';
    if (with_wildcards && i == 0 && random() % 3 == 0) {
      out += '*';
    } else if (with_wildcards && random() % 8 == 0) {
      out += pick(kOdd, random);
    } else {
      out += pick(kLabels, random);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the index finds what a scan over all watches finds",
          "[monitor][suffix_index]") {
  const unsigned seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u);
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::vector<Watch> watches;
  const std::size_t count = seed == 1 ? 1 : seed * 60;
  for (std::size_t i = 0; i < count; ++i) {
    watches.push_back(
        watch_of(random() % 2 == 0 ? WatchKind::kSubtree : WatchKind::kExact,
                 random_name(random, false)));
  }
  const SuffixIndex index(watches, all_of(watches));

  std::size_t matched = 0;
  for (int i = 0; i < 4'000; ++i) {
    const std::string host = random_name(random, true);
    CAPTURE(host);
    const auto expected = scan(watches, host);
    matched += expected.size();
    REQUIRE(matches_of(index, host) == expected);
    if (!expected.empty()) REQUIRE(index.may_match(host));
    if (host.find_first_of("*?") == std::string::npos) {
      REQUIRE(index.may_match(host) == !expected.empty());
    }
  }
  CHECK(matched > 0);
}

TEST_CASE("the bulk question is exact for wildcards in their usual place",
          "[monitor][suffix_index]") {
  const std::vector<Watch> watches = {
      watch_of(WatchKind::kSubtree, "www.example.com"),
      watch_of(WatchKind::kExact, "mail.example.org")};
  const SuffixIndex index(watches, all_of(watches));
  CHECK(index.may_match("*.example.com"));
  CHECK(index.may_match("*.example.org"));
  CHECK(index.may_match("*.www.example.com"));
  CHECK_FALSE(index.may_match("*.com"));
  CHECK_FALSE(index.may_match("*.mail.example.org"));
  CHECK_FALSE(index.may_match("*.example.net"));
  CHECK_FALSE(index.may_match("example.com"));
  CHECK_FALSE(index.may_match(""));
  CHECK_FALSE(index.may_match("*"));
}

TEST_CASE("an empty index matches nothing", "[monitor][suffix_index]") {
  const SuffixIndex index({}, {});
  CHECK(index.empty());
  CHECK_FALSE(index.may_match("example.com"));
  CHECK_FALSE(index.may_match("w*.example.com"));
  CHECK(matches_of(index, "*.com").empty());
}

TEST_CASE("only the given watches are indexed", "[monitor][suffix_index]") {
  const std::vector<Watch> watches = {
      watch_of(WatchKind::kSubtree, "example.com"),
      watch_of(WatchKind::kEmail, "example.org")};
  const SuffixIndex index(watches, {1});
  CHECK(matches_of(index, "a.example.com").empty());
  CHECK(matches_of(index, "a.example.org") == std::set<std::uint32_t>{1});
}

TEST_CASE("what a wildcard over very many watches leaves out is counted",
          "[monitor][suffix_index]") {
  std::vector<Watch> watches;
  for (int i = 0; i < 60'000; ++i) {
    watches.push_back(
        watch_of(WatchKind::kSubtree,
                 'n' + std::to_string(i) + (i < 3'000 ? ".com" : ".net")));
  }
  const SuffixIndex index(watches, all_of(watches));
  struct Found {
    std::set<std::string> names;
    std::size_t left_out = 0;
    bool operator==(const Found&) const = default;
  };
  const auto look_up = [&](const SuffixIndex& in, std::string_view host,
                           WildcardCost& cost) {
    Found found;
    found.left_out = in.match(host, cost, [&](std::uint32_t w, auto) {
      found.names.insert(watches[w].value);
    });
    return found;
  };
  const auto fresh = [&](std::string_view host) {
    WildcardCost cost;
    return look_up(index, host, cost);
  };
  for (const char* host : {"*.com", "a.*.com", "n*.com", "?.com"}) {
    CAPTURE(host);
    CHECK(fresh(host).names.size() == 1'000);
    CHECK(fresh(host).left_out == 2'000);
  }
  CHECK(fresh("n1.com") == Found{{"n1.com"}, 0});
  CHECK(fresh("*.net").left_out == 56'000);
  INFO("compared with 50,000 of 57,000, of which one is covered");
  CHECK(fresh("*n3000.net") == Found{{"n3000.net"}, 7'000});

  INFO("all names of a certificate together");
  WildcardCost cost;
  const Found first = look_up(index, "*.com", cost);
  CHECK(look_up(index, "?.com", cost) == first);
  CHECK(look_up(index, "*.net", cost) == Found{{}, 57'000});
  CHECK(look_up(index, "n5.com", cost) == Found{{"n5.com"}, 0});

  INFO("the same ones, in whatever order the watches come");
  const Found before = fresh("*.com");
  std::ranges::reverse(watches);
  const SuffixIndex other(watches, all_of(watches));
  WildcardCost of_other;
  CHECK(look_up(other, "*.com", of_other) == before);
}

TEST_CASE("hostile names are looked up in bounded time",
          "[monitor][suffix_index]") {
  const std::vector<Watch> watches = {
      watch_of(WatchKind::kSubtree, "example.com"),
      watch_of(WatchKind::kExact, "www.example.com")};
  const SuffixIndex index(watches, all_of(watches));

  std::string many_labels;
  for (int i = 0; i < 10'000; ++i) many_labels += "a.";
  CHECK(matches_of(index, many_labels + "example.com").size() == 1);
  CHECK(matches_of(index, "*." + many_labels + "example.com").size() == 1);
  CHECK(matches_of(index, many_labels + "*.example.com").size() == 1);
  CHECK(matches_of(index, many_labels + "example.org").empty());
  CHECK_FALSE(index.may_match(many_labels + "org"));

  const std::string stars(64'000, '*');
  CHECK(matches_of(index, stars + ".example.com").size() == 2);
  std::string alternating;
  for (int i = 0; i < 32'000; ++i) alternating += "*a";
  CHECK(matches_of(index, alternating + ".example.com").size() == 1);
  std::string long_label(64'000, 'a');
  long_label += ".example.com";
  CHECK(matches_of(index, long_label).size() == 1);
  for (const char* odd : {".", "..", ".com", "com.", "*.", ".*", "a..com"}) {
    CAPTURE(odd);
    CHECK(matches_of(index, odd).empty());
  }
}

TEST_CASE("labels are told apart from their concatenation",
          "[monitor][suffix_index]") {
  const std::vector<Watch> watches = {
      watch_of(WatchKind::kExact, "ab.c.example"),
      watch_of(WatchKind::kExact, "12345678.9.example")};
  const SuffixIndex index(watches, all_of(watches));
  CHECK_FALSE(index.may_match("a.bc.example"));
  CHECK_FALSE(index.may_match("abc.example"));
  CHECK_FALSE(index.may_match("1234567.89.example"));
  CHECK_FALSE(index.may_match("c.example"));
  CHECK(index.may_match("ab.c.example"));
  CHECK(index.may_match("12345678.9.example"));
}

TEST_CASE("wildcards stand for one label each", "[monitor][wildcard]") {
  const auto covers = [](std::string_view pattern, std::string_view name,
                         bool and_below) {
    return HostPattern(pattern, 10).covers(name, and_below);
  };
  CHECK(covers("*.example.com", "www.example.com", false));
  CHECK_FALSE(covers("*.example.com", "example.com", false));
  CHECK(covers("*.example.com", "example.com", true));
  CHECK_FALSE(covers("*.example.com", "a.b.example.com", false));
  CHECK(covers("w*.example.com", "www.example.com", false));
  CHECK_FALSE(covers("w*.example.com", "api.example.com", false));
  CHECK(covers("foo.*.example.com", "foo.bar.example.com", false));
  CHECK(covers("?.example.com", "secret.example.com", false));
  CHECK(covers("*example.com", "example.com", false));
  // Labels beyond those kept still count.
  CHECK_FALSE(HostPattern("x.*.com", 2).covers("a.com", false));
  CHECK(HostPattern("x.*.com", 2).covers("a.com", true));
}

}  // namespace ct::monitor
