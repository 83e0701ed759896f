#include "sql/postgres_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>

namespace ct::sql {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

}  // namespace

std::uint64_t memory_limit(std::string_view memory_max) {
  constexpr auto kNone = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t limit = 0;
  const auto [end, error] = std::from_chars(
      memory_max.data(), memory_max.data() + memory_max.size(), limit);
  return error == std::errc() && limit > 0 ? limit : kNone;
}

std::uint64_t usable_memory() {
  const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || size <= 0) return 0;
  auto memory =
      static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(size);
  const auto take_limit = [&](const std::string& path) {
    memory = std::min(memory, memory_limit(first_line(path)));
  };
  // Version 1, as a container sees its own.
  take_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
  // Version 2: "0::/system.slice/ctvigil.service"; a limit may also be set
  // further up.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string group; std::getline(groups, group);) {
    if (!group.starts_with("0::/")) continue;
    for (group.erase(0, 3);; group.erase(group.rfind('/'))) {
      take_limit("/sys/fs/cgroup" + group + "/memory.max");
      if (group.empty()) break;
    }
  }
  return memory;
}

std::string shared_buffers(std::uint64_t memory) {
  constexpr std::uint64_t kMegabyte = 1 << 20;
  return std::to_string(
             std::clamp<std::uint64_t>(memory / 8 / kMegabyte, 32, 1024)) +
         "MB";
}

}  // namespace ct::sql
