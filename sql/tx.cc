#include "sql/tx.h"

#include <charconv>
#include <limits>

#include "base/hex.h"

namespace ct::sql {
namespace {

// How many bytes the UTF-8 character at the front of `s` has; 0: it is none
// (RFC 3629, section 4: no overlong forms, no surrogates, at most U+10FFFF).
std::size_t utf8_length(std::string_view s) {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < s.size() ? static_cast<unsigned char>(s[i]) : 0;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xc0) == 0x80; };
  const unsigned b = byte(0);
  if (b < 0x80) return 1;
  if (b >= 0xc2 && b <= 0xdf) return tail(1) ? 2 : 0;
  if (b >= 0xe0 && b <= 0xef) {
    const unsigned low = b == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = b == 0xed ? 0x9f : 0xbf;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (b >= 0xf0 && b <= 0xf4) {
    const unsigned low = b == 0xf0 ? 0x90 : 0x80;
    const unsigned high = b == 0xf4 ? 0x8f : 0xbf;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

[[noreturn]] void broken(const char* column) {
  throw SqlError{{Errc::kInternal, std::string("column ") + column +
                                       " does not hold what it should"},
                 ""};
}

std::string one_line(std::string_view message) {
  std::string out;
  for (const char c : message) {
    if (c != '\n' && c != '\t' && c != '\r') {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// A pooler has given us another server connection, or a table has changed
// under our plans.
bool stale_statement(std::string_view sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05" || sqlstate == "0A000";
}

Error error_of(std::string_view sqlstate, std::string what) {
  const auto is_class = [&](std::string_view c) {
    return sqlstate.substr(0, 2) == c;
  };
  if (sqlstate == "42501") {
    return {Errc::kUsage, what +
                              ": grant this database user the rights, or let "
                              "it own the tables"};
  }
  if (sqlstate == "42P01" || sqlstate == "42703" || sqlstate == "3F000") {
    return {Errc::kUsage,
            what + ": run `ctvigil db migrate` on this database first"};
  }
  if (sqlstate == "25006") {
    return {Errc::kUsage,
            what + ": name the primary server, not a read-only standby"};
  }
  // No answer; connection exceptions; rolled back (serialization, deadlock);
  // out of disk, memory or connections; lock not available; cancelled or shut
  // down; system errors.
  if (sqlstate.empty() || is_class("08") || is_class("40") || is_class("53") ||
      sqlstate == "55P03" || is_class("57") || is_class("58") ||
      sqlstate == "25P03" || sqlstate == "25P04" || stale_statement(sqlstate)) {
    return {Errc::kTransient, std::move(what)};
  }
  return {Errc::kInternal, std::move(what)};
}

}  // namespace

std::string storable_text(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t n = text.front() == '\0' ? 0 : utf8_length(text);
    if (n == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, n);
      text.remove_prefix(n);
    }
  }
  return out;
}

Millis storable_time(Millis t) {
  return std::clamp<Millis>(t, -62'167'219'200'000, 253'402'300'799'999);
}

Param::Param(std::uint64_t v) : value_(std::to_string(v)) {
  if (v >
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw SqlError{{Errc::kMalformed, "number too large to store: " + value_},
                   ""};
  }
}

Param::Param(std::string_view v) : value_(storable_text(v)) {}

Param::Param(const std::vector<std::string>& v) {
  value_ = "{";
  for (const auto& element : v) {
    if (value_.size() > 1) value_ += ',';
    value_ += '"';
    for (const char c : storable_text(element)) {
      if (c == '"' || c == '\\') value_ += '\\';
      value_ += c;
    }
    value_ += '"';
  }
  value_ += '}';
}

std::string_view Row::raw(const char* column) const {
  const int c = PQfnumber(result_, column);
  if (c < 0) broken(column);
  return {PQgetvalue(result_, row_, c),
          static_cast<std::size_t>(PQgetlength(result_, row_, c))};
}

bool Row::is_null(const char* column) const {
  const int c = PQfnumber(result_, column);
  if (c < 0) broken(column);
  return PQgetisnull(result_, row_, c) != 0;
}

std::string Row::text(const char* column) const {
  return std::string(raw(column));
}

std::int64_t Row::integer(const char* column) const {
  const std::string_view s = raw(column);
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  if (error != std::errc() || end != s.data() + s.size()) broken(column);
  return v;
}

std::uint64_t Row::count(const char* column) const {
  const std::int64_t v = integer(column);
  if (v < 0) broken(column);
  return static_cast<std::uint64_t>(v);
}

bool Row::boolean(const char* column) const { return raw(column) == "t"; }

Bytes Row::bytes(const char* column) const {
  const std::string_view s = raw(column);
  if (s.empty()) return {};
  auto out = s.starts_with("\\x") ? from_hex(s.substr(2)) : std::nullopt;
  if (!out) broken(column);
  return *std::move(out);
}

Hash Row::hash(const char* column) const {
  const std::string_view s = raw(column);
  const auto out =
      s.starts_with("\\x") ? hash_from_hex(s.substr(2)) : std::nullopt;
  if (!out) broken(column);
  return *out;
}

std::optional<Hash> Row::maybe_hash(const char* column) const {
  if (is_null(column)) return std::nullopt;
  return hash(column);
}

std::optional<std::int64_t> Row::maybe_integer(const char* column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

// The text form of a one-dimensional text[]: {a,"b c","d\"e"}.
std::vector<std::string> Row::texts(const char* column) const {
  std::string_view s = raw(column);
  std::vector<std::string> out;
  if (s.empty() || s == "{}") return out;
  if (s.front() != '{' || s.back() != '}') broken(column);
  s = s.substr(1, s.size() - 2);
  std::string element;
  bool quoted = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (s[i] == '\\' && i + 1 < s.size()) {
      element += s[++i];
    } else if (s[i] == '"') {
      quoted = !quoted;
    } else if (s[i] == ',' && !quoted) {
      out.push_back(std::exchange(element, {}));
    } else {
      element += s[i];
    }
  }
  out.push_back(std::move(element));
  return out;
}

std::size_t Rows::affected() const {
  const std::string_view s = PQcmdTuples(result_.get());
  std::size_t n = 0;
  std::from_chars(s.data(), s.data() + s.size(), n);
  return n;
}

Rows checked(PGconn* connection, PGresult* result) {
  Rows rows(result);
  const auto status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
      status == PGRES_EMPTY_QUERY) {
    return rows;
  }
  const char* state = result == nullptr
                          ? nullptr
                          : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  // The primary message alone: DETAIL and CONTEXT can quote values.
  const char* primary =
      result == nullptr ? nullptr
                        : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const std::string sqlstate = state == nullptr ? "" : state;
  std::string what =
      one_line(primary == nullptr ? PQerrorMessage(connection) : primary);
  if (what.empty()) what = "the connection was lost";
  throw SqlError{error_of(sqlstate, "database: " + std::move(what)), sqlstate};
}

const std::string& Tx::prepare(std::string_view sql) {
  if (const auto found = names_.find(sql); found != names_.end()) {
    return found->second;
  }
  std::string text(sql);
  std::string name = "ct" + std::to_string(names_.size());
  checked(connection_,
          PQprepare(connection_, name.c_str(), text.c_str(), 0, nullptr));
  return names_.emplace(std::move(text), std::move(name)).first->second;
}

Rows Tx::exec(std::string_view sql, const std::vector<Param>& params) {
  const std::string& name = prepare(sql);
  std::vector<const char*> values;
  std::vector<int> lengths, formats;
  for (const Param& p : params) {
    values.push_back(p.data());
    lengths.push_back(p.size());
    formats.push_back(p.format());
  }
  return checked(
      connection_,
      PQexecPrepared(connection_, name.c_str(), static_cast<int>(params.size()),
                     values.data(), lengths.data(), formats.data(), 0));
}

void Tx::run_script(const std::string& sql) {
  checked(connection_, PQexec(connection_, sql.c_str()));
}

}  // namespace ct::sql
