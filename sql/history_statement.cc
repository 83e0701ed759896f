#include "sql/history_statement.h"

#include <algorithm>

#include "base/hex.h"
#include "sql/history_key.h"

namespace ct::sql {
namespace {

using Kind = HistoryTerm::Kind;
using Texts = std::vector<std::string>;

// What storable_time gives, and the second behind.
constexpr Seconds kEarliest = -62'167'219'200, kBehindLatest = 253'402'300'800;

constexpr std::size_t kFixedArguments = 5;

// An argument of type bytea[].
std::string bytea_element(ByteView bytes) { return "\\x" + to_hex(bytes); }

// A serial number as DER has it: with a zero byte before it if the first bit
// is set. People leave that out, or write more.
Texts serial_values(std::string_view hex) {
  const Bytes given = history_serial(hex);
  Bytes number = given;
  while (!number.empty() && number.front() == 0) number.erase(number.begin());
  Bytes padded = number;
  padded.insert(padded.begin(), 0);
  Texts out = {bytea_element(number), bytea_element(padded)};
  if (given != number && given != padded) out.push_back(bytea_element(given));
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

constexpr const char* kInWindow =
    "not_after >= to_timestamp($1::bigint) AND "
    "not_after < to_timestamp($2::bigint)";

// Planned by itself, with the term known. Otherwise the planner, which takes
// any window for a small one, may look through the whole window first.
constexpr const char* kFence = " OFFSET 0";

// For each term of $6 what `condition` finds in history.
std::string for_each(const std::string& arrays, const std::string& condition) {
  return "SELECT r.q, c.not_after, c.id, c.main FROM " + arrays +
         " CROSS JOIN LATERAL (SELECT domain AS main, not_after, id "
         "FROM history WHERE " +
         condition + " AND " + kInWindow + kFence + ") AS c";
}

std::string by_hash(const std::string& column) {
  return for_each("unnest($6::int[], $7::bytea[]) AS r (q, v)",
                  "history_hash(" + column + ") = history_hash(r.v) AND " +
                      column + " = r.v");
}

}  // namespace

HistoryDriver history_driver(const HistoryTerm& term) {
  switch (term.kind) {
    case Kind::kPart:
      return HistoryDriver::kScan;
    case Kind::kPattern:
      return literal_end(term.text).empty() ? HistoryDriver::kScan
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

bool by_window(HistoryDriver driver) {
  return driver == HistoryDriver::kIssuer || driver == HistoryDriver::kScan;
}

HistoryWindow window_of(const HistoryNarrowing& narrowing) {
  return {std::max(narrowing.not_after_from.value_or(kEarliest), kEarliest),
          std::min(narrowing.not_after_before.value_or(kBehindLatest),
                   kBehindLatest)};
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

HistoryStatement::HistoryStatement(Tx& tx, std::span<const HistoryTerm> terms,
                                   std::size_t first, std::size_t end,
                                   const HistoryNarrowing& narrowing,
                                   const std::optional<Texts>& issuers)
    : driver_(history_driver(terms[first])),
      first_term_(first),
      is_single_(end - first == 1) {
  add_driver(tx, terms, first, end);
  if (finds_nothing_) return;
  sql_ =
      "SELECT k.q, extract(epoch FROM k.not_after)::bigint AS c_not_after,"
      " k.id AS c_id, h.* FROM (SELECT * FROM (" +
      candidates() +
      ") AS f WHERE (f.not_after, f.id) < (to_timestamp($3::bigint),"
      " $4::bigint) ORDER BY f.q, f.not_after DESC, f.id DESC"
      " LIMIT $5::bigint) AS k LEFT JOIN LATERAL (SELECT"
      " extract(epoch FROM h.not_before)::bigint AS not_before, h.final,"
      " h.domain, h.names, h.organization, h.serial, h.spki, h.sha256,"
      " h.sightings,"
      " (SELECT i.name FROM history_issuer i WHERE i.issuer = h.issuer)"
      " AS issuer,"
      " (SELECT i.spki_sha256 FROM history_issuer i WHERE i.issuer = h.issuer)"
      " AS issuer_spki FROM history h WHERE h.domain = k.main"
      " AND h.not_after = k.not_after AND h.id = k.id" +
      conditions(narrowing, issuers) +
      " LIMIT 1) AS h ON true ORDER BY k.q, k.not_after DESC, k.id DESC";
}

std::string HistoryStatement::argument(Param value) {
  arguments_.push_back(std::move(value));
  return "$" + std::to_string(kFixedArguments + arguments_.size());
}

void HistoryStatement::add_driver(Tx& tx, std::span<const HistoryTerm> terms,
                                  std::size_t first, std::size_t end) {
  if (driver_ == HistoryDriver::kScan) {
    const auto literal = longest_literal(terms[first].text);
    std::string like = "%";
    for (const char c : literal) {
      if (c == '\\' || c == '_') like += '\\';
      like += c;
    }
    argument(like + '%');
    argument(static_cast<std::uint64_t>(first));
    return;
  }
  Texts numbers, values, ends;
  for (std::size_t i = first; i < end; ++i) {
    const HistoryTerm& term = terms[i];
    if (driver_ == HistoryDriver::kDomain) {
      for (auto& range : key_ranges(term)) {
        values.push_back(std::move(range.begin));
        ends.push_back(std::move(range.end));
      }
    } else if (term.kind == Kind::kSha256) {
      values.push_back(bytea_element(term.hash));
    } else if (term.kind == Kind::kSpki) {
      values.push_back(bytea_element(ByteView(term.hash).first(16)));
    } else if (term.kind == Kind::kSerial) {
      for (auto& v : serial_values(term.text)) values.push_back(std::move(v));
    } else if (term.kind == Kind::kOrganization) {
      values.push_back(history_organization(term.text));
    } else {
      values = term.kind == Kind::kIssuer ? issuers_by_name(tx, term.text)
                                          : issuers_by_key(tx, term.hash);
    }
    numbers.resize(values.size(), std::to_string(i));
  }
  finds_nothing_ = values.empty();
  argument(numbers);
  argument(values);
  if (driver_ == HistoryDriver::kDomain) argument(ends);
}

std::string HistoryStatement::candidates() const {
  switch (driver_) {
    case HistoryDriver::kDomain: {
      const std::string where =
          std::string(" WHERE domain >= r.v AND domain < r.e AND ") + kInWindow;
      return "SELECT r.q, c.not_after, c.id, c.main FROM "
             "unnest($6::int[], $7::text[], $8::text[]) AS r (q, v, e) "
             "CROSS JOIN LATERAL ("
             "SELECT domain AS main, not_after, id FROM history" +
             where + " UNION ALL SELECT main, not_after, id FROM history_root" +
             where + kFence + ") AS c";
    }
    case HistoryDriver::kSha256:
      return by_hash("sha256");
    case HistoryDriver::kSpki:
      return by_hash("spki");
    case HistoryDriver::kSerial:
      return by_hash("serial");
    case HistoryDriver::kOrganization:
      return for_each("unnest($6::int[], $7::text[]) AS r (q, v)",
                      "organization <> '' AND lower(organization) = "
                      "lower(r.v)");
    case HistoryDriver::kIssuer:
      return for_each("unnest($6::int[], $7::int[]) AS r (q, v)",
                      "issuer = r.v");
    case HistoryDriver::kScan:
      break;
  }
  // Labels stand in names or in the domain as they are; addresses do not.
  return std::string(
             "SELECT $7::int AS q, not_after, id, domain AS main FROM history "
             "WHERE "
             "(names LIKE $6 OR domain LIKE $6 OR domain LIKE '#%') AND ") +
         kInWindow;
}

std::string HistoryStatement::conditions(const HistoryNarrowing& narrowing,
                                         const std::optional<Texts>& issuers) {
  std::string out;
  if (issuers) out += " AND h.issuer = ANY (" + argument(*issuers) + "::int[])";
  if (narrowing.organization) {
    out += " AND lower(h.organization) = lower(" +
           argument(history_organization(*narrowing.organization)) + ")";
  }
  const auto time = [&](const char* comparison, Seconds t) {
    out += std::string(" AND h.not_before ") + comparison + " to_timestamp(" +
           argument(std::clamp(t, kEarliest, kBehindLatest)) + "::bigint)";
  };
  if (narrowing.not_before_from) time(">=", *narrowing.not_before_from);
  if (narrowing.not_before_before) time("<", *narrowing.not_before_before);
  return out;
}

std::vector<Param> HistoryStatement::params(const HistoryWindow& window,
                                            const HistoryPlace& after,
                                            std::size_t limit) const {
  std::vector<Param> out = {window.from, window.before, after.not_after,
                            after.id, nullptr};
  if (limit > 0) out.back() = Param(static_cast<std::uint64_t>(limit));
  out.insert(out.end(), arguments_.begin(), arguments_.end());
  return out;
}

}  // namespace ct::sql
