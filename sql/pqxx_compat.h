// libpqxx, where 6 (Debian 12) and 7 (Debian 13) differ. For tx.cc and
// database.cc alone: its headers are slow to compile.
#pragma once

#include <pqxx/binarystring>
#include <pqxx/connection>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <pqxx/transaction>
#include <pqxx/version>

#if PQXX_VERSION_MAJOR >= 7
#include <pqxx/stream_to>
#else
#include <pqxx/tablewriter>
#endif

#include "base/bytes.h"
#include "sql/tx.h"

namespace ct::sql::compat {

#if PQXX_VERSION_MAJOR >= 7

// Errors without DETAIL and CONTEXT, which quote values.
inline void set_up(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::error_verbosity::terse);
}

inline pqxx::result exec_prepared(pqxx::transaction_base& transaction,
                                  const std::string& name,
                                  const std::vector<Param>& params) {
  pqxx::params list;
  list.reserve(params.size());
  for (const Param& p : params) {
    if (p.is_null()) {
      list.append();
    } else if (p.is_binary()) {
      list.append(pqxx::binary_cast(p.value()));
    } else {
      list.append(pqxx::zview(p.value()));
    }
  }
  return transaction.exec(pqxx::prepped{name}, list);
}

// COPY table (columns) FROM STDIN, in the text form.
class Copy {
 public:
  Copy(pqxx::transaction_base& transaction, std::string_view table,
       std::string_view columns)
      : stream_(pqxx::stream_to::raw_table(transaction, table, columns)) {}

  void row(const std::vector<std::string_view>& fields) {
    stream_.write_row(fields);
  }
  void finish() { stream_.complete(); }

 private:
  pqxx::stream_to stream_;
};

inline Bytes to_bytes(const pqxx::field& field) {
  const auto value = field.as<pqxx::bytes>();
  const auto* begin = reinterpret_cast<const std::uint8_t*>(value.data());
  return {begin, begin + value.size()};
}

#else

// 6 calls these deprecated, but has nothing else of the kind.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

inline void set_up(pqxx::connection& connection) {
  connection.set_verbosity(pqxx::connection::terse);
  // A connection that came back by itself would go on in the middle of what
  // had been a transaction, and without our settings.
  connection.inhibit_reactivation(true);
}

inline pqxx::result exec_prepared(pqxx::transaction_base& transaction,
                                  const std::string& name,
                                  const std::vector<Param>& params) {
  auto call = transaction.prepared(name);
  for (const Param& p : params) {
    if (p.is_null()) {
      call();
    } else if (p.is_binary()) {
      call(pqxx::binarystring(p.value()));
    } else {
      call(p.value());
    }
  }
  return call.exec();
}

// COPY table (columns) FROM STDIN, in the text form. By what 6 calls
// deprecated, which takes lines as they are: escaping them its stream_to
// costs several allocations for each field.
class Copy {
 public:
  Copy(pqxx::transaction_base& transaction, std::string_view table,
       std::string_view columns)
      : columns_(columns),
        writer_(transaction, std::string(table), &columns_, &columns_ + 1) {}

  void row(const std::vector<std::string_view>& fields) {
    line_.clear();
    for (const std::string_view field : fields) {
      if (!line_.empty()) line_ += '\t';
      for (const char c : field) put(c);
    }
    writer_.write_raw_line(line_);
  }
  void finish() { writer_.complete(); }

 private:
  void put(char c) {
    switch (c) {
      case '\t':
        line_ += "\\t";
        break;
      case '\n':
        line_ += "\\n";
        break;
      case '\r':
        line_ += "\\r";
        break;
      case '\\':
        line_ += "\\\\";
        break;
      default:
        line_ += c;
    }
  }

  std::string columns_;
  pqxx::tablewriter writer_;
  std::string line_;
};

#pragma GCC diagnostic pop

inline Bytes to_bytes(const pqxx::field& field) {
  const pqxx::binarystring value(field);
  return {value.begin(), value.end()};
}

#endif

}  // namespace ct::sql::compat
