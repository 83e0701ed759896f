#include "sql/postgres_install.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/log.h"

namespace ct::sql {
namespace {

namespace fs = std::filesystem;

std::string errno_text() { return std::strerror(errno); }

std::optional<int> to_number(std::string_view s) {
  int n = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), n);
  if (error != std::errc() || end == s.data()) return std::nullopt;
  return n;
}

bool has_binaries(const std::string& folder) {
  return access((folder + "/initdb").c_str(), X_OK) == 0 &&
         access((folder + "/postgres").c_str(), X_OK) == 0;
}

// "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" → 15
std::optional<int> binary_version(const std::string& folder) {
  char name[] = "/tmp/ctvigil-version-XXXXXX";
  const int fd = mkstemp(name);
  if (fd < 0) return std::nullopt;
  close(fd);
  std::optional<int> version;
  const auto ran = run_command(
      Command({folder + "/postgres", "--version"}, std::nullopt), name);
  if (ran && *ran) {
    const std::string line = read_line(name).value_or("");
    const auto at = line.find(") ");
    if (at != std::string::npos) version = to_number(line.substr(at + 2));
  }
  unlink(name);
  return version;
}

Result<void> write_config(const std::string& path, const std::string& text) {
  // Not through a symbolic link: the folder is another user's.
  const int fd =
      open(path.c_str(), O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
  const bool written = fd >= 0 &&
                       write(fd, text.data(), text.size()) ==
                           static_cast<ssize_t>(text.size()) &&
                       fsync(fd) == 0;
  const std::string why = errno_text();
  close(fd);
  if (!written) return fail(Errc::kUsage, "cannot write " + path + ": " + why);
  return {};
}

// Who may connect, whoever the server runs as: its owner, us and root.
Result<void> write_access_rules(const std::string& data,
                                const std::optional<RunAs>& user) {
  std::string map;
  for (const auto& who : {run_as_uid(0), run_as_uid(geteuid()), user}) {
    if (who && map.find("\"" + who->name + "\"") == std::string::npos) {
      map += "ctvigil \"" + who->name + "\" ctvigil\n";
    }
  }
  auto done = write_config(data + "/pg_ident.conf", map);
  if (!done) return done;
  return write_config(data + "/pg_hba.conf",
                      "# Unix sockets only, for the users in pg_ident.conf.\n"
                      "local all all peer map=ctvigil\n");
}

// The state letter of /proc/<pid>/stat; nullopt: no such process.
std::optional<char> process_state(int pid) {
  const auto line = read_line("/proc/" + std::to_string(pid) + "/stat");
  if (!line) return std::nullopt;
  const auto at = line->rfind(") ");
  if (at == std::string::npos || at + 2 >= line->size()) return std::nullopt;
  return (*line)[at + 2];
}

// A server changes into its data folder at once.
bool is_server_on(int pid, const std::string& data) {
  std::error_code none;
  const std::string proc = "/proc/" + std::to_string(pid);
  const auto cwd = fs::read_symlink(proc + "/cwd", none);
  const auto state = process_state(pid);
  return state && *state != 'Z' && *state != 'X' &&
         cwd == fs::canonical(data, none);
}

}  // namespace

std::optional<std::string> read_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!in || !std::getline(in, line)) return std::nullopt;
  return line;
}

Result<void> make_private_folder(const std::string& path,
                                 const std::optional<RunAs>& user) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Errc::kUsage, "cannot make " + path + ": " + errno_text());
  }
  if (user && lchown(path.c_str(), user->uid, user->gid) != 0) {
    return fail(Errc::kUsage, "cannot give " + path + " to " + user->name +
                                  ": " + errno_text());
  }
  return {};
}

