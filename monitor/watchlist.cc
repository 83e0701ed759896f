#include "monitor/watchlist.h"

#include <algorithm>
#include <charconv>

#include "monitor/readings.h"
#include "monitor/suffix_index.h"
#include "monitor/value_table.h"

namespace ct::monitor {
namespace {

using alerts::Watch;
using alerts::WatchKind;

std::vector<std::uint32_t> of_kinds(std::span<const Watch> watches,
                                    std::initializer_list<WatchKind> kinds) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < watches.size(); ++i) {
    if (std::find(kinds.begin(), kinds.end(), watches[i].kind) != kinds.end()) {
      out.push_back(i);
    }
  }
  return out;
}

// The distinct prefix lengths of the networks watched, by address size.
struct PrefixLengths {
  std::vector<unsigned> v4, v6;

  explicit PrefixLengths(std::span<const Watch> watches) {
    for (const Watch& w : watches) {
      if (w.kind != WatchKind::kIp) continue;
      const auto slash = w.value.find('/');
      if (slash == std::string::npos) continue;
      unsigned length = 0;
      const char* const end = w.value.data() + w.value.size();
      if (std::from_chars(w.value.data() + slash + 1, end, length).ptr != end) {
        continue;
      }
      auto& lengths = w.value.find(':') == std::string::npos ? v4 : v6;
      lengths.push_back(length);
    }
    for (auto* lengths : {&v4, &v6}) {
      std::sort(lengths->begin(), lengths->end());
      lengths->erase(std::unique(lengths->begin(), lengths->end()),
                     lengths->end());
    }
  }
};

}  // namespace

struct Watchlist::Index {
  explicit Index(std::vector<Watch> list)
      : watches(std::move(list)),
        hosts(watches,
              of_kinds(watches, {WatchKind::kSubtree, WatchKind::kExact})),
        emails(watches, of_kinds(watches, {WatchKind::kEmail})),
        organizations(watches, of_kinds(watches, {WatchKind::kOrganization})),
        networks(watches, of_kinds(watches, {WatchKind::kIp})),
        prefixes(watches) {}

  // Calls `visit` for each watched network that holds `ip`.
  template <class Visit>
  void match_ip(const x509::IpAddress& ip, Visit visit) const {
    for (const unsigned n : ip.size == 4 ? prefixes.v4 : prefixes.v6) {
      networks.match(network_text(ip, n), visit);
    }
  }

  const std::vector<Watch> watches;  // first: the rest points into it
  const SuffixIndex hosts;
  const SuffixIndex emails;  // by the domains of addresses
  const ValueTable organizations;
  const ValueTable networks;
  const PrefixLengths prefixes;
};

namespace {

// Adds matches to `out`, and each watch only once.
class Collector {
 public:
  Collector(const std::vector<Watch>& watches, std::vector<NameMatch>& out)
      : watches_(watches), out_(out), begin_(out.size()) {}

