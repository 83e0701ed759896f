#include "sql/history_key.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "base/ascii.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "sql/tx.h"
#include "x509/names.h"

namespace ct::sql {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kWildcard = "*.";

void put_escaped(std::string& out, char c) {
  const auto byte = static_cast<unsigned char>(c);
  out += "\\x";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

bool is_plain(char c) { return c > ' ' && c < '\x7f' && c != '\\'; }

// Neither host nor mail address looks like one, so few are tried.
std::optional<x509::IpAddress> as_ip(std::string_view name) {
  if (name.empty() || (name.find(':') == std::string_view::npos &&
                       (name.back() < '0' || name.back() > '9'))) {
    return std::nullopt;
  }
  return x509::parse_ip(name);
}

bool is_host_key(std::string_view key) {
  return !key.empty() && key[0] != '#' && key[0] != '@';
}

// Labels at `from` apart, in reverse order, with `to` between them.
std::string reversed(std::string_view labels, char from, char to) {
  std::string out;
  out.reserve(labels.size());
  std::size_t end = labels.size();
  while (true) {
    const auto at =
        end == 0 ? std::string_view::npos : labels.rfind(from, end - 1);
    const auto begin = at == std::string_view::npos ? 0 : at + 1;
    out += labels.substr(begin, end - begin);
    if (at == std::string_view::npos) return out;
    out += to;
    end = at;
  }
}

// `name` is in the form of history_name.
std::string whole_key(std::string_view name) {
  if (const auto at = name.find('@'); at != std::string_view::npos) {
    return "@" + reversed(name.substr(at + 1), '.', ' ') + "@" +
           std::string(name.substr(0, at));
  }
  if (const auto ip = as_ip(name)) {
    return (ip->size == 4 ? "#4" : "#6") +
           to_hex(ByteView(ip->octets).first(ip->size));
  }
  if (name.starts_with(kWildcard)) name.remove_prefix(kWildcard.size());
  return reversed(name, '.', ' ');
}

std::string cut(std::string key) {
  if (key.size() > kHistoryKeySize) key.resize(kHistoryKeySize);
  return key;
}

// In the form of history_name, each once. More than can be kept: the first,
// and the mark.
std::vector<std::string> distinct(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  out.reserve(std::min(names.size(), kHistoryNameCount + 1));
  std::unordered_set<std::string> seen;
  std::size_t size = 0;
  for (const auto& raw : names) {
    std::string name = history_name(raw);
    const bool known = names.size() < 8
                           ? std::ranges::find(out, name) != out.end()
                           : !seen.insert(name).second;
    if (known || name.empty()) continue;
    size += name.size() + 1;
    if (out.size() == kHistoryNameCount || size > kHistoryNamesSize) {
      out.emplace_back(kHistoryNamesCut);
      return out;
    }
    out.push_back(std::move(name));
  }
  return out;
}

// Such a name is above half of the world, and hardly any certificate has it.
// If it were a root of what lies below it, every search would look for that.
bool is_top_level(std::string_view key) {
  return key.find(' ') == std::string_view::npos;
}

// Uncut; hosts before the rest.
std::vector<std::string> roots_of(const std::vector<std::string>& names) {
  std::vector<std::string> keys;
  keys.reserve(names.size());
  for (const auto& name : names) {
    if (name != kHistoryNamesCut) keys.push_back(whole_key(name));
  }
  std::ranges::sort(keys);
  std::vector<std::string> roots;
  for (auto& key : keys) {
    if (roots.empty() || is_top_level(roots.back()) ||
        !history_key_within(key, roots.back())) {
      roots.push_back(std::move(key));
    }
  }
  std::ranges::stable_partition(roots, is_host_key);
  return roots;
}

// As it stands in history.names of a certificate whose first root is `domain`.
std::string_view token(std::string_view name, std::string_view domain) {
  if (domain.empty()) return name;
  if (name == domain) return ".";
  const bool below = name.size() > domain.size() + 1 &&
                     name.ends_with(domain) &&
                     name[name.size() - domain.size() - 1] == '.';
  return below ? name.substr(0, name.size() - domain.size()) : name;
}

void put_number(Bytes& out, std::uint64_t n) {
  for (; n >= 0x80; n >>= 7) {
    out.push_back(static_cast<std::uint8_t>(n | 0x80));
  }
  out.push_back(static_cast<std::uint8_t>(n));
}

// Off the front; nullopt: it is not whole. What exceeds 64 bits is lost.
std::optional<std::uint64_t> take_number(ByteView& in) {
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (i < 10) n |= std::uint64_t{in[i] & 0x7fU} << (7 * i);
    if (in[i] < 0x80) {
      in = in.subspan(i + 1);
      return n;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string history_name(std::string_view name) {
  if (const auto ip = as_ip(name)) return x509::format_ip(*ip);
  std::string out;
  out.reserve(name.size());
  const auto last_at = name.rfind('@');
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool mistakable = (name[i] == '@' && i != last_at) ||
                            (name[i] == '#' && i == 0) ||
                            (name[i] == '.' && i + 1 == name.size());
    if (is_plain(name[i]) && !mistakable) {
      out += ascii_lower(name[i]);
    } else {
      put_escaped(out, name[i]);
    }
  }
  return out;
}

std::string history_key(std::string_view name) {
  return cut(whole_key(history_name(name)));
}

std::string name_of_history_key(std::string_view key) {
  if (key.starts_with('#')) {
    const auto octets =
        from_hex(key.substr(std::min<std::size_t>(2, key.size())));
    const auto ip = x509::ip_from_octets(octets.value_or(Bytes()));
    return ip ? x509::format_ip(*ip) : std::string(key);
  }
  if (!key.starts_with('@')) return reversed(key, ' ', '.');
  key.remove_prefix(1);
  const auto at = std::min(key.find('@'), key.size());
  return std::string(key.substr(std::min(at + 1, key.size()))) + "@" +
         reversed(key.substr(0, at), ' ', '.');
}

bool history_key_within(std::string_view key, std::string_view top) {
  return key.starts_with(top) && (key.size() == top.size() ||
                                  (is_host_key(top) && key[top.size()] == ' '));
}

std::vector<std::string> history_keys_above(std::string_view key) {
  std::vector<std::string> out;
  if (!is_host_key(key)) return out;
  for (auto at = key.find(' '); at != std::string_view::npos;
       at = key.find(' ', at + 1)) {
    const std::string_view above = key.substr(0, at);
    if (!is_top_level(above)) out.emplace_back(above);
  }
  return out;
}

HistoryNames encode_history_names(const std::vector<std::string>& names) {
  HistoryNames out;
  const auto kept = distinct(names);
  out.roots = roots_of(kept);
  std::string domain;
  if (!out.roots.empty() && out.roots[0].size() <= kHistoryKeySize) {
    domain = name_of_history_key(out.roots[0]);
  }
  for (const auto& name : kept) {
    if (!out.names.empty()) out.names += ' ';
    out.names += token(name, domain);
  }
  // Two that differ behind the cut are one root. They are neighbours.
  for (auto& root : out.roots) root = cut(std::move(root));
  out.roots.erase(std::unique(out.roots.begin(), out.roots.end()),
                  out.roots.end());
  return out;
}

std::vector<std::string> decode_history_names(std::string_view domain,
                                              std::string_view names) {
  std::vector<std::string> out;
  const std::string name = name_of_history_key(domain);
  while (!names.empty()) {
    const auto end = std::min(names.find(' '), names.size());
    const std::string_view t = names.substr(0, end);
    names.remove_prefix(std::min(end + 1, names.size()));
    if (t == ".") {
      out.push_back(name);
    } else if (t.ends_with('.')) {
      out.push_back(std::string(t) + name);
    } else {
      out.emplace_back(t);
    }
  }
  return out;
}

Bytes encode_history_sightings(std::vector<NumberedSighting> sightings) {
  for (auto& s : sightings) {
    s.timestamp = std::clamp<Millis>(s.timestamp, 0, kHistoryLatest);
  }
  std::ranges::sort(sightings);
  const auto repeated = std::ranges::unique(sightings);
  sightings.erase(repeated.begin(), repeated.end());
  Bytes out;
  out.reserve(16 * sightings.size());
  Millis before = 0;
  for (const auto& s : sightings) {
    put_number(out, static_cast<std::uint64_t>(s.timestamp - before));
    put_number(out,
               static_cast<std::uint64_t>(s.log) * 2 + (s.precert ? 1 : 0));
    put_number(out, s.leaf_index);
    before = s.timestamp;
  }
  return out;
}

std::vector<NumberedSighting> decode_history_sightings(ByteView sightings) {
  std::vector<NumberedSighting> out;
  std::uint64_t timestamp = 0;
  while (!sightings.empty()) {
    const auto passed = take_number(sightings);
    const auto log = take_number(sightings);
    const auto leaf_index = take_number(sightings);
    if (!passed || !log || !leaf_index) break;
    timestamp += *passed;
    NumberedSighting s;
    s.timestamp = static_cast<Millis>(timestamp);
    s.log = static_cast<std::int16_t>(*log / 2);
    s.precert = *log % 2 == 1;
    s.leaf_index = *leaf_index;
    out.push_back(s);
  }
  return out;
}

Bytes merge_history_sightings(ByteView a, ByteView b) {
  auto all = decode_history_sightings(a);
  const auto more = decode_history_sightings(b);
  all.insert(all.end(), more.begin(), more.end());
  return encode_history_sightings(std::move(all));
}

std::int64_t history_id(ByteView salt, const Hash& tbs_sha256) {
  const Hash hash = sha256(salt, tbs_sha256);
  return static_cast<std::int64_t>(*ByteReader(hash).uint(8));
}

Bytes history_serial(std::string_view hex) {
  constexpr std::size_t kLongest = 255;
  Bytes serial = from_hex(hex).value_or(Bytes());
  if (serial.size() > kLongest) serial.resize(kLongest);
  return serial;
}

std::string history_organization(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  std::string out = storable_text(name);
  std::size_t characters = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(out[i]) & 0xc0) != 0x80;
    if (starts && ++characters > kLongest) {
      out.resize(i);
      break;
    }
  }
  return out;
}

std::string history_issuer_name(std::string_view dn) {
  constexpr std::size_t kLongest = 2'000, kKept = 1'900;
  std::string out = storable_text(dn);
  if (out.size() <= kLongest) return out;
  const Hash whole = sha256(as_bytes(out));
  // A character that was cut through becomes U+FFFD.
  return storable_text(out.substr(0, kKept)) + "\u2026 " + to_hex(whole);
}

}  // namespace ct::sql
