#include "sql/keeper.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ct::sql {
namespace {

// From here to run_keeper: async-signal-safe calls only. The program may have
// threads, of which nothing is left after the fork but the locks they held.

constexpr off_t kMaxLog = 8 << 20;

void on_signal(int) {}  // only to interrupt flock and nanosleep

void set_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  // SIGTERM too: a service manager sends it to the whole group at once, while
  // the program still needs its database.
  for (const int s : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGTSTP}) {
    sigaction(s, &action, nullptr);
  }
  action.sa_handler = on_signal;  // without SA_RESTART
  sigaction(SIGCHLD, &action, nullptr);
  sigaction(SIGALRM, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Leaves 0, 1 (null), 2 (the log) and 3 (the pipe). An inherited descriptor
// could hold the users' lock for ever, or a terminal open.
bool set_descriptors(const char* log, int pipe_end) {
  const int null = open("/dev/null", O_RDWR);
  const int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
  if (null < 0 || out < 0) return false;
  struct stat st {};
  if (fstat(out, &st) == 0 && st.st_size > kMaxLog && ftruncate(out, 0) != 0) {
    return false;
  }
  // Above 3 first, so that none overwrites another.
  const int high_null = fcntl(null, F_DUPFD, 10);
  const int high_out = fcntl(out, F_DUPFD, 10);
  const int high_pipe = fcntl(pipe_end, F_DUPFD, 10);
  if (dup2(high_null, 0) < 0 || dup2(high_null, 1) < 0 ||
      dup2(high_out, 2) < 0 || dup2(high_pipe, 3) < 0) {
    return false;
  }
  if (syscall(SYS_close_range, 4U, ~0U, 0U) != 0) {
    for (int fd = 4; fd < 65536; ++fd) close(fd);
  }
  return fcntl(3, F_SETFD, FD_CLOEXEC) == 0;
}

pid_t start_postgres(const Command& postgres) {
  const pid_t keeper = getpid();
  const pid_t pid = _Fork();
  if (pid != 0) return pid;
  // After giving up privileges, which would clear it; and if the keeper died
  // before, nobody would be told.
  if (!postgres.become() || prctl(PR_SET_PDEATHSIG, SIGINT) != 0 ||
      getppid() != keeper) {
    _exit(126);
  }
  postgres.execute();
  _exit(127);
}

bool reaped(pid_t pid) {
  const pid_t got = waitpid(pid, nullptr, WNOHANG);
  return got == pid || (got < 0 && errno == ECHILD);
}

// SIGINT: sessions are ended, a checkpoint is written. SIGQUIT: recovery at
// the next start.
void stop_postgres(pid_t pid) {
  struct Step {
    int signal;
    int seconds;
  };
  for (const Step step : {Step{SIGINT, 60}, {SIGQUIT, 10}, {SIGKILL, 10}}) {
    kill(pid, step.signal);
    for (int i = 0; i < step.seconds * 50; ++i) {
      if (reaped(pid)) return;
      const timespec pause{0, 20'000'000};
      nanosleep(&pause, nullptr);
    }
  }
}

[[noreturn]] void run_keeper(const KeeperPlan& plan, int pipe_end) {
  setsid();
  prctl(PR_SET_NAME, "ctvigil-keeper");
  umask(077);
  set_signals();
  if (!set_descriptors(plan.log.c_str(), pipe_end) || chdir("/") != 0) {
    _exit(1);
  }
  const int keeper =
      open(plan.keeper_lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int users =
      open(plan.users_lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (keeper < 0 || users < 0) _exit(1);
  // There is no other keeper; whoever looks for one holds the lock briefly.
  while (flock(keeper, LOCK_EX) != 0) {
    if (errno != EINTR) _exit(1);
  }
  const pid_t postgres = start_postgres(plan.postgres);
  if (postgres < 0) _exit(1);
  // SIGCHLD alone could arrive just before flock goes to sleep.
  const itimerval tick{{1, 0}, {1, 0}};
  setitimer(ITIMER_REAL, &tick, nullptr);
  while (flock(users, LOCK_EX) != 0) {
    if (errno != EINTR || reaped(postgres)) _exit(1);
  }
  stop_postgres(postgres);
  if (!plan.remove_folder.empty()) rmdir(plan.remove_folder.c_str());
  // Newcomers wait for the users' lock, then look at the keeper's: so that
  // one must go first.
  close(keeper);
  _exit(0);
}

}  // namespace

Result<int> start_keeper(const KeeperPlan& plan) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return fail(Errc::kTransient,
                std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  // Twice, so that the keeper is nobody's child to wait for.
  const pid_t pid = _Fork();
  if (pid == 0) {
    const pid_t second = _Fork();
    if (second == 0) run_keeper(plan, ends[1]);
    _exit(second < 0 ? 1 : 0);
  }
  const int fork_error = errno;
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return fail(Errc::kTransient,
                std::string("cannot fork: ") + std::strerror(fork_error));
  }
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return ends[0];
}

}  // namespace ct::sql