  // The same watch by several readings of one name: the first one counts.
  ~Collector() {
    const auto first = out_.begin() + static_cast<std::ptrdiff_t>(begin_);
    std::stable_sort(first, out_.end(), [](const auto& a, const auto& b) {
      return a.watch < b.watch;
    });
    out_.erase(std::unique(first, out_.end(),
                           [](const auto& a, const auto& b) {
                             return a.watch == b.watch;
                           }),
               out_.end());
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  void host(std::uint32_t watch, HostRelation relation, std::string_view name) {
    const std::string watched = x509::display_host(watches_[watch].value);
    switch (relation) {
      case HostRelation::kEqual:
        return add(watch, name, "is the watched name");
      case HostRelation::kBelow:
        return add(watch, name, "lies below " + watched);
      case HostRelation::kCovers:
        return add(watch, name, "is a wildcard that covers " + watched, true);
    }
  }
  void email(std::uint32_t watch, HostRelation relation,
             std::string_view address) {
    const std::string watched = x509::display_host(watches_[watch].value);
    switch (relation) {
      case HostRelation::kEqual:
        return add(watch, address, "is an address at " + watched);
      case HostRelation::kBelow:
        return add(watch, address, "is an address below " + watched);
      case HostRelation::kCovers:
        return add(watch, address, "may be an address at " + watched, true);
    }
  }
  void ip(std::uint32_t watch, const x509::IpAddress& address) {
    add(watch, x509::format_ip(address), "lies in " + watches_[watch].value);
  }
  void organization(std::uint32_t watch, std::string_view name) {
    add(watch, name, "is the watched organisation");
  }

 private:
  void add(std::uint32_t watch, std::string_view name, std::string why,
           bool covers = false) {
    if (out_.size() >= Watchlist::kMaxMatches) return;
    out_.push_back({.watch = watch,
                    .name = std::string(name),
                    .why = std::move(why),
                    .covers = covers});
  }

  const std::vector<Watch>& watches_;
  std::vector<NameMatch>& out_;
  const std::size_t begin_;
};

}  // namespace

Watchlist::Watchlist(std::vector<Watch> watches)
    : index_(std::make_unique<const Index>(std::move(watches))) {}

Watchlist::~Watchlist() = default;

const std::vector<Watch>& Watchlist::watches() const { return index_->watches; }

bool Watchlist::may_match(const x509::Name& name) const {
  const Index& index = *index_;
  if (const auto host = plain_host(name)) {
    if (index.hosts.may_match(*host)) return true;
    return !index.networks.empty() && looks_like_ip(*host);
  }
  // An odd one, or of another kind: rare enough to be read with care.
  bool found = false;
  const auto see = [&](std::uint32_t) { found = true; };
  if (!index.emails.empty()) {
    for (const MailAddress& m : mail_readings(name)) {
      if (index.emails.may_match(m.domain)) return true;
    }
  }
  if (!index.organizations.empty()) {
    if (const auto o = organization_reading(name)) {
      index.organizations.match(*o, see);
    }
  }
  if (!index.networks.empty()) {
    for (const auto& ip : ip_readings(name)) index.match_ip(ip, see);
  }
  if (found) return true;
  if (index.hosts.empty()) return false;
  const auto hosts = all_host_readings(name);
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& h) {
    return index.hosts.may_match(h);
  });
}

void Watchlist::match(const x509::Name& name,
                      std::vector<NameMatch>& out) const {
  const Index& index = *index_;
  Collector collect(index.watches, out);
  if (!index.hosts.empty()) {
    for (const std::string& host : all_host_readings(name)) {
      index.hosts.match(host, [&](std::uint32_t w, HostRelation relation) {
        collect.host(w, relation, host);
      });
    }
  }
  if (!index.emails.empty()) {
    for (const MailAddress& m : mail_readings(name)) {
      index.emails.match(m.domain, [&](std::uint32_t w, HostRelation relation) {
        collect.email(w, relation, m.address);
      });
    }
  }
  if (!index.networks.empty()) {
    for (const auto& ip : ip_readings(name)) {
      index.match_ip(ip, [&](std::uint32_t w) { collect.ip(w, ip); });
    }
  }
  if (!index.organizations.empty()) {
    if (const auto o = organization_reading(name)) {
      index.organizations.match(
          *o, [&](std::uint32_t w) { collect.organization(w, *o); });
    }
  }
}

void Watchlist::match_host(std::string_view canonical,
                           std::vector<NameMatch>& out) const {
  match({.kind = x509::NameKind::kDns,
         .string_tag = 0,
         .value = as_bytes(canonical)},
        out);
}

void Watchlist::match_bytes(ByteView bytes, std::vector<NameMatch>& out) const {
  const std::size_t begin = out.size();
  {
    const Index& index = *index_;
    Collector collect(index.watches, out);
    for (const std::string& name : x509::names_in_bytes(bytes)) {
      index.hosts.match(name, [&](std::uint32_t w, HostRelation relation) {
        collect.host(w, relation, name);
      });
      // What stood before the name may have been an "@".
      index.emails.match(name, [&](std::uint32_t w, HostRelation relation) {
        collect.email(w, relation, name);
      });
      if (index.networks.empty()) continue;
      if (const auto ip = x509::parse_ip(name)) {
        index.match_ip(*ip, [&](std::uint32_t w) { collect.ip(w, *ip); });
      }
    }
  }
  for (std::size_t i = begin; i < out.size(); ++i) {
    out[i].in_bytes = true;
    out[i].why += ", as found in bytes that do not parse";
  }
}

std::size_t Watchlist::index_memory() const {
  return index_->hosts.memory() + index_->emails.memory() +
         index_->organizations.memory() + index_->networks.memory();
}

}  // namespace ct::monitor
