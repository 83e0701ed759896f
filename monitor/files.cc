#include "monitor/files.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace ct::monitor {

Result<std::string> read_file(const std::string& path, std::size_t max) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return fail(Errc::kUsage,
                fmt::format("{}: {}", path, std::strerror(errno)));
  }
  std::string out;
  char block[64 * 1024];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    out.append(block, static_cast<std::size_t>(in.gcount()));
    if (out.size() > max) {
      return fail(Errc::kUsage,
                  fmt::format("{}: larger than {} bytes", path, max));
    }
  }
  if (in.bad()) return fail(Errc::kUsage, path + ": cannot be read");
  return out;
}

Result<void> write_file(const std::string& path, std::string_view content) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  const std::string temporary = fmt::format("{}.{}.new", path, getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << content;
    out.flush();
    if (!out) {
      return fail(Errc::kUsage,
                  fmt::format("{}: {}", temporary, std::strerror(errno)));
    }
  }
  std::filesystem::rename(temporary, path, error);
  if (error) {
    return fail(Errc::kUsage, fmt::format("{}: {}", path, error.message()));
  }
  return {};
}

}  // namespace ct::monitor
