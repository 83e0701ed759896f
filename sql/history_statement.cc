#include "sql/history_statement.h"

#include <algorithm>

#include "base/hex.h"
#include "sql/history_key.h"
#include "sql/history_substring.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;
using Texts = std::vector<std::string>;

// What storable_time gives, and the second behind.
constexpr Seconds kEarliest = -62'167'219'200, kBehindLatest = 253'402'300'800;

constexpr std::size_t kFixedArguments = 5;

// An argument of type bytea.
std::string bytea_text(ByteView bytes) { return "\\x" + to_hex(bytes); }

// A serial number as DER has it: with a zero byte before it if the first bit
// is set. People leave that out, or write more.
Texts serial_values(std::string_view hex) {
  const Bytes given = history_serial(hex);
  Bytes number = given;
  while (!number.empty() && number.front() == 0) number.erase(number.begin());
  Bytes padded = number;
  padded.insert(padded.begin(), 0);
  Texts out = {bytea_text(number), bytea_text(padded)};
  if (given != number && given != padded) out.push_back(bytea_text(given));
  return out;
}

Texts numbers_of(const Rows& rows) {
  Texts out;
  for (const Row row : rows) out.push_back(row.text("issuer"));
  return out;
}

Texts issuers_by_name(Tx& tx, const std::string& part) {
  return numbers_of(
      tx.exec("SELECT issuer FROM history_issuer "
              "WHERE strpos(lower(name), lower($1)) > 0",
              {part}));
}

Texts issuers_by_key(Tx& tx, const Hash& spki) {
  return numbers_of(tx.exec(
      "SELECT issuer FROM history_issuer WHERE spki_sha256 = $1", {spki}));
}

constexpr const char* kInWindow = "not_after >= w.f AND not_after < w.b";

// What `condition` finds in history for each value of a term, of type `type`.
std::string for_each(const std::string& type, const std::string& condition) {
  return "SELECT c.* FROM unnest(string_to_array(t.v, E'\\n')::" + type +
         "[]) AS r (v) CROSS JOIN LATERAL (SELECT not_after, id, domain AS "
         "main FROM history WHERE " +
         condition + " AND " + kInWindow + kFence + ") AS c";
}

std::string by_hash(const std::string& column) {
  return for_each("bytea", "history_hash(" + column +
                               ") = history_hash(r.v) AND " + column +
                               " = r.v");
}

// The elements of texts of lines.
std::string lines_of(const std::string& a, const std::string& b) {
  return "unnest(string_to_array(" + a + ", E'\\n'), string_to_array(" + b +
         ", E'\\n'))";
}

// Of what has a root far above, only what has the label among its names: most
// certificates of a popular domain name none of the hosts that are asked for.
// Of other roots that is in another table: a subquery, so that the planner
// makes no join of it, behind a fence, or it would be planned and started once
// for each partition.
std::string by_domain() {
  const auto roots = [](const std::string& condition, const char* of_history,
                        const char* of_root) {
    const std::string where = " WHERE " + condition + " AND " + kInWindow;
    return "(SELECT not_after, id, domain AS main FROM history" + where +
           of_history +
           " UNION ALL SELECT * FROM (SELECT not_after, id, main FROM "
           "history_root" +
           where + kFence + ") AS o" + of_root + kFence + ") AS c";
  };
  return "SELECT c.* FROM " + lines_of("t.v", "t.e") +
         " AS r (v, e) CROSS JOIN LATERAL " +
         roots("domain >= r.v AND domain < r.e", "", "") +
         " UNION ALL SELECT c.* FROM " + lines_of("t.a", "t.l") +
         " AS r (v, l) CROSS JOIN LATERAL " +
         roots("domain = r.v", " AND strpos(names, r.l) > 0",
               " WHERE (SELECT strpos(names, r.l) > 0 FROM history AS h WHERE "
               "h.domain = o.main AND h.not_after = o.not_after AND "
               "h.id = o.id LIMIT 1)");
}

// Labels stand in names or in the domain as they are; addresses do not.
std::string anywhere(const std::string& condition) {
  return "SELECT not_after, id, domain AS main FROM history WHERE (" +
         condition + " OR domain LIKE '#%') AND " + kInWindow;
}

std::string candidates(HistoryDriver driver) {
  switch (driver) {
    case HistoryDriver::kDomain:
      return by_domain();
    case HistoryDriver::kSha256:
      return by_hash("sha256");
    case HistoryDriver::kSpki:
      return by_hash("spki");
    case HistoryDriver::kSerial:
      return by_hash("serial");
    case HistoryDriver::kOrganization:
      return for_each("text",
                      "organization <> '' AND lower(organization) = "
                      "lower(r.v)");
    case HistoryDriver::kIssuer:
      return for_each("int", "issuer = r.v");
    case HistoryDriver::kPart:
      return anywhere(kHistoryNameText + " LIKE t.v");
    case HistoryDriver::kScan:
      break;
  }
  return anywhere("strpos(" + kHistoryNameText + ", t.v) > 0");
}

