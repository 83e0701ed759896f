// A real Postgres for tests, started once for the whole binary, and a fresh
// database with our schema for each test.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "sql/database.h"
#include "sql/private_postgres.h"
#include "tests/support/temp_dir.h"

namespace ct::test {

// Statements outside of any transaction; the first value of the last one's
// result, if it has any. Throws what goes wrong.
std::string run_sql(const std::string& url, const std::string& sql);

class TestServer {
 public:
  static TestServer& shared() {
    static TestServer server;
    return server;
  }

  [[nodiscard]] std::string url(const std::string& database) const {
    return server_->url() + " dbname=" + database;
  }
  [[nodiscard]] std::string admin_url() const { return url("postgres"); }
  // The name of a new database, like `from`.
  std::string create(const std::string& from) {
    const std::string name = "test_" + std::to_string(++count_);
    run_sql(admin_url(), "CREATE DATABASE " + name + " TEMPLATE " + from);
    return name;
  }

 private:
  TestServer() {
    auto server = sql::PrivatePostgres::open({dir_ / "state", "", ""});
    if (!server) throw std::runtime_error(server.error().what);
    server_ = *std::move(server);
    run_sql(admin_url(), "CREATE DATABASE migrated TEMPLATE template0");
    auto db = sql::Database::connect(url("migrated"));
    if (!db) throw std::runtime_error(db.error().what);
    const auto done = sql::migrate(**db);
    if (!done) throw std::runtime_error(done.error().what);
  }

  TempDir dir_;
  std::unique_ptr<sql::PrivatePostgres> server_;
  int count_ = 0;
};

// A database of the test's own, and a connection to it.
class TestDatabase {
 public:
  // `from`: "migrated", or "template0" for an empty one.
  explicit TestDatabase(const std::string& from = "migrated")
      : name_(TestServer::shared().create(from)), db_(connect()) {}
  ~TestDatabase() {
    db_.reset();
    run_sql(TestServer::shared().admin_url(),
            "DROP DATABASE " + name_ + " WITH (FORCE)");
  }
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  [[nodiscard]] sql::Database& db() { return *db_; }
  [[nodiscard]] std::string url() const {
    return TestServer::shared().url(name_);
  }
  // Another connection.
  [[nodiscard]] std::unique_ptr<sql::Database> connect() const {
    auto db = sql::Database::connect(url());
    if (!db) throw std::runtime_error(db.error().what);
    return *std::move(db);
  }
  std::string run(const std::string& sql) const { return run_sql(url(), sql); }

 private:
  std::string name_;
  std::unique_ptr<sql::Database> db_;
};

// Where the shared server's socket is, for a proxy before it.
inline std::string socket_folder() {
  return run_sql(TestServer::shared().admin_url(),
                 "SELECT btrim(current_setting('unix_socket_directories'), "
                 "'\"')");
}

}  // namespace ct::test
