#include "sql/sql_error.h"

#include <pqxx/except>
#include <utility>

namespace ct::sql {
namespace {

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
      sqlstate == "25P03" || sqlstate == "25P04" ||
      is_stale_statement(sqlstate)) {
    return {Errc::kTransient, std::move(what)};
  }
  return {Errc::kInternal, std::move(what)};
}

// libpqxx hands on "ERROR:  what" in the server's language, 7 with the name of
// the statement before it.
[[noreturn]] void fail_with(const std::string& sqlstate,
                            std::string_view message) {
  constexpr std::string_view kEndOfSeverity = ":  ";
  if (const auto end = message.find(kEndOfSeverity);
      end != std::string_view::npos) {
    message.remove_prefix(end + kEndOfSeverity.size());
  }
  throw SqlError{error_of(sqlstate, "database: " + one_line(message)),
                 sqlstate};
}

}  // namespace

bool is_stale_statement(std::string_view sqlstate) {
  return sqlstate == "26000" || sqlstate == "42P05" || sqlstate == "0A000";
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

void rethrow_as_sql_error() {
  try {
    throw;
  } catch (const pqxx::insufficient_privilege& e) {  // has no SQLSTATE
    fail_with("42501", e.what());
  } catch (const pqxx::sql_error& e) {
    fail_with(e.sqlstate(), e.what());
  } catch (const pqxx::failure& e) {  // connection lost, or rolled back
    fail_with("", e.what());
  }
}

}  // namespace ct::sql
