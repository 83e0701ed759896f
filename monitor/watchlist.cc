#include "monitor/watchlist.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <unordered_map>

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

// Gathers what the names of one certificate concern.
class Collector {
 public:
  explicit Collector(const std::vector<Watch>& watches) : watches_(watches) {}

  // A host, or the domain of a mail address.
  void look_up(const SuffixIndex& index, const std::string& host,
               const SuffixIndex::Visitor& visit) {
    // A wildcard given twice, as in the common name, costs once.
    const bool wildcard = host.find_first_of("*?") != std::string::npos;
    if (wildcard && !wildcards_.emplace(&index, host).second) return;
    leave_out(index.match(host, cost_, visit), host);
  }

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

  // The same watch by several readings of one name: the first one counts.
  void end_name() {
    const auto first = out_.list.begin() + static_cast<std::ptrdiff_t>(begin_);
    std::stable_sort(first, out_.list.end(), [](const auto& a, const auto& b) {
      return a.watch < b.watch;
    });
    out_.list.erase(std::unique(first, out_.list.end(),
                                [](const auto& a, const auto& b) {
                                  return a.watch == b.watch;
                                }),
                    out_.list.end());
    begin_ = out_.list.size();
  }
  [[nodiscard]] Matches take() { return std::move(out_); }

 private:
  void add(std::uint32_t watch, std::string_view name, std::string why,
           bool covers = false) {
    // It is listed; what more of the kind there is tells nobody anything.
    if (covers && ++coverings_[watch] > Matches::kMaxCoverings) return;
    if (out_.list.size() >= Matches::kMaxMatches) return leave_out(1, name);
    out_.list.push_back({.watch = watch,
                         .name = std::string(name),
                         .why = std::move(why),
                         .covers = covers});
  }
  void leave_out(std::size_t watches, std::string_view name) {
    if (watches == 0) return;
    out_.left_out += watches;
    auto& by = out_.left_out_by;
    if (by.size() < Matches::kMaxLeftOutBy &&
        std::ranges::find(by, name) == by.end()) {
      by.emplace_back(name);
    }
  }

  const std::vector<Watch>& watches_;
  Matches out_;
  std::size_t begin_ = 0;  // of the matches of the name under way
  WildcardCost cost_;
  std::unordered_map<std::uint32_t, unsigned> coverings_;
  std::set<std::pair<const SuffixIndex*, std::string>> wildcards_;
};

}  // namespace

std::size_t Matches::memory() const {
  std::size_t n = list.capacity() * sizeof(NameMatch);
  for (const NameMatch& m : list) n += m.name.capacity() + m.why.capacity();
  return n;
}

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

Matches Watchlist::match(std::span<const x509::Name> names) const {
  const Index& index = *index_;
  Collector collect(index.watches);
  for (const x509::Name& name : names) {
    if (!index.hosts.empty()) {
      for (const std::string& host : all_host_readings(name)) {
        collect.look_up(index.hosts, host,
                        [&](std::uint32_t w, HostRelation relation) {
                          collect.host(w, relation, host);
                        });
      }
    }
    if (!index.emails.empty()) {
      for (const MailAddress& m : mail_readings(name)) {
        collect.look_up(index.emails, m.domain,
                        [&](std::uint32_t w, HostRelation relation) {
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
    collect.end_name();
  }
  return collect.take();
}

Matches Watchlist::match_host(std::string_view canonical) const {
  return match({.kind = x509::NameKind::kDns,
                .string_tag = 0,
                .value = as_bytes(canonical)});
}

Matches Watchlist::match_bytes(ByteView bytes) const {
  const Index& index = *index_;
  Collector collect(index.watches);
  for (const std::string& name : x509::names_in_bytes(bytes)) {
    collect.look_up(index.hosts, name,
                    [&](std::uint32_t w, HostRelation relation) {
                      collect.host(w, relation, name);
                    });
    // What stood before the name may have been an "@".
    collect.look_up(index.emails, name,
                    [&](std::uint32_t w, HostRelation relation) {
                      collect.email(w, relation, name);
                    });
    if (index.networks.empty()) continue;
    if (const auto ip = x509::parse_ip(name)) {
      index.match_ip(*ip, [&](std::uint32_t w) { collect.ip(w, *ip); });
    }
  }
  collect.end_name();
  Matches out = collect.take();
  for (NameMatch& m : out.list) {
    m.in_bytes = true;
    m.why += ", as found in bytes that do not parse";
  }
  return out;
}

std::size_t Watchlist::index_memory() const {
  return index_->hosts.memory() + index_->emails.memory() +
         index_->organizations.memory() + index_->networks.memory();
}

}  // namespace ct::monitor
