// Where things lie: the state folder, the data, the socket; and whose they are.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "sql/postgres_install.h"

namespace ct::sql {
namespace {

namespace fs = std::filesystem;

// sun_path holds 108 bytes with its final NUL.
constexpr std::size_t kMaxSocketPath = 107;
constexpr std::string_view kSocketName = "/.s.PGSQL.5432";

std::string errno_text() { return std::strerror(errno); }

Result<void> write_note(const std::string& path, const std::string& line) {
  const std::string part = path + ".new";
  std::ofstream out(part, std::ios::trunc);
  out << line << '\n';
  out.close();
  if (!out || std::rename(part.c_str(), path.c_str()) != 0) {
    return fail(Errc::kUsage, "cannot write " + path + ": " + errno_text());
  }
  return {};
}

bool is_private_folder(const std::string& path,
                       const std::optional<RunAs>& user) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode) &&
         st.st_uid == (user ? user->uid : geteuid()) && (st.st_mode & 077) == 0;
}

// For data that its user could not reach in the state folder.
Result<std::string> place_elsewhere(const Layout& layout) {
  mkdir("/var/lib/ctvigil", 0711);
  for (std::string pattern :
       {"/var/lib/ctvigil/private-XXXXXX", "/var/tmp/ctvigil-private-XXXXXX"}) {
    if (mkdtemp(pattern.data()) == nullptr) continue;
    if (chmod(pattern.c_str(), 0711) == 0 && can_enter(layout.user, pattern)) {
      const std::string data = pattern + "/data";
      auto noted = write_note(layout.home + "/location", data);
      if (!noted) return tl::unexpected(noted.error());
      log_info("Postgres cannot reach the state folder; data kept elsewhere",
               {{"user", layout.user->name},
                {"state", layout.home},
                {"data", data}});
      return data;
    }
    rmdir(pattern.c_str());
  }
  return fail(Errc::kUsage,
              layout.home + " cannot be reached by user " + layout.user->name +
                  ", nor is there another place: open the folders above it "
                  "(chmod a+x), or use another --state-dir");
}

Result<void> choose_user(Layout& layout, const std::string& wanted) {
  if (geteuid() != 0) return {};
  struct stat st {};
  if (stat(layout.data.c_str(), &st) == 0) {
    layout.user = run_as_uid(st.st_uid);
    if (st.st_uid == 0 || !layout.user) {
      return fail(Errc::kUsage,
                  layout.data + " belongs to " +
                      (st.st_uid == 0 ? "root" : "a user without a name") +
                      ", as whom Postgres does not run: chown it");
    }
    return {};
  }
  for (const std::string& name :
       wanted.empty() ? std::vector<std::string>{"postgres", "nobody"}
                      : std::vector<std::string>{wanted}) {
    layout.user = run_as_name(name);
    if (layout.user && layout.user->uid != 0) return {};
  }
  return fail(Errc::kUsage,
              "Postgres does not run as root, and there is no user " +
                  (wanted.empty() ? "postgres or nobody" : wanted) +
                  ": name another with --postgres-user");
}

Result<void> choose_socket(Layout& layout) {
  const std::string beside = fs::path(layout.data).parent_path() / "run";
  // To libpq a comma is the end of a host.
  if (beside.size() + kSocketName.size() <= kMaxSocketPath &&
      beside.find(',') == std::string::npos) {
    layout.socket = beside;
    return make_private_folder(layout.socket, layout.user);
  }
  layout.socket_is_temporary = true;
  const std::string note = layout.home + "/socket";
  layout.socket = read_line(note).value_or("");
  if (is_private_folder(layout.socket, layout.user)) return {};

  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  for (const std::string& parent : {std::string(geteuid() == 0 ? "/run"
                                                : runtime      ? runtime
                                                               : ""),
                                    std::string("/tmp")}) {
    std::string pattern = parent + "/ctvigil-XXXXXX";
    if (parent.empty() || pattern.size() > 80) continue;
    if (mkdtemp(pattern.data()) == nullptr) continue;
    layout.socket = pattern;
    auto made = make_private_folder(pattern, layout.user);
    return made ? write_note(note, pattern) : made;
  }
  return fail(Errc::kUsage,
              "the path of --state-dir is too long for a socket, and neither "
              "/run nor /tmp is writable: use a shorter one");
}

}  // namespace

Result<std::string> make_home(const std::string& state_dir) {
  std::error_code error;
  const fs::path state = fs::absolute(state_dir, error).lexically_normal();
  fs::create_directories(state.parent_path(), error);
  // Others may pass through it, the server's user for one, but not list it.
  const mode_t mode = geteuid() == 0 ? 0711 : 0700;
  for (const fs::path& folder : {state, state / "postgres"}) {
    const bool made = mkdir(folder.c_str(), mode) == 0;
    struct stat st {};
    if ((!made && errno != EEXIST) || stat(folder.c_str(), &st) != 0 ||
        !S_ISDIR(st.st_mode)) {
      return fail(Errc::kUsage, "cannot make the folder " + folder.string() +
                                    ": " + errno_text());
    }
    // In spite of any umask; and never through folders that are not ours.
    if (st.st_uid == geteuid() && geteuid() == 0) {
      if (chmod(folder.c_str(), (st.st_mode & 07777) | 0711) != 0) {
        return fail(Errc::kUsage, "cannot change the mode of " +
                                      folder.string() + ": " + errno_text());
      }
    }
  }
  const std::string home = state / "postgres";
  if (access(home.c_str(), W_OK | X_OK) != 0) {
    return fail(Errc::kUsage, home +
                                  " is not writable: it belongs to another "
                                  "user; run as that user or as root");
  }
  return home;
}

Result<Layout> find_layout(const std::string& home,
                           const PrivatePostgres::Options& options) {
  Layout layout;
  layout.home = home;
  const auto noted = read_line(home + "/location");
  layout.data = noted.value_or(home + "/data");
  auto done = choose_user(layout, options.user);
  if (!done) return tl::unexpected(done.error());

  const std::string parent = fs::path(layout.data).parent_path();
  if (layout.user && !can_enter(layout.user, parent)) {
    if (noted || data_version(layout)) {
      return fail(Errc::kUsage, layout.data +
                                    " is gone, or cannot be reached by user " +
                                    layout.user->name +
                                    ": open the folders above it (chmod a+x)");
    }
    auto data = place_elsewhere(layout);
    if (!data) return tl::unexpected(data.error());
    layout.data = *std::move(data);
  }
  done = choose_socket(layout);
  if (!done) return tl::unexpected(done.error());
  return layout;
}

}  // namespace ct::sql
