#include "sql/database.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <utility>

#include "sql/tx.h"

namespace ct::sql {
namespace {

using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using ConnectionInfo = std::vector<std::pair<std::string, std::string>>;

// libpq's own message would quote the URL, and with it the password.
Result<ConnectionInfo> parse_url(const std::string& url) {
  ConnectionInfo info;
  if (url.empty()) return info;
  const auto bad = [](const char* what) {
    return fail(Errc::kUsage,
                std::string("the database URL ") + what +
                    "; expected postgresql://user:password@host:port/name or "
                    "key=value pairs, special characters of the password "
                    "percent-encoded");
  };
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(url.c_str(), nullptr), &PQconninfoFree);
  if (!options) return bad("cannot be read");
  for (const auto* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    const std::string_view key = o->keyword, value = o->val;
    // A stray '/' or '@' of a password moves its rest into these two, which
    // libpq does quote.
    if (key == "port" &&
        value.find_first_not_of("0123456789,") != std::string_view::npos) {
      return bad("has a port that is no number");
    }
    if (key == "host" && !value.starts_with('/') &&
        value.find('@') != std::string_view::npos) {
      return bad("has an '@' in its host");
    }
    info.emplace_back(key, value);
  }
  return info;
}

// Failing to connect has no SQLSTATE, only a text. What is not recognised
// counts as transient and is tried again.
Errc connect_errc(std::string_view message) {
  for (const std::string_view lasting :
       {"authentication failed", "no password supplied", "no pg_hba.conf entry",
        "does not exist\n", "invalid sslmode", "server does not support SSL",
        "permission denied for database", "certificate verify failed"}) {
    if (message.find(lasting) != std::string_view::npos) return Errc::kUsage;
  }
  return Errc::kTransient;
}

void ignore_notice(void*, const PGresult*) {}

}  // namespace

class Database::Impl {
 public:
  explicit Impl(ConnectionInfo info) : info_(std::move(info)) {}

  // Throws SqlError, like all that follows.
  void open();
  // Starts a transaction, on a new connection if the old one is broken.
  Tx begin();
  void commit();
  void rollback();
  void forget_if_stale(const SqlError& e);

  bool in_doubt = false;

 private:
  [[nodiscard]] bool alive() const;

  const ConnectionInfo info_;
  Connection connection_{nullptr, &PQfinish};
  StatementNames names_;
};

void Database::Impl::open() {
  names_.clear();
  connection_.reset();
  std::vector<const char*> keys, values;
  const auto add = [&](const char* key, const char* value) {
    keys.push_back(key);
    values.push_back(value);
  };
  // Of two values for one key, libpq takes the last: the user's.
  if (std::getenv("PGCONNECT_TIMEOUT") == nullptr) add("connect_timeout", "10");
  add("fallback_application_name", "ctvigil");
  // A server that vanishes without a word is noticed within a minute.
  add("keepalives_idle", "20");
  add("keepalives_interval", "10");
  add("keepalives_count", "3");
  add("tcp_user_timeout", "40000");
  for (const auto& [key, value] : info_) add(key.c_str(), value.c_str());
  add("client_encoding", "UTF8");
  add(nullptr, nullptr);

  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 0));
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    const std::string message = PQerrorMessage(connection_.get());
    connection_.reset();
    std::string line = "cannot connect to the database: ";
    for (const char c : message) {
      const bool space = c == '\n' || c == '\t' || c == ' ';
      if (!space) line += c;
      if (space && line.back() != ' ') line += ' ';
    }
    while (line.back() == ' ') line.pop_back();
    throw SqlError{{connect_errc(message), std::move(line)}, ""};
  }
  PQsetNoticeReceiver(connection_.get(), &ignore_notice, nullptr);
  // Not by `options` at start-up, which connection poolers refuse.
  checked(connection_.get(),
          PQexec(connection_.get(),
                 "SET statement_timeout = '30s';"
                 "SET idle_in_transaction_session_timeout = '60s';"
                 "SET bytea_output = 'hex';"
                 "SET timezone = 'UTC';"
                 "SET default_transaction_isolation = 'read committed'"));
}

// A connection that the server has closed while we were idle is readable and
// at its end.
bool Database::Impl::alive() const {
  if (!connection_ || PQstatus(connection_.get()) != CONNECTION_OK) {
    return false;
  }
  pollfd p{PQsocket(connection_.get()), POLLIN, 0};
  if (poll(&p, 1, 0) <= 0) return true;
  char byte = 0;
  return recv(p.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

Tx Database::Impl::begin() {
  if (!alive()) open();
  PGresult* result = PQexec(connection_.get(), "BEGIN");
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    PQclear(result);
    open();
    result = PQexec(connection_.get(), "BEGIN");
  }
  checked(connection_.get(), result);
  return {connection_.get(), names_};
}

void Database::Impl::commit() {
  PGresult* result = PQexec(connection_.get(), "COMMIT");
  // An answer that lets the connection stand is the truth. All else,
  // "terminating connection" included, may have come after the commit.
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    PQclear(result);
    connection_.reset();
    in_doubt = true;
    throw SqlError{
        {Errc::kTransient, "database: the connection was lost during COMMIT"},
        ""};
  }
  // COMMIT of a failed transaction is answered with ROLLBACK.
  if (checked(connection_.get(), result).command() != "COMMIT") {
    throw SqlError{
        {Errc::kInternal, "database: the transaction had failed before COMMIT"},
        ""};
  }
}

void Database::Impl::rollback() {
  if (!connection_) return;
  PQclear(PQexec(connection_.get(), "ROLLBACK"));
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
    connection_.reset();
  }
}

// A pooler has given us another server connection, or a table has changed
// under our plans: a new connection knows nothing of either.
void Database::Impl::forget_if_stale(const SqlError& e) {
  if (e.sqlstate == "26000" || e.sqlstate == "42P05" || e.sqlstate == "0A000") {
    connection_.reset();
  }
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::connect(const std::string& url) {
  auto info = parse_url(url);
  if (!info) return tl::unexpected(info.error());
  auto impl = std::make_unique<Impl>(*std::move(info));
  try {
    impl->open();
  } catch (const SqlError& e) {
    return tl::unexpected(e.error);
  }
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<void> Database::transact(const std::function<Result<void>(Tx&)>& body) {
  impl_->in_doubt = false;
  try {
    Tx tx = impl_->begin();
    auto done = body(tx);
    if (!done) {
      impl_->rollback();
      return done;
    }
    impl_->commit();
    return done;
  } catch (const SqlError& e) {
    if (!impl_->in_doubt) impl_->rollback();
    impl_->forget_if_stale(e);
    return tl::unexpected(e.error);
  } catch (const std::exception& e) {
    impl_->rollback();
    return fail(Errc::kInternal, std::string("database: ") + e.what());
  }
}

bool Database::commit_in_doubt() const { return impl_->in_doubt; }

}  // namespace ct::sql
