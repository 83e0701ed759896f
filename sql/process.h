// Child processes, run as another user where need be. For this room only.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ct::sql {

// An unprivileged user to run as, looked up before any fork.
struct RunAs {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;
};
[[nodiscard]] std::optional<RunAs> run_as_name(const std::string& name);
[[nodiscard]] std::optional<RunAs> run_as_uid(uid_t uid);

// A command with its environment, made ready to be executed after a fork,
// where nothing may be allocated any more.
class Command {
 public:
  // arguments[0] is the path of the program.
  Command(std::vector<std::string> arguments, std::optional<RunAs> run_as);

  // Async-signal-safe. Gives up privileges for good; false: it cannot.
  [[nodiscard]] bool become() const;
  // Async-signal-safe. Resets signals and executes; returns only on failure.
  void execute() const;

  [[nodiscard]] const std::string& program() const { return arguments_[0]; }

 private:
  std::vector<std::string> arguments_;
  std::optional<RunAs> run_as_;
  std::vector<char*> argv_;
};

// Runs a command to its end, standard output and error appended to the file
// `output`. Returns whether it exited with 0.
[[nodiscard]] Result<bool> run_command(const Command& command,
                                       const std::string& output);

// Whether that user can enter the folder.
[[nodiscard]] bool can_enter(const std::optional<RunAs>& user,
                             const std::string& folder);

}  // namespace ct::sql
