#include "monitor/search_query.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/hex.h"
#include "monitor/log_choice.h"
#include "monitor/network.h"
#include "monitor/readings.h"
#include "monitor/terminal.h"
#include "sql/history_key.h"

namespace ct::monitor {
namespace {

using Kind = sql::HistoryTerm::Kind;
using sql::HistoryTerm;

constexpr std::size_t kMaxText = 255;

tl::unexpected<Error> cannot(std::string_view typed, std::string_view why) {
  return fail(Errc::kUsage, fmt::format("cannot search for \"{}\": {}",
                                        printable(typed.substr(0, 300)), why));
}

bool is_printable_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

HistoryTerm term_of(Kind kind, std::string text) {
  HistoryTerm term;
  term.kind = kind;
  term.text = std::move(text);
  return term;
}

// "AB:CD", "abcd", "0xabcd".
std::string hex_digits(std::string_view text) {
  std::string out = ascii_lower(text);
  if (out.starts_with("0x")) out.erase(0, 2);
  std::erase_if(out, [](char c) { return c == ':' || c == ' '; });
  return out;
}

Result<HistoryTerm> hash_term(Kind kind, std::string_view typed,
                              std::string_view digits) {
  const auto hash = hash_from_hex(hex_digits(digits));
  if (!hash) return cannot(typed, "a SHA-256 has 64 hex digits");
  HistoryTerm term = term_of(kind, {});
  term.hash = *hash;
  return term;
}

Result<HistoryTerm> serial_term(std::string_view typed,
                                std::string_view digits) {
  std::string hex = hex_digits(digits);
  if (hex.size() % 2 != 0) hex.insert(hex.begin(), '0');
  if (hex.empty() || hex.size() > 2 * kMaxText || !from_hex(hex)) {
    return cannot(typed, "a serial number is given in hex digits");
  }
  return term_of(Kind::kSerial, std::move(hex));
}

Result<HistoryTerm> text_term(Kind kind, std::string_view typed,
                              std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return cannot(typed, "a name must follow the colon");
  if (text.size() > kMaxText) return cannot(typed, "it is over 255 bytes long");
  return term_of(kind, std::string(text));
}

// "name:rest", where the name is one of ours; nullopt: no such thing.
std::optional<Result<HistoryTerm>> prefixed_term(std::string_view typed) {
  const auto colon = typed.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string name = ascii_lower(typed.substr(0, colon));
  const std::string_view rest = trimmed(typed.substr(colon + 1));
  if (name == "sha256") return hash_term(Kind::kSha256, typed, rest);
  if (name == "spki") return hash_term(Kind::kSpki, typed, rest);
  if (name == "serial") return serial_term(typed, rest);
  if (name == "org") return text_term(Kind::kOrganization, typed, rest);
  if (name != "issuer") return std::nullopt;
  if (ascii_lower(rest.substr(0, 5)) == "spki:") {
    return hash_term(Kind::kIssuerKey, typed, rest.substr(5));
  }
  return text_term(Kind::kIssuer, typed, rest);
}

// Labels with wildcards are taken as they are, the others as host names are.
Result<HistoryTerm> pattern_term(std::string_view typed) {
  if (typed.size() > kMaxText)
    return cannot(typed, "it is over 255 bytes long");
  if (typed.find('@') != std::string_view::npos) {
    return cannot(typed,
                  "mail is searched by address (me@example.com) or host "
                  "(@example.com), without wildcards");
  }
  std::string out;
  std::string_view rest = typed;
  if (rest.ends_with('.')) rest.remove_suffix(1);
  for (bool more = true; more;) {
    const auto dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    more = dot != std::string_view::npos;
    if (more) rest.remove_prefix(dot + 1);
    std::string text = ascii_lower(label);
    if (label.find_first_of("*%") == std::string_view::npos) {
      auto host = x509::canonical_host(label);
      if (!host) return cannot(typed, host.error().what);
      text = std::move(*host);
    } else if (!std::ranges::all_of(text, [](char c) {
                 return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                        c == '-' || c == '_' || c == '*' || c == '%';
               })) {
      return cannot(typed,
                    "a label with a wildcard holds ASCII letters, digits, "
                    "\"-\" and \"_\" besides; international names are written "
                    "as xn--…");
    }
    if (!out.empty()) out += '.';
    out += text;
  }
  HistoryTerm term = term_of(Kind::kPattern, std::move(out));
  if (sql::literal_end(term.text).empty() &&
      sql::longest_literal(term.text).empty()) {
    return cannot(typed, "it fits every name there is");
  }
  return term;
}

Result<HistoryTerm> part_term(std::string_view typed) {
  std::string text = ascii_lower(typed);
  if (text.size() > kMaxText) return cannot(typed, "it is over 255 bytes long");
  if (!is_printable_ascii(text)) {
    return cannot(typed,
                  "a part of a name is ASCII without spaces; international "
                  "names are kept as xn--…");
  }
  if (text.find_first_of("*%") != std::string::npos) {
    return cannot(typed, "with --part there are no wildcards: leave them out");
  }
  if (sql::longest_literal(text).size() < 2) {
    return cannot(typed, "a part needs two characters in a row");
  }
  return term_of(Kind::kPart, std::move(text));
}

Result<HistoryTerm> mail_term(std::string_view typed) {
  const auto at = typed.rfind('@');
  auto host = x509::canonical_host(typed.substr(at + 1));
  if (!host) return cannot(typed, host.error().what);
  if (at == 0) return term_of(Kind::kMailDomain, std::move(*host));
  const std::string_view local = typed.substr(0, at);
  if (local.size() > kMaxText || !is_printable_ascii(local)) {
    return cannot(typed, "what is before \"@\" must be ASCII without spaces");
  }
  return term_of(Kind::kMail,
                 sql::history_name(std::string(local) + '@' + *host));
}

Result<HistoryTerm> host_term(std::string_view typed, std::string_view name,
                              Kind kind, bool registrable) {
  auto host = x509::canonical_host(name);
  if (!host) return cannot(typed, host.error().what);
  if (!registrable) return term_of(kind, std::move(*host));
  std::string domain = x509::registrable_domain(*host);
  if (domain.empty()) {
    return cannot(typed,
                  "it is a public suffix; without --registrable it can be "
                  "searched for all the same");
  }
  return term_of(Kind::kBelow, std::move(domain));
}

Result<HistoryTerm> network_term(std::string_view typed) {
  const auto network = parse_network(typed);
  if (!network) return cannot(typed, network.error().what);
  HistoryTerm term = term_of(Kind::kNetwork, {});
  term.network = network->address;
  term.prefix = network->length;
  return term;
}

Result<HistoryTerm> parse(std::string_view typed, const TermOptions& options) {
  if (typed.empty()) {
    return fail(Errc::kUsage,
                "nothing to search for: give a name (\"example.com\", "
                "\"=www.example.com\", \"api.*.example.com\"), an address, or "
                "sha256:, spki:, serial:, issuer: or org: with a value");
  }
  if (auto term = prefixed_term(typed)) return *term;
  if (options.part) return part_term(typed);
  const bool exact = typed.front() == '=';
  const std::string_view name = exact ? trimmed(typed.substr(1)) : typed;
  if (!exact && name.find_first_of("*%") != std::string_view::npos) {
    return pattern_term(name);
  }
  if (hash_from_hex(hex_digits(name))) {
    return hash_term(Kind::kSha256, typed, name);
  }
  if (name.find('@') != std::string_view::npos) return mail_term(name);
  if (name.find('/') != std::string_view::npos || looks_like_ip(name)) {
    return network_term(name);
  }
  return host_term(typed, name, exact ? Kind::kExact : Kind::kBelow,
                   options.registrable);
}

}  // namespace

Result<HistoryTerm> parse_search_term(std::string_view typed,
                                      const TermOptions& options) {
  return parse(trimmed(typed), options);
}

std::vector<QueryLine> query_lines(std::string_view text) {
  std::vector<QueryLine> out;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string_view query = trimmed(line.substr(0, line.find('#')));
    if (!query.empty()) out.push_back({number, query});
  }
  return out;
}

