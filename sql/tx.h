// Tx: statements within a running transaction. For this room only.
//
// Tx::exec throws SqlError, and Database::transact turns that into an Error:
// so code inside a transaction needs no error handling of its own, and
// whatever throws rolls the transaction back.
//
// libpqxx does the work, and stays in three .cc files: its headers are slow to
// compile.
#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "sql/sql_error.h"

namespace pqxx {
class result;
class transaction_base;
}  // namespace pqxx

namespace ct::sql {

// An argument of a statement. Text is made storable: Postgres takes neither
// NUL nor broken UTF-8, and certificates hold both, so such bytes become
// U+FFFD rather than stopping a log for ever.
class Param {
 public:
  Param(std::nullptr_t) : null_(true) {}
  Param(bool v) : value_(v ? "t" : "f") {}
  Param(int v) : value_(std::to_string(v)) {}
  Param(std::int64_t v) : value_(std::to_string(v)) {}
  Param(std::uint64_t v);  // kMalformed above 2^63 - 1
  Param(std::string_view v);
  Param(const std::string& v) : Param(std::string_view(v)) {}
  Param(const char* v) : Param(std::string_view(v)) {}
  Param(ByteView v) : value_(as_text(v)), binary_(true) {}
  Param(const Bytes& v) : Param(ByteView(v)) {}
  Param(const Hash& v) : Param(ByteView(v)) {}
  Param(const std::vector<std::string>& v);  // text[]
  template <class T>
  Param(const std::optional<T>& v) : null_(true) {
    if (v) *this = Param(*v);
  }

  [[nodiscard]] bool is_null() const { return null_; }
  // In the binary form of its type, which for a bytea is the bytes themselves.
  [[nodiscard]] bool is_binary() const { return binary_; }
  [[nodiscard]] const std::string& value() const { return value_; }

 private:
  std::string value_;
  bool null_ = false;
  bool binary_ = false;
};

// A row of a result; valid as long as its Rows. A value that is not what the
// getter says throws SqlError: kInternal.
class Row {
 public:
  Row(const pqxx::result& result, int row) : result_(&result), row_(row) {}

  [[nodiscard]] bool is_null(const char* column) const;
  [[nodiscard]] std::string text(const char* column) const;  // NULL: ""
  [[nodiscard]] std::int64_t integer(const char* column) const;
  [[nodiscard]] std::uint64_t count(const char* column) const;
  [[nodiscard]] bool boolean(const char* column) const;
  [[nodiscard]] Bytes bytes(const char* column) const;  // NULL: none
  [[nodiscard]] Hash hash(const char* column) const;
  [[nodiscard]] std::optional<Hash> maybe_hash(const char* column) const;
  [[nodiscard]] std::optional<std::int64_t> maybe_integer(
      const char* column) const;
  [[nodiscard]] std::vector<std::string> texts(const char* column) const;

 private:
  template <class Read>
  auto read(const char* column, const Read& read) const;

  const pqxx::result* result_;
  int row_;
};

class Rows {
 public:
  explicit Rows(pqxx::result result);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] bool empty() const { return size() == 0; }
  // Rows inserted, updated or deleted.
  [[nodiscard]] std::size_t affected() const;
  [[nodiscard]] Row operator[](std::size_t i) const {
    return {*result_, static_cast<int>(i)};
  }

  struct Iterator {
    const Rows* rows;
    std::size_t i;
    Row operator*() const { return (*rows)[i]; }
    Iterator& operator++() { return ++i, *this; }
    bool operator!=(const Iterator& o) const { return i != o.i; }
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, size()}; }

 private:
  std::shared_ptr<const pqxx::result> result_;
};

// A one-dimensional array in the binary form, which the server need not parse
// (array_recv in src/backend/utils/adt/arrayfuncs.c). Text is storable already.
class Array {
 public:
  // By their numbers in the catalogue pg_type, which never change.
  enum Type : std::uint32_t {
    kBoolean = 16,
    kBytea = 17,
    kBigint = 20,
    kInteger = 23,
    kText = 25,
    kTimestamptz = 1184,
  };
  // What is put must be of that type, or the server refuses it.
  explicit Array(Type type) : type_(type) {}

