// PrivatePostgres: a Postgres of our own in the state folder, for those who
// have not named a database.
//
// initdb once; unix socket only, peer authentication; run as an unprivileged
// user when we are root. Every process that uses it holds a shared lock. The
// first one starts a keeper, a small process that is the server's parent and
// stops it once the last holder is gone, killed ones included; so commands
// come and go beside a running monitor, and nothing is left running.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace ct::sql {

class PrivatePostgres {
 public:
  struct Options {
    std::string state_dir;  // created if missing
    std::string bin_dir;    // where initdb is; "": look in the usual places
    std::string user;       // to run as when we are root; "": postgres, nobody
  };

  // Starts the server, or joins the running one. Call it before any thread is
  // started.
  // kUsage: no Postgres installed, another major version's data …: what to do
  [[nodiscard]] static Result<std::unique_ptr<PrivatePostgres>> open(
      const Options& options);
  // Gives up our hold.
  ~PrivatePostgres();

  // For Database::connect.
  [[nodiscard]] const std::string& url() const;

  // If the server died under us: starts it again. Safe with threads running.
  [[nodiscard]] Result<void> revive();

 private:
  class Impl;
  explicit PrivatePostgres(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ct::sql
