#include "sql/history_term.h"

#include <algorithm>

#include "sql/history_key.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;

constexpr std::string_view kWildcards = "*%";

bool is_mail(std::string_view name) {
  return name.find('@') != std::string_view::npos;
}

std::string_view without_wildcard(std::string_view host) {
  if (host.starts_with("*.")) host.remove_prefix(2);
  return host;
}

bool is_at_or_below(std::string_view host, std::string_view top) {
  if (!host.ends_with(top)) return false;
  return host.size() == top.size() || host[host.size() - top.size() - 1] == '.';
}

// Nothing sorts between a key and the same with the least character behind it
// that no key holds.
KeyRange just(std::string key) {
  std::string end = key + '\x01';
  return {std::move(key), std::move(end)};
}

// A certificate whose root is above the host may have it among its names, with
// at least the host's first label written out.
void add_keys_above(std::string_view key, std::vector<KeyRange>& out) {
  const std::string label(key.substr(key.rfind(' ') + 1));
  for (auto& above : history_keys_above(key)) {
    out.push_back(just(std::move(above)));
    out.back().label = label;
  }
}

std::vector<KeyRange> below_ranges(std::string_view host) {
  const std::string key = history_key(host);
  // ' ' goes on with a label; '!' is the next character.
  std::vector<KeyRange> out = {{key, key + '!'}};
  add_keys_above(key, out);
  return out;
}

KeyRange network_range(x509::IpAddress first, unsigned prefix) {
  x509::IpAddress last = first;
  for (unsigned bit = prefix; bit < first.size * 8u; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80u >> (bit % 8));
    first.octets[bit / 8] &= static_cast<std::uint8_t>(~mask);
    last.octets[bit / 8] |= mask;
  }
  return {history_key(x509::format_ip(first)),
          just(history_key(x509::format_ip(last))).end};
}

bool is_in_network(const HistoryTerm& term, std::string_view name) {
  const auto ip = x509::parse_ip(name);
  if (!ip || ip->size != term.network.size) return false;
  for (unsigned bit = 0; bit < term.prefix; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if (((ip->octets[bit / 8] ^ term.network.octets[bit / 8]) & mask) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string_view longest_literal(std::string_view text) {
  std::string_view longest;
  while (!text.empty()) {
    const auto end = text.find_first_of(".@*%");
    const std::string_view piece = text.substr(0, end);
    if (piece.size() > longest.size()) longest = piece;
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
  }
  return longest;
}

std::string_view literal_end(std::string_view pattern) {
  const auto wildcard = pattern.find_last_of(kWildcards);
  if (wildcard == std::string_view::npos) return pattern;
  const auto dot = pattern.find('.', wildcard);
  if (dot == std::string_view::npos) return {};
  return pattern.substr(dot + 1);
}

bool fits_pattern(std::string_view pattern, std::string_view name) {
  // Where to go on if the characters behind the last wildcard do not fit: one
  // character more is left to it. Earlier ones need no second look.
  std::size_t p = 0, n = 0, wildcard = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '*' || pattern[p] == '%')) {
      wildcard = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (wildcard != std::string_view::npos) {
      p = wildcard + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of(kWildcards, p) == std::string_view::npos;
}

std::vector<KeyRange> key_ranges(const HistoryTerm& term) {
  switch (term.kind) {
    case Kind::kBelow:
      return below_ranges(term.text);
    case Kind::kExact: {
      const std::string key = history_key(term.text);
      std::vector<KeyRange> out = {just(key)};
      add_keys_above(key, out);
      return out;
    }
    case Kind::kPattern: {
      const std::string_view end = literal_end(term.text);
      return end.empty() ? std::vector<KeyRange>() : below_ranges(end);
    }
    case Kind::kNetwork:
      return {network_range(term.network, term.prefix)};
    case Kind::kMail:
      return {just(history_key(term.text))};
    case Kind::kMailDomain: {
      // Mail sorts apart from hosts.
      const std::string key = '@' + history_key(term.text);
      return {{key + '@', key + 'A'}, {key + ' ', key + '!'}};
    }
    default:
      return {};
  }
}

bool means(const HistoryTerm& term, std::string_view name) {
  const std::string_view text = term.text;
  switch (term.kind) {
    case Kind::kBelow:
      return !is_mail(name) && is_at_or_below(without_wildcard(name), text);
    case Kind::kExact:
    case Kind::kMail:
      return name == text;
    case Kind::kPattern:
      return !is_mail(name) && fits_pattern(text, name);
    case Kind::kPart:
      return name.find(text) != std::string_view::npos;
    case Kind::kNetwork:
      return is_in_network(term, name);
    case Kind::kMailDomain: {
      const auto at = name.rfind('@');
      return at != std::string_view::npos &&
             is_at_or_below(name.substr(at + 1), text);
    }
    default:
      return false;
  }
}

}  // namespace ct::sql
