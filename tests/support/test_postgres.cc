#include "tests/support/test_postgres.h"

#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pqxx/result>

namespace ct::test {

std::string run_sql(const std::string& url, const std::string& sql) {
  try {
    pqxx::connection connection(url);
    pqxx::nontransaction session(connection);
    const pqxx::result rows = session.exec(sql);
    return rows.empty() ? "" : rows[0][0].c_str();
  } catch (const std::exception& e) {
    throw std::runtime_error(sql + ": " + e.what());
  }
}

}  // namespace ct::test
