// The watchlist against the plain rules: every watch is asked about every
// name, nothing is looked up.
#include <algorithm>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>

#include "monitor/readings.h"
#include "monitor/terminal.h"
#include "monitor/watchlist.h"
#include "tests/monitor/host_rules.h"
#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "x509/der.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using alerts::WatchKind;
using x509::IpAddress;
using x509::Name;
using x509::NameKind;
using Random = std::mt19937;
using Texts = std::vector<std::string>;

// --- the rules ---

bool same_network(const IpAddress& a, const IpAddress& b, unsigned length) {
  if (a.size != b.size) return false;
  for (unsigned bit = 0; bit < length; ++bit) {
    if ((a.octets[bit / 8] ^ b.octets[bit / 8]) & (0x80u >> bit % 8)) {
      return false;
    }
  }
  return true;
}

// A name as far as it is to be compared: what its writer meant.
struct Meaning {
  std::vector<Texts> hosts, mail_domains;
  std::vector<IpAddress> ips;
  Texts organizations;  // in canonical form
};

// A watch taken apart.
struct Rule {
  WatchKind kind{};
  Texts labels;
  IpAddress ip;
  unsigned length = 0;
  std::string organization;
};

bool concerns(const Meaning& name, const Rule& rule) {
  const auto any = [](const auto& list, const auto& is) {
    return std::ranges::any_of(list, is);
  };
  switch (rule.kind) {
    case WatchKind::kSubtree:
    case WatchKind::kExact:
      return any(name.hosts, [&](const Texts& host) {
        return host_concerns(host, rule.labels,
                             rule.kind == WatchKind::kSubtree);
      });
    case WatchKind::kEmail:
      return any(name.mail_domains, [&](const Texts& domain) {
        return host_concerns(domain, rule.labels, true);
      });
    case WatchKind::kIp:
      return any(name.ips, [&](const IpAddress& ip) {
        return same_network(ip, rule.ip, rule.length);
      });
    case WatchKind::kOrganization:
      return any(name.organizations,
                 [&](const auto& o) { return o == rule.organization; });
  }
  return false;
}

// Watches and what they mean; each only once.
struct Watched {
  std::vector<Watch> watches;
  std::vector<Rule> rules;
  std::set<std::string> ids;

  // False: it is no pattern, or there already.
  bool add(const std::string& pattern, Rule rule) {
    auto watch = parse_watch(pattern, true);
    if (!watch || !ids.insert(watch->id).second) return false;
    rule.kind = watch->kind;
    watches.push_back(std::move(*watch));
    rules.push_back(std::move(rule));
    return true;
  }
};

// How many watches a name concerns, the list and the rules agreeing.
std::size_t check(const Watchlist& list, const std::vector<Rule>& rules,
                  const Name& name, const Meaning& meaning) {
  std::set<std::uint32_t> expected, found;
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    if (concerns(meaning, rules[i])) expected.insert(i);
  }
  const Matches found_matches = list.match(name);
  REQUIRE(found_matches.left_out == 0);
  const auto& matches = found_matches.list;
  for (const NameMatch& m : matches) found.insert(m.watch);
  const auto patterns = [&](const std::set<std::uint32_t>& of) {
    Texts out;
    for (const std::uint32_t i : of) out.push_back(list.watches()[i].pattern);
    return out;
  };
  CAPTURE(to_string(name.kind), printable(as_text(name.value)));
  REQUIRE(patterns(found) == patterns(expected));
  REQUIRE(matches.size() == found.size());
  if (!expected.empty()) REQUIRE(list.may_match(name));
  return expected.size();
}

// --- names and watches of our own making ---

template <class T>
const T& pick(const std::vector<T>& from, Random& random) {
  return from[random() % from.size()];
}
bool one_in(unsigned n, Random& random) { return random() % n == 0; }

// A label as it is meant, and as it may be written.
struct Label {
  std::string meant, written;
};

Label random_label(Random& random) {
  static const Texts kPlain = {"com",
                               "de",
                               "a",
                               "b",
                               "ab",
                               "aab",
                               "ba",
                               "example",
                               "www",
                               "com-de",
                               "x_y",
                               "a1",
                               "b-",
                               "xn--a-0",
                               "7a",
                               "mail",
                               "a-label-of-more-than-eight-bytes"};
  if (one_in(8, random))
    return {"xn--bcher-kva",
            "b\xc3\xbc"
            "cher"};
  if (one_in(12, random)) return {"xn--bcher-kva", "xn--bcher-kva"};
  const std::string& label = pick(kPlain, random);
  return {label, label};
}

struct Host {
  Texts meant;
  std::string written;
};

