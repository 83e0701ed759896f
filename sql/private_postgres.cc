#include "sql/private_postgres.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "sql/connect.h"
#include "sql/database.h"
#include "sql/keeper.h"
#include "sql/postgres_install.h"
#include "sql/postgres_memory.h"

namespace ct::sql {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Recovery after a crash is bounded by max_wal_size, but disks can be slow.
constexpr auto kMaxRecovery = std::chrono::minutes(15);
constexpr auto kMaxSilence = seconds(60);

// A file that is locked as long as it is open.
class LockFile {
 public:
  LockFile() = default;
  ~LockFile() { release(); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // `mode`: LOCK_SH or LOCK_EX, perhaps with LOCK_NB.
  Result<bool> take(const std::string& path, int mode) {
    release();
    fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd_ < 0) {
      return fail(Errc::kUsage,
                  "cannot open " + path + ": " + std::strerror(errno));
    }
    return flock_now(path, mode);
  }
  // Whether nobody else holds it: keeps it exclusively then.
  bool make_exclusive() {
    return fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0;
  }
  void release() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  Result<bool> flock_now(const std::string& path, int mode) {
    while (flock(fd_, mode) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return false;
      return fail(Errc::kUsage, "cannot lock " + path + ": " +
                                    std::strerror(errno) +
                                    " (the state folder must be on a file "
                                    "system with locks)");
    }
    return true;
  }

  int fd_ = -1;
};

// For a setting that is a list of folders.
std::string double_quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

std::string url_of(const Layout& layout, const char* database) {
  return "host=" + quoted_value(layout.socket) +
         " port=5432 user=ctvigil connect_timeout=10 dbname=" + database;
}

// The server answers: is our database there?
Result<void> check_database(const Layout& layout) {
  auto connected = Database::connect(url_of(layout, "ctvigil"));
  if (connected) return {};
  Error error = connected.error();
  // Whoever started the server was killed before he could create it.
  if (error.what.find("database \"ctvigil\" does not exist") !=
      std::string::npos) {
    auto created =
        run_alone(url_of(layout, "postgres"), "CREATE DATABASE ctvigil");
    if (created) return {};
    error = created.error();
  }
  return fail(Errc::kTransient, "the private Postgres: " + error.what);
}

std::vector<std::string> server_arguments(const Layout& layout,
                                          const Binaries& binaries) {
  std::vector<std::string> arguments{binaries.folder + "/postgres", "-D",
                                     layout.data};
  for (const std::string& setting :
       {"unix_socket_directories=" + double_quoted(layout.socket),
        std::string("listen_addresses="), std::string("port=5432"),
        std::string("unix_socket_permissions=0700"),
        std::string("max_connections=50"),
        "shared_buffers=" + shared_buffers(usable_memory()),
        std::string("max_wal_size=512MB"), std::string("wal_level=minimal"),
        std::string("max_wal_senders=0"), std::string("jit=off"),
        std::string("timezone=UTC"), std::string("log_timezone=UTC"),
        // Statements may hold secrets.
        std::string("log_min_error_statement=panic"),
        std::string("log_checkpoints=off"),
        std::string("logging_collector=off")}) {
    arguments.push_back("-c");
    arguments.push_back(setting);
  }
  return arguments;
}

// A killed server's last children still hold its memory, for a moment.
bool worth_a_retry(const std::string& log) {
  return log.find("pre-existing shared memory block") != std::string::npos ||
         log.find("lock file \"postmaster.pid\"") != std::string::npos;
}

std::size_t size_of(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 ? static_cast<std::size_t>(st.st_size)
                                      : 0;
}

}  // namespace

class PrivatePostgres::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {}
  ~Impl();

  Result<void> open();
  Result<void> revive();
  const std::string& url() const { return url_; }

 private:
  [[nodiscard]] bool keeper_alive() const;
  Result<void> start_or_join();
  Result<void> start();
  Result<void> wait_until_ready(int keeper);

  const Options options_;
  std::string home_;
  Layout layout_;
  std::string url_;
  LockFile use_;  // shared: as long as we have it, the keeper keeps on
};

PrivatePostgres::Impl::~Impl() {
  // The last one out waits until the server has stopped, so that nothing is
  // left running, and no folder is still written to, when the program ends.
  if (!use_.make_exclusive()) return;
  use_.release();
  const auto deadline = Clock::now() + seconds(3);
  while (keeper_alive() && Clock::now() < deadline) {
    std::this_thread::sleep_for(milliseconds(5));
  }
}