namespace {

// Whole seconds, upwards: what is before .5 is before the next second.
Seconds seconds_up(Millis t) { return t / 1000 + (t % 1000 > 0 ? 1 : 0); }

Result<std::optional<Millis>> time_of(const char* option,
                                      const std::string& text, Millis now) {
  if (text.empty()) return std::nullopt;
  if (text == "now") return now;
  const auto time = parse_time(text);
  if (!time) {
    return fail(Errc::kUsage,
                fmt::format("{} wants a date or a time such as 2026-11-24 or "
                            "2026-11-24T10:00:00Z, or now, not \"{}\"",
                            option, printable(text)));
  }
  return *time;
}

Result<std::vector<Hash>> chosen_logs(const std::string& which,
                                      const std::vector<sql::LogRow>& logs) {
  std::vector<Hash> out;
  for (const auto* row : logs_called(which, logs)) {
    out.push_back(row->info.log_id);
  }
  if (out.empty()) {
    return fail(Errc::kUsage, fmt::format("no log is called \"{}\"; `ctvigil "
                                          "logs` lists them",
                                          printable(which)));
  }
  return out;
}

// The narrower of two bounds.
void at_least(std::optional<Seconds>& bound, Seconds t) {
  bound = std::max(bound.value_or(t), t);
}
void at_most(std::optional<Seconds>& bound, Seconds t) {
  bound = std::min(bound.value_or(t), t);
}

bool is_empty(const std::optional<std::int64_t>& from,
              const std::optional<std::int64_t>& before) {
  return from && before && *from >= *before;
}

class Narrowing {
 public:
  Narrowing(const NarrowingTexts& texts, Millis now)
      : texts_(texts), now_(now) {}

