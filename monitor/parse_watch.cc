#include "base/ascii.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/network.h"
#include "monitor/readings.h"
#include "monitor/watchlist.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using alerts::WatchKind;

constexpr std::string_view kOrgPrefix = "org:";
constexpr std::size_t kMaxOrganization = 1'000;  // bytes; the database's limit

bool has_prefix_ignoring_case(std::string_view s, std::string_view prefix) {
  return equal_ignoring_case(s.substr(0, prefix.size()), prefix);
}

std::string in_quotes(std::string_view s) {
  return '"' + std::string(s.substr(0, 300)) + '"';
}

// The same watch always gets the same id, so files and databases agree.
Watch make_watch(WatchKind kind, std::string value) {
  Watch w;
  w.kind = kind;
  w.value = std::move(value);
  w.pattern = watch_pattern(kind, w.value);
  const std::string what =
      std::to_string(static_cast<int>(kind)) + ':' + w.value;
  w.id = to_hex(ByteView(sha256(as_bytes(what))).first(8));
  return w;
}

Result<Watch> host_watch(WatchKind kind, std::string_view typed, bool force) {
  std::string_view name = typed;
  if (kind != WatchKind::kExact) {
    if (name.starts_with("*.")) name.remove_prefix(2);
    if (name.starts_with('.')) name.remove_prefix(1);
  }
  auto host = x509::canonical_host(name);
  if (!host) {
    return fail(Errc::kUsage,
                "cannot watch " + in_quotes(typed) + ": " + host.error().what);
  }
  if (host->find_first_of("*?") != std::string::npos) {
    return fail(Errc::kUsage,
                "cannot watch " + in_quotes(typed) +
                    ": give the name without a wildcard; certificates with "
                    "wildcards that cover it are found");
  }
  if (!force && x509::is_public_suffix(*host)) {
    return fail(Errc::kUsage,
                in_quotes(*host) +
                    " is a public suffix, below which anybody may register "
                    "names; use --force to watch it all the same");
  }
  return make_watch(kind, std::move(*host));
}

// "192.0.2.0/24", "2001:db8::1".
Result<Watch> ip_watch(std::string_view typed, bool force) {
  const auto parsed = parse_network(typed);
  if (!parsed) {
    return fail(Errc::kUsage, "cannot watch " + in_quotes(typed) + ": " +
                                  parsed.error().what);
  }
  const std::string network = network_text(parsed->address, parsed->length);
  if (parsed->length == 0 && !force) {
    return fail(Errc::kUsage, in_quotes(network) +
                                  " holds every address; use --force to watch "
                                  "it all the same");
  }
  return make_watch(WatchKind::kIp, network);
}

Result<Watch> organization_watch(std::string_view typed) {
  std::string value = x509::canonical_organization(trimmed(typed));
  if (value.empty()) {
    return fail(Errc::kUsage,
                "org: needs a name behind it, as in \"org:Example Ltd\"");
  }
  if (value.size() > kMaxOrganization) {
    return fail(Errc::kUsage, "cannot watch an organisation whose name has " +
                                  std::to_string(value.size()) +
                                  " bytes: 1000 are the most");
  }
  Watch w = make_watch(WatchKind::kOrganization, std::move(value));
  w.pattern = std::string(kOrgPrefix) + std::string(trimmed(typed));
  return w;
}

}  // namespace

std::string watch_pattern(WatchKind kind, std::string_view value) {
  switch (kind) {
    case WatchKind::kSubtree:
      return std::string(value);
    case WatchKind::kExact:
      return '=' + std::string(value);
    case WatchKind::kIp: {
      const bool single = value.ends_with(
          value.find(':') == std::string_view::npos ? "/32" : "/128");
      return std::string(single ? value.substr(0, value.find('/')) : value);
    }
    case WatchKind::kEmail:
      return '@' + std::string(value);
    case WatchKind::kOrganization:
      return std::string(kOrgPrefix) + std::string(value);
  }
  return {};
}

Result<Watch> parse_watch(std::string_view pattern, bool force) {
  const std::string_view typed = trimmed(pattern);
  if (typed.empty()) {
    return fail(Errc::kUsage,
                "nothing to watch: give a name (\"example.com\", "
                "\"=example.com\"), a network (\"192.0.2.0/24\"), a mail "
                "domain (\"@example.com\") or an organisation "
                "(\"org:Example Ltd\")");
  }
  if (has_prefix_ignoring_case(typed, kOrgPrefix)) {
    return organization_watch(typed.substr(kOrgPrefix.size()));
  }
  if (typed.front() == '@') {
    return host_watch(WatchKind::kEmail, typed.substr(1), force);
  }
  const auto at = typed.rfind('@');
  if (at != std::string_view::npos) {
    return fail(Errc::kUsage, "cannot watch " + in_quotes(typed) +
                                  ": mail is watched by domain: " +
                                  in_quotes(typed.substr(at)));
  }
  const bool exact = typed.front() == '=';
  const std::string_view rest = exact ? trimmed(typed.substr(1)) : typed;
  if (rest.find('/') != std::string_view::npos || looks_like_ip(rest)) {
    return ip_watch(rest, force);
  }
  return host_watch(exact ? WatchKind::kExact : WatchKind::kSubtree, rest,
                    force);
}

}  // namespace ct::monitor