Host random_host(Random& random, bool with_wildcards) {
  static const Texts kOdd = {"*", "?", "a*", "*b", "a*b", "*a*", "**", "*-*"};
  Host out;
  const std::size_t n = 1 + random() % 5;
  for (std::size_t i = 0; i < n; ++i) {
    Label label = random_label(random);
    if (with_wildcards && i == 0 && one_in(3, random)) {
      label = {"*", "*"};
    } else if (with_wildcards && one_in(10, random)) {
      label.meant = label.written = pick(kOdd, random);
    }
    out.meant.push_back(label.meant);
    if (i != 0) out.written += '.';
    out.written += label.written;
  }
  if (one_in(5, random)) {
    for (char& c : out.written) {
      if (c >= 'a' && c <= 'z' && one_in(2, random)) c -= 'a' - 'A';
    }
  }
  return out;
}

// Near one another, so that networks of every length tell some apart.
IpAddress random_ip(Random& random) {
  IpAddress ip;
  ip.size = one_in(2, random) ? 4 : 16;
  const std::array<std::uint8_t, 16> v6 = {0x20, 0x01, 0x0d, 0xb8};
  if (ip.size == 4) {
    ip.octets = {192, 0, 2, 7};
  } else {
    ip.octets = v6;
  }
  for (std::size_t flips = random() % 3; flips > 0; --flips) {
    // Not the first bits of IPv6: those tell IPv4 within it.
    const unsigned begin = ip.size == 4 ? 0 : 16;
    const unsigned bit = begin + random() % (ip.size * 8 - begin);
    ip.octets[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
  }
  return ip;
}

struct Organization {
  std::string meant, written;
};
Organization random_organization(Random& random) {
  static const Texts kWords = {"example", "ltd", "gmbh", "a", "b.com"};
  Organization out;
  for (std::size_t i = 0, n = 1 + random() % 3; i < n; ++i) {
    const std::string& word = pick(kWords, random);
    out.meant += (i == 0 ? "" : " ") + word;
    out.written += (i == 0 ? "" : one_in(3, random) ? "  " : " ") + word;
  }
  if (one_in(2, random)) {
    for (char& c : out.written) {
      if (c >= 'a' && c <= 'z' && one_in(2, random)) c -= 'a' - 'A';
    }
  }
  return out;
}

void add_random_watch(Watched& watched, Random& random) {
  Rule rule;
  switch (random() % 6) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const Host host = random_host(random, false);
      rule.labels = host.meant;
      const Texts prefixes = {"", "*.", ".", "=", "= ", "@"};
      watched.add(pick(prefixes, random) + host.written +
                      (one_in(4, random) ? "." : ""),
                  rule);
      return;
    }
    case 4: {
      rule.ip = random_ip(random);
      const unsigned shortest = rule.ip.size == 4 ? 0 : 16;
      const unsigned bits = rule.ip.size * 8;
      rule.length = shortest + random() % (bits - shortest + 1);
      watched.add(rule.length == bits ? x509::format_ip(rule.ip)
                                      : network_text(rule.ip, rule.length),
                  rule);
      return;
    }
    default: {
      const Organization o = random_organization(random);
      rule.organization = o.meant;
      watched.add("org:" + o.written, rule);
    }
  }
}

// A name in some field, and what it means.
struct MadeName {
  NameKind kind = NameKind::kDns;
  std::uint8_t tag = 0;
  std::string value;
  Meaning meaning;

  [[nodiscard]] Name view() const { return {kind, tag, as_bytes(value)}; }
};

MadeName made_host(Random& random) {
  MadeName out;
  const unsigned field = random() % 4;
  const Host host = random_host(random, field != 0);
  out.meaning.hosts = {host.meant};
  out.value = host.written;
  if (field == 0) {
    out.kind = NameKind::kUri;
    out.value = "https://" + host.written + (one_in(2, random) ? ":8443" : "") +
                "/path";
  } else if (field == 1) {
    out.kind = NameKind::kCommonName;
    out.tag = x509::tag::kUtf8String;
  } else if (one_in(6, random)) {
    out.value = ' ' + host.written + (one_in(2, random) ? ".\n" : "\n");
  }
  return out;
}

MadeName made_mail(Random& random) {
  MadeName out;
  const Host host = random_host(random, true);
  out.meaning.mail_domains = {host.meant};
  out.kind = NameKind::kEmail;
  if (one_in(2, random)) {
    out.kind = NameKind::kEmailAttribute;
    out.tag = x509::tag::kUtf8String;
  }
  out.value = "com@" + host.written;
  if (one_in(4, random)) out.value = "Somebody <" + out.value + '>';
  return out;
}

MadeName made_ip(Random& random) {
  MadeName out;
  const IpAddress ip = random_ip(random);
  out.meaning.ips = {ip};
  const std::string octets(reinterpret_cast<const char*>(ip.octets.data()),
                           ip.size);
  const std::string text = x509::format_ip(ip);
  switch (random() % 5) {
    case 0:
      out.kind = NameKind::kDns;
      out.value = text;
      break;
    case 1:
      out.kind = NameKind::kCommonName;
      out.tag = x509::tag::kPrintableString;
      out.value = text;
      break;
    case 2:
      out.kind = NameKind::kUri;
      out.value = "https://" + (ip.size == 4 ? text : '[' + text + ']') + "/x";
      break;
    default:
      out.kind = NameKind::kIp;
      out.value = octets;
      if (ip.size == 4 && one_in(2, random)) {
        out.value = std::string(10, '\0') + "\xff\xff" + octets;
      }
  }
  return out;
}

