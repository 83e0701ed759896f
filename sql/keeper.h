// The keeper: parent of the private Postgres. For this room only.
//
// A process of its own, in a session of its own, so that Ctrl-C misses it. It
// waits for the exclusive lock on the users' lock file, which it gets when the
// last user is gone, however that user ended; then it stops the server and
// ends. While it lives it holds the keeper's lock. If the server ends by
// itself, so does the keeper; if the keeper is killed, the server shuts down.
#pragma once

#include <string>

#include "base/result.h"
#include "sql/process.h"

namespace ct::sql {

struct KeeperPlan {
  std::string users_lock;
  std::string keeper_lock;
  std::string log;            // the server's standard error; appended to
  std::string remove_folder;  // once the server has stopped; "": none
  Command postgres;
};

// Returns a file descriptor to be closed by the caller, which becomes
// readable when the keeper has ended. Safe with threads running.
[[nodiscard]] Result<int> start_keeper(const KeeperPlan& plan);

}  // namespace ct::sql