  Result<sql::HistoryNarrowing> parse(const std::vector<sql::LogRow>& logs) {
    for (const auto& done : {issuer(), validity(), logged(), kind()}) {
      if (!done) return tl::unexpected(done.error());
    }
    for (const auto& which : texts_.logs) {
      const auto chosen = chosen_logs(which, logs);
      if (!chosen) return tl::unexpected(chosen.error());
      out_.log_ids.insert(out_.log_ids.end(), chosen->begin(), chosen->end());
    }
    if (is_empty(out_.not_after_from, out_.not_after_before) ||
        is_empty(out_.not_before_from, out_.not_before_before) ||
        is_empty(out_.logged_from, out_.logged_before)) {
      return fail(Errc::kUsage,
                  "no certificate can fit these times: one must lie between "
                  "an end and a later beginning");
    }
    return std::move(out_);
  }

 private:
  Result<void> issuer() {
    if (!texts_.organization.empty()) {
      out_.organization = texts_.organization;
    }
    if (texts_.issuer.empty()) return {};
    const auto term = parse_search_term("issuer:" + texts_.issuer);
    if (!term) return tl::unexpected(term.error());
    if (term->kind == Kind::kIssuerKey) {
      out_.issuer_spki_sha256 = term->hash;
    } else {
      out_.issuer = term->text;
    }
    return {};
  }

  Result<void> validity() {
    struct Bound {
      const char* option;
      const std::string& text;
      std::optional<Seconds>& bound;
      void (*narrow)(std::optional<Seconds>&, Seconds);
    };
    const Bound bounds[] = {
        {"--expires-after", texts_.expires_after, out_.not_after_from,
         at_least},
        {"--expires-before", texts_.expires_before, out_.not_after_before,
         at_most},
        {"--issued-after", texts_.issued_after, out_.not_before_from, at_least},
        {"--issued-before", texts_.issued_before, out_.not_before_before,
         at_most}};
    for (const Bound& b : bounds) {
      const auto t = time_of(b.option, b.text, now_);
      if (!t) return tl::unexpected(t.error());
      if (*t) b.narrow(b.bound, seconds_up(**t));
    }
    const auto at = time_of("--valid-at", texts_.valid_at, now_);
    if (!at) return tl::unexpected(at.error());
    if (*at) {
      at_least(out_.not_after_from, **at / 1000);
      at_most(out_.not_before_before, **at / 1000 + 1);
    }
    if (texts_.expired && texts_.not_expired) {
      return fail(Errc::kUsage,
                  "--expired and --not-expired exclude each "
                  "other");
    }
    if (texts_.expired) at_most(out_.not_after_before, now_ / 1000);
    if (texts_.not_expired) at_least(out_.not_after_from, now_ / 1000);
    return {};
  }

  Result<void> logged() {
    const auto from = time_of("--logged-after", texts_.logged_after, now_);
    if (!from) return tl::unexpected(from.error());
    const auto before = time_of("--logged-before", texts_.logged_before, now_);
    if (!before) return tl::unexpected(before.error());
    out_.logged_from = *from;
    out_.logged_before = *before;
    return {};
  }

  Result<void> kind() {
    if (texts_.precert && texts_.final) {
      return fail(Errc::kUsage, "--precert and --final exclude each other");
    }
    if (texts_.precert) out_.type = ctlog::EntryType::kPrecert;
    if (texts_.final) out_.type = ctlog::EntryType::kX509;
    return {};
  }

  const NarrowingTexts& texts_;
  const Millis now_;
  sql::HistoryNarrowing out_;
};

}  // namespace

Result<sql::HistoryNarrowing> parse_narrowing(
    const NarrowingTexts& texts, const std::vector<sql::LogRow>& logs,
    Millis now) {
  return Narrowing(texts, now).parse(logs);
}

}  // namespace ct::monitor
