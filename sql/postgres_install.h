// Where the private Postgres lives: its programs, its user, its folders, and
// how they are first made. For this room only; called under the start lock.
#pragma once

#include <optional>
#include <string>

#include "sql/private_postgres.h"
#include "sql/process.h"

namespace ct::sql {

struct Binaries {
  std::string folder;  // holds initdb and postgres
  int major = 0;
};
// Those of the version `major`; 0: the newest. kUsage: says what to install.
[[nodiscard]] Result<Binaries> find_binaries(const std::string& bin_dir,
                                             int major);

// <state>/postgres holds locks and notes; the data and the socket lie there
// too, unless the server's user could not reach them there.
struct Layout {
  std::string home;  // <state>/postgres
  std::string data;
  std::string socket;  // folder
  bool socket_is_temporary = false;
  std::optional<RunAs> user;  // nullopt: run as we are

  [[nodiscard]] std::string users_lock() const { return home + "/users.lock"; }
  [[nodiscard]] std::string start_lock() const { return home + "/start.lock"; }
  [[nodiscard]] std::string keeper_lock() const {
    return home + "/keeper.lock";
  }
  [[nodiscard]] std::string log() const { return home + "/postgres.log"; }
};

// Makes <state>/postgres, absolute. kUsage: cannot be made or is not ours.
[[nodiscard]] Result<std::string> make_home(const std::string& state_dir);

// Finds the data, or chooses a place for it, and the socket's folder.
[[nodiscard]] Result<Layout> find_layout(
    const std::string& home, const PrivatePostgres::Options& options);

// The major version of the data; nullopt: there is none yet.
[[nodiscard]] std::optional<int> data_version(const Layout& layout);

// initdb, all or nothing.
[[nodiscard]] Result<void> create_data(const Layout& layout,
                                       const Binaries& binaries);

// Makes way for a start: waits for a server that is shutting down, removes
// the pid file of one that is not there. kTransient: it does not go away.
[[nodiscard]] Result<void> settle_pid_file(const Layout& layout);

// The first line of a file; nullopt: there is none.
[[nodiscard]] std::optional<std::string> read_line(const std::string& path);

// Makes a folder for `user` alone; nullopt: for us.
[[nodiscard]] Result<void> make_private_folder(
    const std::string& path, const std::optional<RunAs>& user);

// The last lines of a file from `offset` on, as one line.
[[nodiscard]] std::string tail(const std::string& path, std::size_t offset);

}  // namespace ct::sql