MadeName made_name(Random& random) {
  switch (random() % 6) {
    case 0:
      return made_mail(random);
    case 1:
      return made_ip(random);
    case 2: {
      const Organization o = random_organization(random);
      MadeName out;
      out.kind = NameKind::kOrganization;
      out.tag = x509::tag::kUtf8String;
      out.value = o.written;
      out.meaning.organizations = {o.meant};
      return out;
    }
    default:
      return made_host(random);
  }
}

}  // namespace

TEST_CASE("the watchlist finds what the rules say, for names of every kind",
          "[monitor][watchlist]") {
  const unsigned seed = GENERATE(1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u);
  CAPTURE(seed);
  Random random(seed);
  Watched watched;
  for (unsigned i = 0; i < seed * 60; ++i) add_random_watch(watched, random);
  const Watchlist list(watched.watches);

  std::map<NameKind, std::size_t> matched;
  for (int i = 0; i < 3'000; ++i) {
    const MadeName name = made_name(random);
    matched[name.kind] += check(list, watched.rules, name.view(), name.meaning);
  }
  for (const auto& [kind, n] : matched) {
    CAPTURE(to_string(kind));
    CHECK((n > 0 || seed == 1));
  }
  CHECK(matched.size() == 7);
}

// --- names of recorded certificates ---

namespace {

// All certificates below the folder that parse.
std::vector<Bytes> recorded_certificates() {
  std::vector<Bytes> out;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           test::shared_path("certs"))) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  for (const auto& path : paths) {
    const std::string content = test::read_file(path);
    auto blocks = x509::from_pem("CERTIFICATE", content);
    if (!blocks) continue;
    if (blocks->empty()) {
      blocks->emplace_back(content.begin(), content.end());
    }
    for (Bytes& der : *blocks) {
      if (x509::parse_certificate(der)) out.push_back(std::move(der));
    }
  }
  return out;
}

// What a recorded name may mean is what x509 and the readings say, which have
// tests of their own; here it is the index that is compared.
Meaning meaning_of(const Name& name) {
  Meaning out;
  for (const auto& host : all_host_readings(name)) {
    out.hosts.push_back(labels_of(host));
  }
  for (const auto& mail : mail_readings(name)) {
    out.mail_domains.push_back(labels_of(mail.domain));
  }
  out.ips = ip_readings(name);
  if (auto o = organization_reading(name)) {
    out.organizations.push_back(std::move(*o));
  }
  return out;
}

// Watches something near the name: itself, a parent, a neighbour.
void watch_nearby(Watched& watched, const Name& name, Random& random) {
  Rule rule;
  const auto add_host = [&](const std::string& prefix, std::string host) {
    const auto dot = host.find('.');
    if (one_in(2, random) && dot != host.npos) host.erase(0, dot + 1);
    if (one_in(3, random)) host = "www." + host;
    const auto canonical = x509::canonical_host(host);
    if (!canonical || canonical->find_first_of("*?") != host.npos) return;
    // Addresses and networks are watched below.
    if (looks_like_ip(*canonical)) return;
    rule.labels = labels_of(*canonical);
    watched.add(prefix + *canonical, rule);
  };
  for (const auto& host : all_host_readings(name)) {
    add_host(one_in(2, random) ? "=" : "", host);
  }
  for (const auto& mail : mail_readings(name)) add_host("@", mail.domain);
  for (const IpAddress& ip : ip_readings(name)) {
    rule.ip = ip;
    rule.length = random() % (ip.size * 8 + 1);
    watched.add(network_text(ip, rule.length), rule);
  }
  if (const auto o = organization_reading(name)) {
    rule.organization = *o;
    watched.add("org:" + *o, rule);
  }
}

}  // namespace

TEST_CASE("the watchlist finds what the rules say of recorded certificates",
          "[monitor][watchlist][recorded]") {
  if (!test::have_shared_data()) return;
  const unsigned seed = GENERATE(1u, 2u, 3u);
  CAPTURE(seed);
  Random random(seed);
  const std::vector<Bytes> certificates = recorded_certificates();
  REQUIRE(certificates.size() > 1'000);
  std::vector<Name> names;
  for (const Bytes& der : certificates) {
    const auto certificate = x509::parse_certificate(der);
    REQUIRE(certificate);
    names.insert(names.end(), certificate->names.begin(),
                 certificate->names.end());
  }
  std::ranges::shuffle(names, random);
  if (names.size() > 4'000) names.resize(4'000);

  Watched watched;
  for (std::size_t i = 0; i < names.size(); i += 10) {
    watch_nearby(watched, names[i], random);
  }
  const Watchlist list(watched.watches);
  std::size_t matched = 0;
  for (const Name& name : names) {
    matched += check(list, watched.rules, name, meaning_of(name));
  }
  CHECK(matched > watched.watches.size() / 2);
}

}  // namespace ct::monitor
