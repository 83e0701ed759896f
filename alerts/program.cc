// Programs, and standard output.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "alerts/delivery.h"
#include "alerts/payload.h"
#include "alerts/text.h"

extern char** environ;

namespace ct::alerts {
namespace {

using Clock = std::chrono::steady_clock;

// Kept of what a program prints, for the error text.
constexpr std::size_t kMaxOutput = 1024;

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  [[nodiscard]] int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// The environment without what is ours alone: CTVIGIL_* and PG* variables may
// hold passwords.
std::vector<char*> child_environment() {
  std::vector<char*> out;
  for (char** e = environ; e != nullptr && *e != nullptr; ++e) {
    const std::string_view variable(*e);
    if (!variable.starts_with("CTVIGIL_") && !variable.starts_with("PG")) {
      out.push_back(*e);
    }
  }
  out.push_back(nullptr);
  return out;
}

// Starts the program in a process group of its own, with `in` as its standard
// input, `out` as standard output and error, and no other descriptor of ours.
// Returns errno.
int spawn(const Channel& channel, int in, int out, pid_t& pid) {
  std::vector<char*> argv{const_cast<char*>(channel.target.c_str())};
  for (const auto& a : channel.arguments) {
    argv.push_back(const_cast<char*>(a.c_str()));
  }
  argv.push_back(nullptr);
  const std::vector<char*> environment = child_environment();

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  if (posix_spawn_file_actions_init(&files) != 0) return ENOMEM;
  if (posix_spawnattr_init(&attributes) != 0) {
    posix_spawn_file_actions_destroy(&files);
    return ENOMEM;
  }
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  // What we ignore or block, SIGPIPE above all, is not the program's affair.
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK |
                                            POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETPGROUP);
  int error = posix_spawn_file_actions_adddup2(&files, in, 0);
  if (error == 0) error = posix_spawn_file_actions_adddup2(&files, out, 1);
  if (error == 0) error = posix_spawn_file_actions_adddup2(&files, out, 2);
  if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(&files, 3);
  if (error == 0) {
    error = posix_spawn(&pid, channel.target.c_str(), &files, &attributes,
                        argv.data(), environment.data());
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  return error;
}

// Reads what is there, keeps the beginning and drops the rest, so that a
// program that floods its output neither blocks nor fills our memory. At most
// 1 MiB at once. False at the end of the output.
bool drain(int fd, std::string& kept) {
  std::array<char, 16384> buffer;
  for (int i = 0; i < 64; ++i) {
    const ssize_t n = read(fd, buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    kept.append(buffer.data(), std::min(static_cast<std::size_t>(n),
                                        kMaxOutput - kept.size()));
  }
  return true;
}

// How a program ended; nullopt: it was killed, for the reason in `why`.
std::optional<int> await(pid_t pid, Fd output, std::string& kept,
                         const std::stop_token& stop, std::string& why) {
  const auto deadline = Clock::now() + kDeliveryTimeout;
  for (;;) {
    pollfd poll_output{output.get(), POLLIN, 0};
    poll(&poll_output, 1, 20);
    if (output.get() >= 0 && poll_output.revents != 0 &&
        !drain(output.get(), kept)) {
      output.reset();
    }
    int status = 0;
    const pid_t ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) {
      // Not to its end: a child left in the background may hold it open.
      if (output.get() >= 0) (void)drain(output.get(), kept);
      return status;
    }
    if (ended < 0 && errno != EINTR) {
      why = fmt::format("lost sight of the program: {}", std::strerror(errno));
      return std::nullopt;
    }
    const bool late = Clock::now() >= deadline;
    if (late || stop.stop_requested()) {
      why = late ? fmt::format("the program did not end within {} s",
                               kDeliveryTimeout.count())
                 : "stopped";
      kill(-pid, SIGKILL);
      while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
      }
      return std::nullopt;
    }
  }
}

std::string with_output(std::string what, std::string_view output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == '\r')) {
    output.remove_suffix(1);
  }
  if (output.empty()) return what;
  return fmt::format("{}; it printed: {}", what, visible(output, 400));
}

// SIGPIPE blocked in this thread, and one that came meanwhile taken away.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigset_t pending;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec at_once{};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_, before_;
  bool was_pending_;
};

}  // namespace

Delivered deliver_program(const Channel& channel, const Message& message,
                          std::stop_token stop) {
  // A file in memory, not a pipe: a program that does not read its input can
  // neither block us nor raise SIGPIPE.
  const Fd input(memfd_create("ctvigil-alert", MFD_CLOEXEC));
  if (input.get() < 0 ||
      !write_all(input.get(), message_json(message, now_millis()) + "\n") ||
      lseek(input.get(), 0, SEEK_SET) != 0) {
    return retry(
        fmt::format("no input for the program: {}", std::strerror(errno)));
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return retry(fmt::format("no pipe: {}", std::strerror(errno)));
  }
  Fd output(ends[0]), child_output(ends[1]);
  fcntl(output.get(), F_SETFL, O_NONBLOCK);

  pid_t pid = -1;
  if (const int e = spawn(channel, input.get(), child_output.get(), pid)) {
    return retry(fmt::format("cannot run the program: {}", std::strerror(e)));
  }
  child_output.reset();

  std::string printed, why;
  const auto status = await(pid, std::move(output), printed, stop, why);
  if (!status) return retry(with_output(why, printed));
  if (WIFEXITED(*status) && WEXITSTATUS(*status) == 0) return {};
  return retry(with_output(
      WIFEXITED(*status) ? fmt::format("the program ended with status {}",
                                       WEXITSTATUS(*status))
                         : fmt::format("the program was killed by signal {}",
                                       WTERMSIG(*status)),
      printed));
}

Delivered deliver_stdout(const Channel& channel, const Message& message,
                         std::stop_token stop) {
  // One message at a time, whole.
  static std::timed_mutex turn;
  const auto deadline = Clock::now() + kDeliveryTimeout;
  const std::unique_lock lock(turn, deadline);
  if (!lock) return retry("standard output is blocked");

  const std::string text = channel.target == "json"
                               ? message_json(message, now_millis()) + "\n"
                               : alert_text(message.alert) + "\n";
  const NoSigpipe guard;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (stop.stop_requested()) return retry("stopped");
    if (Clock::now() >= deadline) return retry("standard output is blocked");
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    if (poll(&out, 1, 100) <= 0) continue;
    // A pipe that polls as writable takes PIPE_BUF bytes without blocking.
    const ssize_t n = write(STDOUT_FILENO, rest.data(),
                            std::min<std::size_t>(rest.size(), 4096));
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) {
      return retry(fmt::format("standard output: {}", std::strerror(errno)));
    }
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace ct::alerts