  void text(std::string_view v);
  void bytes(ByteView v) { text(as_text(v)); }
  void integer(std::int64_t v);
  void boolean(bool v);
  void time(Seconds v);  // storable_seconds of it
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Param param() const;

 private:
  Type type_;
  std::uint32_t size_ = 0;
  Bytes elements_;
};

// Rows to be copied into a table. Text is storable already.
class CopyRows {
 public:
  explicit CopyRows(std::size_t columns) : columns_(columns) {}

  void text(std::string_view v) {
    data_ += v;
    ends_.push_back(data_.size());
  }
  void integer(std::int64_t v) { text(std::to_string(v)); }
  void boolean(bool v) { text(v ? "t" : "f"); }
  void bytes(ByteView v);
  void time(Seconds v);  // storable_seconds of it

  void clear() {
    data_.clear();
    ends_.clear();
  }
  // Of whole rows.
  [[nodiscard]] std::size_t size() const { return ends_.size() / columns_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::string_view field(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(data_).substr(begin, ends_[i] - begin);
  }

 private:
  std::size_t columns_;
  std::string data_;
  std::vector<std::size_t> ends_;
};

struct HistoryLabels;
struct HistoryNumbers;
class SideConnections;

// What a connection keeps from one transaction to the next.
struct Session {
  std::string options;  // how to make another one; may hold a password
  // The statements that are prepared, and their names.
  std::map<std::string, std::string, std::less<>> statements;
  // Forgotten whenever something is rolled back, as it may have given some of
  // them; null: none were asked for yet.
  std::shared_ptr<HistoryNumbers> history_numbers;
  std::shared_ptr<HistoryLabels> history_labels;  // null: none were met yet
  std::shared_ptr<SideConnections> side;          // null: not needed yet
};

class Tx {
 public:
  Tx(pqxx::transaction_base& transaction, Session& session)
      : transaction_(transaction), session_(session) {}

  // One statement, prepared at its first use, $1 … being `params`. Throws.
  Rows exec(std::string_view sql, const std::vector<Param>& params = {});
  // The same, not prepared: for FETCH, whose result depends on the cursor.
  Rows exec_once(const std::string& sql);
  // Any number of statements, without parameters or result. Throws.
  void run_script(const std::string& sql);
  // Neither table nor columns, "a, b, c", are quoted. Throws.
  void copy(std::string_view table, std::string_view columns,
            const CopyRows& rows);
  // `fill` puts some more rows of `count` columns, or returns false.
  void copy(std::string_view table, std::string_view columns, std::size_t count,
            const std::function<bool(CopyRows&)>& fill);
  // Runs `body`, and undoes what it did if that violated a unique key (false)
  // or a lock was not to be had in time (false as well). Throws all else.
  [[nodiscard]] bool attempt(const std::function<void()>& body);
  // Whether a statement has failed, and with it the transaction.
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] Session& session() { return session_; }

 private:
  const std::string& prepare(std::string_view sql);

  pqxx::transaction_base& transaction_;
  Session& session_;
  bool failed_ = false;
};

// SQL for a timestamptz as milliseconds since the epoch, and back.
#define CT_MILLIS(expression) \
  "floor(extract(epoch FROM " expression ") * 1000)::bigint"
#define CT_TIME(parameter) "to_timestamp((" parameter ")::bigint / 1000.0)"

// What timestamptz and people can hold: the years 0000 to 9999.
[[nodiscard]] Millis storable_time(Millis t);
// The years 0001 to 9999: as text there is no year 0.
[[nodiscard]] Seconds storable_seconds(Seconds t);

// U+FFFD for NUL and whatever is not UTF-8.
[[nodiscard]] std::string storable_text(std::string_view text);

}  // namespace ct::sql