std::string like_pattern(std::string_view literal) {
  std::string like = "%";
  for (const char c : literal) {
    if (c == '\\' || c == '_') like += '\\';
    like += c;
  }
  return like + '%';
}

// The substring index knows sequences of three letters and digits; asked for
// less it would be read as a whole.
HistoryDriver part_driver(const HistoryTerm& term) {
  constexpr std::size_t kIndexed = 3;
  std::size_t run = 0;
  for (const char c : longest_literal(term.text)) {
    const bool counts = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    run = counts ? run + 1 : 0;
    if (run == kIndexed) return HistoryDriver::kPart;
  }
  return HistoryDriver::kScan;
}

// One of a list, in a text of lines.
void add_line(std::string& lines, std::string_view line) {
  if (!lines.empty()) lines += '\n';
  for (const char c : line) lines += c == '\n' ? ' ' : c;
}

}  // namespace

HistoryDriver history_driver(const HistoryTerm& term) {
  switch (term.kind) {
    case Kind::kPart:
      return part_driver(term);
    case Kind::kPattern:
      return literal_end(term.text).empty() ? part_driver(term)
                                            : HistoryDriver::kDomain;
    case Kind::kSha256:
      return HistoryDriver::kSha256;
    case Kind::kSpki:
      return HistoryDriver::kSpki;
    case Kind::kSerial:
      return HistoryDriver::kSerial;
    case Kind::kOrganization:
      return HistoryDriver::kOrganization;
    case Kind::kIssuer:
    case Kind::kIssuerKey:
      return HistoryDriver::kIssuer;
    default:
      return HistoryDriver::kDomain;
  }
}

std::uint64_t history_number(std::int64_t sha256_hash) {
  return static_cast<std::uint64_t>(sha256_hash) >> kUnnumberedBits;
}

bool by_window(HistoryDriver driver) {
  return driver == HistoryDriver::kIssuer || driver == HistoryDriver::kPart ||
         driver == HistoryDriver::kScan;
}

// Plans are made once for each connection: with a hundred partitions that takes
// longer than the search.
std::string planner_settings(HistoryDriver driver) {
  const bool scan =
      driver == HistoryDriver::kPart || driver == HistoryDriver::kScan;
  return std::string(
             "SET LOCAL plan_cache_mode = force_generic_plan;"
             "SET LOCAL enable_seqscan = ") +
         (scan ? "on" : "off");
}

HistoryWindow window_of(const HistoryNarrowing& narrowing) {
  return {std::max(narrowing.not_after_from.value_or(kEarliest), kEarliest),
          std::min(narrowing.not_after_before.value_or(kBehindLatest),
                   kBehindLatest)};
}

std::vector<HistoryWindow> split_window(const HistoryWindow& window,
                                        Seconds now) {
  constexpr Seconds kDay = 86'400;
  std::vector<HistoryWindow> out;
  HistoryWindow rest = window;
  for (const Seconds days : {80, 60, 30, 0, -90, -365}) {
    const Seconds from = std::max(now + days * kDay, rest.from);
    if (from >= rest.before) continue;
    out.push_back({from, rest.before});
    rest.before = from;
  }
  if (rest.from < rest.before) out.push_back(rest);
  return out;
}

std::optional<Texts> issuer_numbers(Tx& tx, const HistoryNarrowing& narrowing) {
  std::optional<Texts> out;
  if (narrowing.issuer) out = issuers_by_name(tx, *narrowing.issuer);
  if (narrowing.issuer_spki_sha256) {
    auto by_key = issuers_by_key(tx, *narrowing.issuer_spki_sha256);
    if (out) {
      std::erase_if(by_key, [&](const std::string& number) {
        return std::ranges::find(*out, number) == out->end();
      });
    }
    out = std::move(by_key);
  }
  return out;
}

std::string HistoryArguments::add(Param value) {
  all_.push_back(std::move(value));
  return "$" + std::to_string(all_.size());
}

std::string HistoryArguments::add_time(Seconds t) {
  return "to_timestamp(" + add(t) + "::bigint)";
}

const char* const kHistoryRow =
    "extract(epoch FROM h.not_before)::bigint AS not_before, h.final,"
    " h.issuer, h.domain, h.names, h.organization, h.serial, h.spki,"
    " h.sha256, history_hash(h.sha256) AS sha256_hash, h.sightings";