Result<Binaries> find_binaries(const std::string& bin_dir, int major) {
  const std::string remedy =
      ", give the folder of its programs with --postgres-bin, or name a "
      "database of your own with --database";
  std::vector<Binaries> found;
  if (!bin_dir.empty()) {
    const auto version =
        has_binaries(bin_dir) ? binary_version(bin_dir) : std::nullopt;
    if (!version) {
      return fail(Errc::kUsage,
                  "no initdb and postgres that run in " + bin_dir + remedy);
    }
    found.push_back({bin_dir, *version});
  } else {
    std::error_code none;
    for (const auto& entry :
         fs::directory_iterator("/usr/lib/postgresql", none)) {
      const auto version = to_number(entry.path().filename().string());
      const std::string folder = entry.path() / "bin";
      if (version && has_binaries(folder)) found.push_back({folder, *version});
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "" : path);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (folder.empty() || folder[0] != '/' || !has_binaries(folder)) continue;
      const auto version = binary_version(folder);
      if (version) found.push_back({folder, *version});
    }
  }
  const Binaries* best = nullptr;
  for (const auto& b : found) {
    if (major != 0 ? b.major == major : !best || b.major > best->major) {
      best = &b;
    }
  }
  if (best != nullptr) return *best;
  if (found.empty()) {
    return fail(Errc::kUsage,
                "no Postgres server is installed: install it (Debian: apt-get "
                "install postgresql)" +
                    remedy);
  }
  const std::string wanted = std::to_string(major);
  return fail(Errc::kUsage,
              "the data is of Postgres " + wanted + ", but only Postgres " +
                  std::to_string(found[0].major) +
                  " is installed: install postgresql-" + wanted +
                  ", or convert the data with pg_upgrade" + remedy);
}

std::optional<int> data_version(const Layout& layout) {
  return to_number(read_line(layout.data + "/PG_VERSION").value_or(""));
}

Result<void> create_data(const Layout& layout, const Binaries& binaries) {
  log_info("setting up a private Postgres", {{"data", layout.data}});
  // Under another name until it is whole: a kill in the middle must not leave
  // half a database behind.
  const std::string part = layout.data + ".part";
  const std::string output = layout.home + "/initdb.log";
  std::error_code error;
  fs::remove_all(part, error);
  unlink(output.c_str());
  auto done = make_private_folder(part, layout.user);
  if (!done) return done;
  const auto ran = run_command(
      Command({binaries.folder + "/initdb", "--pgdata=" + part,
               "--username=ctvigil", "--encoding=UTF8", "--locale=C",
               "--data-checksums", "--auth-local=peer", "--auth-host=reject"},
              layout.user),
      output);
  if (!ran) return tl::unexpected(ran.error());
  if (!*ran) {
    return fail(Errc::kUsage, "initdb failed: " + tail(output, 0) +
                                  " (all of it is in " + output + ")");
  }
  done = write_access_rules(part, layout.user);
  if (!done) return done;
  if (std::rename(part.c_str(), layout.data.c_str()) != 0) {
    return fail(Errc::kUsage, "cannot rename " + part + " to " + layout.data +
                                  ": " + errno_text());
  }
  return {};
}

Result<void> settle_pid_file(const Layout& layout) {
  const std::string path = layout.data + "/postmaster.pid";
  constexpr auto kPause = std::chrono::milliseconds(20);
  for (int waited = 0; access(path.c_str(), F_OK) == 0; ++waited) {
    // Empty, or of a process that is gone, a zombie or something else by now:
    // Postgres itself would be misled by it.
    const auto pid = to_number(read_line(path).value_or(""));
    if (!pid || *pid <= 1 || !is_server_on(*pid, layout.data)) {
      if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return fail(Errc::kUsage,
                    "cannot remove the stale " + path + ": " + errno_text());
      }
      return {};
    }
    if (waited * kPause > std::chrono::seconds(60)) {
      return fail(Errc::kTransient, "a Postgres that is not ours (process " +
                                        std::to_string(*pid) + ") runs on " +
                                        layout.data + ": stop it");
    }
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

std::string tail(const std::string& path, std::size_t offset) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(0, std::ios::end);
  const auto size =
      static_cast<std::size_t>(std::max<std::streamoff>(in.tellg(), 0));
  constexpr std::size_t kMost = 800;
  offset = size > offset + kMost ? size - kMost : std::min(offset, size);
  in.seekg(static_cast<std::streamoff>(offset));
  std::string text(size - offset, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  std::string out;
  for (const char c : text) {
    if (c != '\n' && c != '\t' && c != '\r') {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

}  // namespace ct::sql
