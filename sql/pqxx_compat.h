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
    } else if (p.is_bytea()) {
      list.append(pqxx::binary_cast(p.value()));
    } else {
      list.append(pqxx::zview(p.value()));
    }
  }
  return transaction.exec(pqxx::prepped{name}, list);
}

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
    } else if (p.is_bytea()) {
      call(pqxx::binarystring(p.value()));
    } else {
      call(p.value());
    }
  }
  return call.exec();
}

#pragma GCC diagnostic pop

inline Bytes to_bytes(const pqxx::field& field) {
  const pqxx::binarystring value(field);
  return {value.begin(), value.end()};
}

#endif

}  // namespace ct::sql::compat
