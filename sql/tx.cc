#include "sql/tx.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/hex.h"
#include "sql/pqxx_compat.h"

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

// Of the catalogue pg_type, which never changes them.
constexpr pqxx::oid kBytea = 17;
constexpr pqxx::oid kTextArray = 1009;

// The elements of the text form of a one-dimensional text[], {a,"b c","d\"e"}.
// Not by libpqxx: to the array_parser of 6.4, the only one it has, a semicolon
// is a separator too, and names in certificates hold what they like.
std::vector<std::string> elements(std::string_view s) {
  std::vector<std::string> out;
  if (s.empty() || s == "{}") return out;
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

void put(compat::Copy& copy, const CopyRows& rows,
         std::vector<std::string_view>& fields) {
  std::size_t next = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (auto& field : fields) field = rows.field(next++);
    copy.row(fields);
  }
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

void Array::text(std::string_view v) {
  put_uint(elements_, v.size(), 4);
  put_bytes(elements_, as_bytes(v));
  ++size_;
}

void Array::integer(std::int64_t v) {
  const std::size_t width = type_ == kInteger ? 4 : 8;
  put_uint(elements_, width, 4);
  put_uint(elements_, static_cast<std::uint64_t>(v), width);
  ++size_;
}

void Array::boolean(bool v) {
  put_uint(elements_, 1, 4);
  put_uint(elements_, v ? 1 : 0, 1);
  ++size_;
}

void Array::time(Seconds v) {
  constexpr Seconds kYear2000 = 946'684'800;
  integer((storable_seconds(v) - kYear2000) * 1'000'000);
}

Param Array::param() const {
  Bytes out;
  out.reserve(20 + elements_.size());
  put_uint(out, 1, 4);  // dimensions
  put_uint(out, 0, 4);  // no element is null
  put_uint(out, type_, 4);
  put_uint(out, size_, 4);
  put_uint(out, 1, 4);  // number of the first element
  put_bytes(out, elements_);
  return out;
}

void CopyRows::bytes(ByteView v) {
  data_ += "\\x";
  data_ += to_hex(v);
  ends_.push_back(data_.size());
}

void CopyRows::time(Seconds v) { text(format_seconds(storable_seconds(v))); }

Seconds storable_seconds(Seconds t) {
  return std::clamp<Seconds>(t, -62'135'596'800, 253'402'300'799);
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

template <class Read>
auto Row::read(const char* column, const Read& read) const {
  try {
    return read((*result_)[row_][column]);
  } catch (const std::logic_error&) {  // no such column; not of this type
    throw SqlError{{Errc::kInternal, std::string("column ") + column +
                                         " does not hold what it should"},
                   ""};
  }
}

bool Row::is_null(const char* column) const {
  return read(column, [](const pqxx::field& f) { return f.is_null(); });
}

std::string Row::text(const char* column) const {
  return read(column, [](const pqxx::field& f) {
    return std::string(f.c_str(), f.size());
  });
}

std::int64_t Row::integer(const char* column) const {
  return read(column,
              [](const pqxx::field& f) { return f.as<std::int64_t>(); });
}

std::uint64_t Row::count(const char* column) const {
  return read(column,
              [](const pqxx::field& f) { return f.as<std::uint64_t>(); });
}

bool Row::boolean(const char* column) const {
  return read(column, [](const pqxx::field& f) { return f.as<bool>(false); });
}

Bytes Row::bytes(const char* column) const {
  return read(column, [](const pqxx::field& f) {
    if (f.type() != kBytea) throw pqxx::conversion_error("not a bytea");
    return f.is_null() ? Bytes() : compat::to_bytes(f);
  });
}

Hash Row::hash(const char* column) const {
  return read(column, [&](const pqxx::field&) {
    const Bytes value = bytes(column);
    Hash hash{};
    if (value.size() != hash.size()) {
      throw pqxx::conversion_error("not a hash");
    }
    std::copy(value.begin(), value.end(), hash.begin());
    return hash;
  });
}

std::optional<Hash> Row::maybe_hash(const char* column) const {
  if (is_null(column)) return std::nullopt;
  return hash(column);
}

std::optional<std::int64_t> Row::maybe_integer(const char* column) const {
  if (is_null(column)) return std::nullopt;
  return integer(column);
}

std::vector<std::string> Row::texts(const char* column) const {
  return read(column, [](const pqxx::field& f) {
    if (f.type() != kTextArray) throw pqxx::conversion_error("not a text[]");
    return elements({f.c_str(), f.size()});
  });
}

Rows::Rows(pqxx::result result)
    : result_(std::make_shared<const pqxx::result>(std::move(result))) {}

std::size_t Rows::size() const {
  return static_cast<std::size_t>(result_->size());
}

std::size_t Rows::affected() const {
  return static_cast<std::size_t>(result_->affected_rows());
}

const std::string& Tx::prepare(std::string_view sql) {
  auto& names = session_.statements;
  if (const auto found = names.find(sql); found != names.end()) {
    return found->second;
  }
  std::string text(sql);
  std::string name = "ct" + std::to_string(names.size());
  transaction_.conn().prepare(name, text);
  return names.emplace(std::move(text), std::move(name)).first->second;
}

Rows Tx::exec(std::string_view sql, const std::vector<Param>& params) {
  try {
    return Rows(compat::exec_prepared(transaction_, prepare(sql), params));
  } catch (...) {
    failed_ = true;
    rethrow_as_sql_error();
  }
}

Rows Tx::exec_once(const std::string& sql) {
  try {
    return Rows(transaction_.exec(sql));
  } catch (...) {
    failed_ = true;
    rethrow_as_sql_error();
  }
}

void Tx::run_script(const std::string& sql) {
  try {
    transaction_.exec(sql);
  } catch (...) {
    failed_ = true;
    rethrow_as_sql_error();
  }
}

void Tx::copy(std::string_view table, std::string_view columns,
              std::size_t count, const std::function<bool(CopyRows&)>& fill) {
  try {
    compat::Copy copy(transaction_, table, columns);
    CopyRows rows(count);
    std::vector<std::string_view> fields(count);
    while (fill(rows)) {
      put(copy, rows, fields);
      rows.clear();
    }
    copy.finish();
  } catch (...) {
    failed_ = true;
    rethrow_as_sql_error();
  }
}

void Tx::copy(std::string_view table, std::string_view columns,
              const CopyRows& rows) {
  if (rows.size() == 0) return;
  try {
    compat::Copy copy(transaction_, table, columns);
    std::vector<std::string_view> fields(rows.columns());
    put(copy, rows, fields);
    copy.finish();
  } catch (...) {
    failed_ = true;
    rethrow_as_sql_error();
  }
}

bool Tx::attempt(const std::function<void()>& body) {
  constexpr std::string_view kUniqueViolation = "23505";
  constexpr std::string_view kLockNotAvailable = "55P03";
  run_script("SAVEPOINT attempt");
  try {
    body();
    run_script("RELEASE SAVEPOINT attempt");
    return true;
  } catch (const SqlError& e) {
    if (e.sqlstate != kUniqueViolation && e.sqlstate != kLockNotAvailable) {
      throw;
    }
  }
  run_script("ROLLBACK TO SAVEPOINT attempt; RELEASE SAVEPOINT attempt");
  failed_ = false;
  session_.history_numbers.reset();
  return false;
}

}  // namespace ct::sql