bool PrivatePostgres::Impl::keeper_alive() const {
  LockFile probe;
  const auto free = probe.take(layout_.keeper_lock(), LOCK_EX | LOCK_NB);
  return free && !*free;
}

Result<void> PrivatePostgres::Impl::open() {
  auto home = make_home(options_.state_dir);
  if (!home) return tl::unexpected(home.error());
  home_ = *std::move(home);
  layout_.home = home_;

  LockFile starting;
  auto locked = starting.take(layout_.start_lock(), LOCK_EX);
  if (!locked) return tl::unexpected(locked.error());
  // Waits while a keeper is stopping the server.
  locked = use_.take(layout_.users_lock(), LOCK_SH);
  if (!locked) return tl::unexpected(locked.error());
  return start_or_join();
}

Result<void> PrivatePostgres::Impl::revive() {
  LockFile starting;
  const auto locked = starting.take(layout_.start_lock(), LOCK_EX);
  if (!locked) return tl::unexpected(locked.error());
  return start_or_join();
}

Result<void> PrivatePostgres::Impl::start_or_join() {
  auto layout = find_layout(home_, options_);
  if (!layout) return tl::unexpected(layout.error());
  layout_ = *std::move(layout);
  url_ = url_of(layout_, "ctvigil");
  const auto deadline = Clock::now() + kMaxSilence;
  for (;;) {
    if (!keeper_alive()) return start();
    // A dead server's keeper notices within a second, and goes.
    const Ping answer = ping(url_);
    if (answer == Ping::kUp) return check_database(layout_);
    if (Clock::now() >
        deadline + (answer == Ping::kBusy ? kMaxRecovery : seconds(0))) {
      return fail(Errc::kTransient, "the private Postgres does not answer: " +
                                        tail(layout_.log(), 0));
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
}

Result<void> PrivatePostgres::Impl::start() {
  const int version = data_version(layout_).value_or(0);
  const auto binaries = find_binaries(options_.bin_dir, version);
  if (!binaries) return tl::unexpected(binaries.error());
  if (version == 0) {
    auto created = create_data(layout_, *binaries);
    if (!created) return created;
  }
  const KeeperPlan plan{
      layout_.users_lock(), layout_.keeper_lock(), layout_.log(),
      layout_.socket_is_temporary ? layout_.socket : "",
      Command(server_arguments(layout_, *binaries), layout_.user)};
  const auto deadline = Clock::now() + seconds(30);
  for (;;) {
    auto settled = settle_pid_file(layout_);
    if (!settled) return settled;
    const std::size_t log_size = size_of(layout_.log());
    const auto keeper = start_keeper(plan);
    if (!keeper) return tl::unexpected(keeper.error());
    auto ready = wait_until_ready(*keeper);
    close(*keeper);
    if (ready) return check_database(layout_);
    const std::string why = tail(layout_.log(), log_size);
    if (!worth_a_retry(why) || Clock::now() > deadline) {
      return fail(Errc::kUsage, "the private Postgres does not start: " +
                                    (why.empty() ? ready.error().what : why) +
                                    " (its log is " + layout_.log() + ")");
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
}

// `keeper` becomes readable when the keeper has ended.
Result<void> PrivatePostgres::Impl::wait_until_ready(int keeper) {
  const auto begin = Clock::now();
  for (;;) {
    pollfd ended{keeper, POLLIN, 0};
    if (poll(&ended, 1, 20) > 0) {
      return fail(Errc::kTransient, "it ended at once");
    }
    const Ping answer = ping(url_);
    if (answer == Ping::kUp) return {};
    if (Clock::now() - begin >
        (answer == Ping::kBusy
             ? std::chrono::duration_cast<seconds>(kMaxRecovery)
             : kMaxSilence)) {
      return fail(Errc::kTransient, "it does not answer");
    }
  }
}

PrivatePostgres::PrivatePostgres(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}
PrivatePostgres::~PrivatePostgres() = default;

Result<std::unique_ptr<PrivatePostgres>> PrivatePostgres::open(
    const Options& options) {
  auto impl = std::make_unique<Impl>(options);
  auto opened = impl->open();
  if (!opened) return tl::unexpected(opened.error());
  return std::unique_ptr<PrivatePostgres>(new PrivatePostgres(std::move(impl)));
}

const std::string& PrivatePostgres::url() const { return impl_->url(); }

Result<void> PrivatePostgres::revive() { return impl_->revive(); }

}  // namespace ct::sql
