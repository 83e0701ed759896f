// Names for the holders of leases, so that a restart after a crash need not
// wait for the leases of the process that died.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "monitor/log_reading.h"

namespace ct::monitor {
namespace {

// This machine, as long as it is up: a reboot makes all its pids void.
std::string machine() {
  char host[256] = "?";
  gethostname(host, sizeof host - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  return fmt::format("{}/{}", host, boot);
}

// Field 22 of /proc/pid/stat: when the process began, in ticks since boot.
std::string start_time(pid_t pid) {
  std::ifstream in(fmt::format("/proc/{}/stat", pid));
  std::string line;
  std::getline(in, line);
  // The command's name, in brackets, may hold anything.
  const auto after_name = line.rfind(')');
  if (after_name == std::string::npos) return "";
  std::istringstream fields(line.substr(after_name + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  return field;
}

}  // namespace

std::string lease_owner() {
  return fmt::format("{}/{}/{}", machine(), getpid(), start_time(getpid()));
}

bool owner_is_dead(std::string_view owner) {
  const std::string here = machine() + "/";
  if (!owner.starts_with(here)) return false;
  owner.remove_prefix(here.size());
  const auto slash = owner.find('/');
  if (slash == std::string_view::npos) return false;
  pid_t pid = 0;
  const auto [end, error] =
      std::from_chars(owner.data(), owner.data() + slash, pid);
  if (error != std::errc() || end != owner.data() + slash || pid <= 0) {
    return false;
  }
  if (kill(pid, 0) != 0 && errno == ESRCH) return true;
  return start_time(pid) != owner.substr(slash + 1);
}

}  // namespace ct::monitor
