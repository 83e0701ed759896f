#include "sql/database.h"

#include <mutex>
#include <utility>

#include "base/log.h"
#include "sql/connect.h"
#include "sql/pqxx_compat.h"

namespace ct::sql {
namespace {

// Not by `options` at start-up, which connection poolers refuse. No statement
// of ours is worth a compiler or a second process.
constexpr const char* kSettings =
    "SET statement_timeout = '30s';"
    "SET idle_in_transaction_session_timeout = '60s';"
    "SET bytea_output = 'hex';"
    "SET jit = off;"
    "SET max_parallel_workers_per_gather = 0;"
    "SET timezone = 'UTC';"
    "SET default_transaction_isolation = 'read committed'";

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

std::unique_ptr<pqxx::connection> open_connection(const std::string& options) {
  try {
    auto connection = std::make_unique<pqxx::connection>(options);
    compat::set_up(*connection);
    return connection;
  } catch (const pqxx::failure& e) {
    throw SqlError{{connect_errc(e.what()),
                    "cannot connect to the database: " + one_line(e.what())},
                   ""};
  }
}

// What `run` does, its exceptions as errors.
template <class Run>
Result<void> caught(const Run& run) {
  try {
    return run();
  } catch (const SqlError& e) {
    return tl::unexpected(e.error);
  } catch (const std::exception& e) {
    return fail(Errc::kInternal, "database: " + one_line(e.what()));
  }
}

}  // namespace

class Database::Impl {
 public:
  Impl(std::string options, std::string settings)
      : options_(std::move(options)), settings_(std::move(settings)) {}

  // Throws SqlError, like all that follows.
  void open();
  Result<void> transact(const std::function<Result<void>(Tx&)>& body);
  Result<void> look(const std::function<Result<void>(Tx&)>& body);

  void cancel();
  [[nodiscard]] const std::string& settings() const { return settings_; }

  bool in_doubt = false;

 private:
  // Starts a transaction, on a new connection if the old one is broken.
  std::unique_ptr<pqxx::work> begin();
  void commit(pqxx::work& work);

  // `connection` in the place of the one there is.
  void exchange(std::unique_ptr<pqxx::connection> connection);

  const std::string options_, settings_;
  std::mutex mutex_;  // of the pointer: cancel() reads it in another thread
  std::unique_ptr<pqxx::connection> connection_;
  Session session_;
};

void Database::Impl::open() {
  session_ = {};
  session_.options = options_;
  exchange(nullptr);
  auto connection = open_connection(options_);
  try {
    pqxx::nontransaction(*connection).exec(kSettings + (';' + settings_));
  } catch (...) {
    rethrow_as_sql_error();
  }
  exchange(std::move(connection));
}

void Database::Impl::exchange(std::unique_ptr<pqxx::connection> connection) {
  const std::lock_guard lock(mutex_);
  connection_ = std::move(connection);
}

void Database::Impl::cancel() {
  const std::lock_guard lock(mutex_);
  // Of a lost connection libpqxx would say that there is no memory.
  if (!connection_ || !connection_->is_open()) return;
  try {
    connection_->cancel_query();
  } catch (const std::exception& e) {
    log_warning("a statement could not be broken off", {{"error", e.what()}});
  }
}

std::unique_ptr<pqxx::work> Database::Impl::begin() {
  try {
    if (connection_) {
      try {
        return std::make_unique<pqxx::work>(*connection_);
      } catch (const pqxx::failure&) {
        // Lost while idle; nothing was asked of it yet, so nothing is in doubt.
        if (connection_->is_open()) throw;
      }
    }
    open();
    return std::make_unique<pqxx::work>(*connection_);
  } catch (...) {
    rethrow_as_sql_error();
  }
}

void Database::Impl::commit(pqxx::work& work) {
  try {
    work.commit();
    return;
  } catch (const pqxx::in_doubt_error&) {
  } catch (const pqxx::broken_connection&) {
    // The same: a socket that timed out may not count as closed yet.
  } catch (...) {
    rethrow_as_sql_error();
  }
  in_doubt = true;
  throw SqlError{
      {Errc::kTransient, "database: the connection was lost during COMMIT"},
      ""};
}

Result<void> Database::Impl::transact(
    const std::function<Result<void>(Tx&)>& body) {
  in_doubt = false;
  // What was numbered in this transaction is not if it does not commit.
  struct Forget {
    std::shared_ptr<HistoryNumbers>* numbers;
    ~Forget() {
      if (numbers != nullptr) numbers->reset();
    }
  } forget{&session_.history_numbers};
  try {
    const auto work = begin();  // rolls back at its end, unless committed
    Tx tx(*work, session_);
    auto done = body(tx);
    if (!done) return done;
    // COMMIT would be answered with ROLLBACK, which libpqxx takes for success.
    if (tx.failed()) {
      return fail(Errc::kInternal,
                  "database: the transaction had failed before COMMIT");
    }
    commit(*work);
    forget.numbers = nullptr;
    return done;
  } catch (const SqlError& e) {
    // A new connection knows nothing of what the old one had prepared.
    if (is_stale_statement(e.sqlstate)) exchange(nullptr);
    throw;
  }
}

Result<void> Database::Impl::look(
    const std::function<Result<void>(Tx&)>& body) {
  for (bool again = false;; again = true) {
    try {
      if (!connection_) open();
      pqxx::nontransaction work(*connection_);
      Tx tx(work, session_);
      return body(tx);
    } catch (const SqlError& e) {
      const bool broken = connection_ && !connection_->is_open();
      if (!broken && !is_stale_statement(e.sqlstate)) throw;
      exchange(nullptr);
      if (again) throw;
    }
  }
}

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::connect(
    const std::string& url, const std::string& settings) {
  auto options = connection_string(url);
  if (!options) return tl::unexpected(options.error());
  auto impl = std::make_unique<Impl>(*std::move(options), settings);
  const auto opened = caught([&]() -> Result<void> {
    impl->open();
    return {};
  });
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<Database>(new Database(std::move(impl)));
}

Result<void> Database::transact(const std::function<Result<void>(Tx&)>& body) {
  return caught([&] { return impl_->transact(body); });
}

Result<void> Database::look(const std::function<Result<void>(Tx&)>& body) {
  return caught([&] { return impl_->look(body); });
}

const std::string& Database::settings() const { return impl_->settings(); }

void Database::cancel() { impl_->cancel(); }

bool Database::commit_in_doubt() const { return impl_->in_doubt; }

Result<void> run_alone(const std::string& url, const std::string& sql) {
  const auto options = connection_string(url);
  if (!options) return tl::unexpected(options.error());
  return caught([&]() -> Result<void> {
    const auto connection = open_connection(*options);
    try {
      pqxx::nontransaction(*connection).exec(sql);
    } catch (...) {
      rethrow_as_sql_error();
    }
    return {};
  });
}

}  // namespace ct::sql
