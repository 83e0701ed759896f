#include "sql/process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ct::sql {
namespace {

// A clean one: Postgres must not depend on ours, and PG* must not reach it.
char* const kEnvironment[] = {
    const_cast<char*>("PATH=/usr/local/bin:/usr/bin:/bin"),
    const_cast<char*>("LC_ALL=C"), const_cast<char*>("HOME=/"), nullptr};

RunAs run_as_entry(const passwd& entry) {
  RunAs user{entry.pw_name, entry.pw_uid, entry.pw_gid, {}};
  int n = 64;
  user.groups.resize(static_cast<std::size_t>(n));
  while (getgrouplist(entry.pw_name, entry.pw_gid, user.groups.data(), &n) <
         0) {
    user.groups.resize(static_cast<std::size_t>(n));
  }
  user.groups.resize(static_cast<std::size_t>(n));
  return user;
}

template <class Child>
Result<int> in_child(const Child& child) {
  const pid_t pid = _Fork();
  if (pid < 0) {
    return fail(Errc::kTransient,
                std::string("cannot fork: ") + std::strerror(errno));
  }
  if (pid == 0) _exit(child());
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

// The reentrant look-ups: revive() may run beside other threads.
std::optional<RunAs> run_as_name(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(1 << 16);
  getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
  if (found == nullptr) return std::nullopt;
  return run_as_entry(entry);
}

std::optional<RunAs> run_as_uid(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(1 << 16);
  getpwuid_r(uid, &entry, text.data(), text.size(), &found);
  if (found == nullptr) return std::nullopt;
  return run_as_entry(entry);
}

Command::Command(std::vector<std::string> arguments,
                 std::optional<RunAs> run_as)
    : arguments_(std::move(arguments)), run_as_(std::move(run_as)) {
  for (auto& a : arguments_) argv_.push_back(a.data());
  argv_.push_back(nullptr);
}

bool Command::become() const {
  if (!run_as_) return true;
  // The plain system calls: glibc's wrappers speak to the other threads, which
  // do not exist after a fork.
  return syscall(SYS_setgroups, run_as_->groups.size(),
                 run_as_->groups.data()) == 0 &&
         syscall(SYS_setresgid, run_as_->gid, run_as_->gid, run_as_->gid) ==
             0 &&
         syscall(SYS_setresuid, run_as_->uid, run_as_->uid, run_as_->uid) == 0;
}

void Command::execute() const {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGALRM,
                           SIGQUIT, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execve(argv_[0], argv_.data(), kEnvironment);
}

Result<bool> run_command(const Command& command, const std::string& output) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int out =
      open(output.c_str(),
           O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (null < 0 || out < 0) {
    const std::string why = std::strerror(errno);
    close(null);
    close(out);
    return fail(Errc::kUsage, "cannot write " + output + ": " + why);
  }
  const auto status = in_child([&] {
    dup2(null, 0);
    dup2(out, 1);
    dup2(out, 2);
    if (chdir("/") != 0 || !command.become()) return 126;
    command.execute();
    return 127;
  });
  close(null);
  close(out);
  if (!status) return tl::unexpected(status.error());
  if (WIFEXITED(*status) && WEXITSTATUS(*status) >= 126) {
    return fail(Errc::kUsage,
                "cannot execute " + command.program() +
                    ": it or a folder above it is closed to the user that "
                    "Postgres runs as");
  }
  return WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

bool can_enter(const std::optional<RunAs>& user, const std::string& folder) {
  const Command command({folder}, user);
  const auto status = in_child(
      [&] { return command.become() && chdir(folder.c_str()) == 0 ? 0 : 1; });
  return status && WIFEXITED(*status) && WEXITSTATUS(*status) == 0;
}

}  // namespace ct::sql