std::string history_conditions(const HistoryNarrowing& narrowing,
                               const std::optional<Texts>& issuers,
                               HistoryArguments& arguments) {
  std::string out;
  if (issuers) {
    out += " AND h.issuer = ANY (" + arguments.add(*issuers) + "::int[])";
  }
  if (narrowing.organization) {
    out += " AND lower(h.organization) = lower(" +
           arguments.add(history_organization(*narrowing.organization)) + ")";
  }
  const auto time = [&](const char* comparison, Seconds t) {
    out += std::string(" AND h.not_before ") + comparison + ' ' +
           arguments.add_time(std::clamp(t, kEarliest, kBehindLatest));
  };
  if (narrowing.not_before_from) time(">=", *narrowing.not_before_from);
  if (narrowing.not_before_before) time("<", *narrowing.not_before_before);
  return out;
}

HistoryStatement::HistoryStatement(Tx& tx, std::span<const HistoryTerm> terms,
                                   std::size_t first, std::size_t end,
                                   const HistoryNarrowing& narrowing,
                                   const std::optional<Texts>& issuers)
    : driver_(history_driver(terms[first])),
      first_term_(first),
      is_single_(end - first == 1) {
  for (std::size_t i = 0; i < kFixedArguments; ++i) arguments_.add(nullptr);
  add_driver(tx, terms, first, end);
  if (finds_nothing_) return;
  // Joins that lean on what stands before them keep its order.
  sql_ =
      "SELECT t.q, extract(epoch FROM k.not_after)::bigint AS c_not_after,"
      " k.id AS c_id, h.* FROM unnest($6::int[], $7::text[], $8::text[],"
      " $9::text[], $10::text[]) AS t (q, v, e, a, l) CROSS JOIN LATERAL "
      "(SELECT to_timestamp(f) AS f,"
      " to_timestamp(b) AS b FROM unnest($1::bigint[], $2::bigint[])"
      " AS w (f, b) WHERE t.q IS NOT NULL OFFSET 0) AS w"
      " CROSS JOIN LATERAL (SELECT * FROM (" +
      candidates(driver_) +
      ") AS c WHERE (c.not_after, c.id) < (to_timestamp($3::bigint),"
      " $4::bigint) ORDER BY c.not_after DESC, c.id DESC) AS k"
      " LEFT JOIN LATERAL (SELECT " +
      kHistoryRow +
      " FROM history h WHERE h.domain = k.main"
      " AND h.not_after = k.not_after AND h.id = k.id" +
      history_conditions(narrowing, issuers, arguments_) +
      " LIMIT 1) AS h ON true LIMIT $5::bigint";
}

void HistoryStatement::add_driver(Tx& tx, std::span<const HistoryTerm> terms,
                                  std::size_t first, std::size_t end) {
  Texts numbers, values, ends, aboves, labels;
  for (std::size_t i = first; i < end; ++i) {
    const HistoryTerm& term = terms[i];
    std::string value, behind, above, label;
    const auto add = [&](std::string_view v) { add_line(value, v); };
    if (driver_ == HistoryDriver::kScan) {
      add(longest_literal(term.text));
    } else if (driver_ == HistoryDriver::kPart) {
      add(like_pattern(longest_literal(term.text)));
    } else if (driver_ == HistoryDriver::kDomain) {
      for (const auto& range : key_ranges(term)) {
        const bool all = range.label.empty();
        add_line(all ? value : above, range.begin);
        add_line(all ? behind : label, all ? range.end : range.label);
      }
    } else if (term.kind == Kind::kSha256) {
      add(bytea_text(term.hash));
    } else if (term.kind == Kind::kSpki) {
      add(bytea_text(ByteView(term.hash).first(16)));
    } else if (term.kind == Kind::kSerial) {
      for (const auto& v : serial_values(term.text)) add(v);
    } else if (term.kind == Kind::kOrganization) {
      add(history_organization(term.text));
    } else {
      for (const auto& number : term.kind == Kind::kIssuer
                                    ? issuers_by_name(tx, term.text)
                                    : issuers_by_key(tx, term.hash)) {
        add(number);
      }
    }
    finds_nothing_ = value.empty() && driver_ != HistoryDriver::kScan;
    numbers.push_back(std::to_string(i));
    values.push_back(std::move(value));
    ends.push_back(std::move(behind));
    aboves.push_back(std::move(above));
    labels.push_back(std::move(label));
  }
  arguments_.add(numbers);
  arguments_.add(values);
  arguments_.add(ends);
  arguments_.add(aboves);
  arguments_.add(labels);
}

std::vector<Param> HistoryStatement::params(
    const std::vector<HistoryWindow>& windows, const HistoryPlace& after,
    std::size_t limit) const {
  Texts from, before;
  for (const auto& w : windows) {
    from.push_back(std::to_string(w.from));
    before.push_back(std::to_string(w.before));
  }
  std::vector<Param> out = arguments_.all();
  out[0] = from;
  out[1] = before;
  out[2] = after.not_after;
  out[3] = after.id;
  if (limit > 0) out[4] = static_cast<std::uint64_t>(limit);
  return out;
}

}  // namespace ct::sql
