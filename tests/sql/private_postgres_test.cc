#include "sql/private_postgres.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <thread>

#include "sql/database.h"
#include "sql/postgres_install.h"
#include "sql/postgres_memory.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"
#include "tests/support/wait.h"

namespace ct::sql {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<PrivatePostgres> open(const std::string& state) {
  auto server = PrivatePostgres::open({state, "", ""});
  if (!server) throw std::runtime_error(server.error().what);
  return *std::move(server);
}

std::string data_folder(const std::string& url) {
  return test::run_sql(url, "SELECT current_setting('data_directory')");
}

pid_t postmaster(const std::string& data) {
  std::ifstream in(data + "/postmaster.pid");
  pid_t pid = 0;
  in >> pid;
  return pid;
}

// A state folder with data in it: initdb is the slow part, so it is run once
// for all tests that are not about it.
std::string seed_state(const test::TempDir& dir) {
  static const test::TempDir seed;
  static const bool made = [] {
    open(seed / "state");
    return true;
  }();
  const std::string copy =
      "cp -a " + seed.path() + "/state " + dir.path() + "/state";
  if (!made || std::system(copy.c_str()) != 0) throw std::runtime_error(copy);
  return dir / "state";
}

// The parent of a process; 0: it is gone.
pid_t parent_of(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;) {
    pid_t parent = 0;
    if (word == "PPid:" && in >> parent) return parent;
  }
  return 0;
}

bool is_running(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  const auto at = line.rfind(") ");
  return at != std::string::npos && line[at + 2] != 'Z' && line[at + 2] != 'X';
}

// A process that opens the server, tells us, and lives until it is killed.
class Holder {
 public:
  explicit Holder(const std::string& state) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("pipe");
    pid_ = fork();
    if (pid_ == 0) {
      const auto server = PrivatePostgres::open({state, "", ""});
      const char ok = server ? 'y' : 'n';
      if (write(ends[1], &ok, 1) != 1) _exit(1);
      for (;;) pause();
    }
    close(ends[1]);
    char ok = 'n';
    ready_ = read(ends[0], &ok, 1) == 1 && ok == 'y';
    close(ends[0]);
  }
  ~Holder() { kill(); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  pid_t pid_ = 0;
  bool ready_ = false;
};

TEST_CASE("a private Postgres starts, keeps its data and stops",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  pid_t first = 0;
  {
    const auto server = open(dir / "state");
    test::run_sql(server->url(), "CREATE TABLE t AS SELECT 42 AS n");
    CHECK(test::run_sql(server->url(), "SHOW listen_addresses") == "");
    CHECK(test::run_sql(server->url(), "SHOW data_checksums") == "on");
    CHECK(test::run_sql(server->url(),
                        "SELECT pg_size_bytes(current_setting("
                        "'shared_buffers')) = pg_size_bytes('" +
                            shared_buffers(usable_memory()) + "')") == "t");
    CHECK(test::run_sql(server->url(), "SHOW server_encoding") == "UTF8");
    first = postmaster(data_folder(server->url()));
    CHECK(is_running(first));
  }
  // The last one out waits for the server to stop.
  CHECK_FALSE(is_running(first));

  const auto server = open(dir / "state");
  CHECK(test::run_sql(server->url(), "SELECT n FROM t") == "42");
  CHECK(postmaster(data_folder(server->url())) != first);
}

TEST_CASE("its cache is an eighth of the memory, within bounds",
          "[sql][private_postgres]") {
  CHECK(memory_limit("2147483648") == 2'147'483'648U);
  for (const char* none : {"max", "", "0", "x"}) {
    CAPTURE(none);
    CHECK(memory_limit(none) == std::numeric_limits<std::uint64_t>::max());
  }
  constexpr std::uint64_t kGigabyte = 1 << 30;
  CHECK(shared_buffers(0) == "32MB");
  CHECK(shared_buffers(kGigabyte / 8) == "32MB");
  CHECK(shared_buffers(2 * kGigabyte) == "256MB");
  CHECK(shared_buffers(64 * kGigabyte) == "1024MB");
  CHECK(usable_memory() > 0);
}

TEST_CASE("the server outlives its first user while there is another",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  auto first = open(state);
  auto second = open(state);
  CHECK(first->url() == second->url());
  const pid_t pid = postmaster(data_folder(first->url()));
  first.reset();
  CHECK(is_running(pid));
  CHECK(test::run_sql(second->url(), "SELECT 1") == "1");
  second.reset();
  CHECK_FALSE(is_running(pid));
}

TEST_CASE("the server stops when its users are killed",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  Holder first(state);
  Holder second(state);
  REQUIRE(first.ready());
  REQUIRE(second.ready());
  pid_t pid = 0;
  {
    const auto server = open(state);
    pid = postmaster(data_folder(server->url()));
    first.kill();
    CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
  }
  CHECK(is_running(pid));
  second.kill();
  CHECK(test::eventually([&] { return !is_running(pid); }));
}

TEST_CASE("many that open at once share one server",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  std::vector<std::unique_ptr<Holder>> holders;
  std::vector<std::thread> threads;
  std::mutex mutex;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto holder = std::make_unique<Holder>(state);
      const std::lock_guard lock(mutex);
      holders.push_back(std::move(holder));
    });
  }
  for (auto& t : threads) t.join();
  for (const auto& h : holders) CHECK(h->ready());
  const auto server = open(state);
  const pid_t pid = postmaster(data_folder(server->url()));
  CHECK(is_running(pid));
  holders.clear();
}

TEST_CASE("opening and leaving in quick turns never fails",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  open(state);
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        const Holder holder(state);
        if (!holder.ready()) ++failures;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(failures == 0);
  open(state);  // and wait for the end
}

TEST_CASE("a killed postmaster is started again, with its data",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  const auto server = open(state);
  auto db = Database::connect(server->url());
  REQUIRE(db);
  test::run_sql(server->url(), "CREATE TABLE t AS SELECT 42 AS n");
  const pid_t pid = postmaster(data_folder(server->url()));

  SECTION("by revive") {
    kill(pid, SIGKILL);
    CHECK(server->revive());
  }
  SECTION("by another that opens") {
    kill(pid, SIGKILL);
    const auto other = open(state);
    CHECK(test::run_sql(other->url(), "SELECT n FROM t") == "42");
  }
  SECTION("by revive with other threads running") {
    std::atomic<bool> stop = false;
    std::thread thread([&] {
      while (!stop) std::vector<int>(1000).clear();
    });
    kill(pid, SIGKILL);
    CHECK(server->revive());
    stop = true;
    thread.join();
  }
  CHECK(test::run_sql(server->url(), "SELECT n FROM t") == "42");
  CHECK(migrate(**db));  // on a new connection of its own
}

TEST_CASE("reviving a healthy server changes nothing",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  const auto server = open(state);
  const pid_t pid = postmaster(data_folder(server->url()));
  CHECK(server->revive());
  CHECK(postmaster(data_folder(server->url())) == pid);
}

TEST_CASE("killing the keeper stops the server, and revive starts it",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  const auto server = open(state);
  test::run_sql(server->url(), "CREATE TABLE t AS SELECT 42 AS n");
  const std::string data = data_folder(server->url());
  const pid_t pid = postmaster(data);
  const pid_t keeper = parent_of(pid);
  REQUIRE(keeper > 1);
  CHECK(parent_of(keeper) != getpid());

  kill(keeper, SIGKILL);
  const bool stopped_by_itself = GENERATE(true, false);
  if (stopped_by_itself) {
    CHECK(test::eventually([&] { return !is_running(pid); }));
  }
  // Without its keeper the old one may take a moment to stop, and still count
  // as healthy until then: whoever meets it going down revives once more.
  CHECK(test::eventually([&] {
    return server->revive() && !is_running(pid) && postmaster(data) != pid;
  }));
  CHECK(server->revive());
  CHECK(test::run_sql(server->url(), "SELECT n FROM t") == "42");
}

TEST_CASE("the keeper shrugs off signals meant for the program",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  const auto server = open(state);
  const pid_t pid = postmaster(data_folder(server->url()));
  const pid_t keeper = parent_of(pid);
  CHECK(getpgid(keeper) != getpgid(0));
  CHECK(getsid(keeper) != getsid(0));
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) kill(keeper, signal);
  CHECK(server->revive());
  CHECK(parent_of(pid) == keeper);
}

TEST_CASE("a stale pid file does not block a start",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  std::string data;
  {
    const auto server = open(state);
    data = data_folder(server->url());
  }
  // Empty, of this very process, of one that is gone, of a zombie.
  const pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  siginfo_t info{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT) ==
          0);
  for (const std::string& content :
       {std::string(), std::to_string(getpid()) + "\n" + data + "\n",
        std::string("4194300\n"), std::to_string(zombie) + "\n"}) {
    CAPTURE(content);
    std::ofstream(data + "/postmaster.pid") << content;
    struct stat st {};
    REQUIRE(stat(data.c_str(), &st) == 0);
    REQUIRE(chown((data + "/postmaster.pid").c_str(), st.st_uid, st.st_gid) ==
            0);
    const auto server = open(state);
    CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
  }
  waitpid(zombie, nullptr, 0);
}

TEST_CASE("an initdb that was killed leaves nothing in the way",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  fs::create_directories(dir / "state/postgres/data.part/base");
  std::ofstream(dir / "state/postgres/data.part/PG_VERSION") << "15\n";
  const auto server = open(dir / "state");
  CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
}

TEST_CASE("a state folder with a long path works",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state =
      dir / std::string(60, 'a') + "/" + std::string(60, 'b') + "/it's \"one\"";
  std::string socket;
  {
    const auto server = open(state);
    CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
    const auto other = open(state);
    CHECK(other->url() == server->url());
    std::getline(std::ifstream(state + "/postgres/socket") >> std::ws, socket);
    struct stat st {};
    REQUIRE(stat(socket.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0700);
  }
  CHECK_FALSE(fs::exists(socket));
  const auto server = open(state);
  CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
}

TEST_CASE("a state folder with quotes and spaces works",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const auto server = open(dir / "it's \"one\", or \\two");
  CHECK(test::run_sql(server->url(), "SELECT 1") == "1");
}

TEST_CASE("as root, data moves out of folders closed to its user",
          "[.db][sql][private_postgres]") {
  if (geteuid() != 0) {
    WARN("skipped: only root changes users");
    return;
  }
  test::TempDir dir;
  const std::string closed = dir / "closed";
  fs::create_directory(closed);
  REQUIRE(chmod(closed.c_str(), 0700) == 0);
  std::string data;
  {
    const auto server = open(closed + "/state");
    data = data_folder(server->url());
    test::run_sql(server->url(), "CREATE TABLE t AS SELECT 42 AS n");
    CHECK_FALSE(data.starts_with(closed));
  }
  {
    const auto server = open(closed + "/state");
    CHECK(data_folder(server->url()) == data);
    CHECK(test::run_sql(server->url(), "SELECT n FROM t") == "42");
  }
  fs::remove_all(fs::path(data).parent_path());
  const auto gone = PrivatePostgres::open({closed + "/state", "", ""});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == Errc::kUsage);
}

TEST_CASE("as root, the server runs as somebody else",
          "[.db][sql][private_postgres]") {
  if (geteuid() != 0) {
    WARN("skipped: only root changes users");
    return;
  }
  test::TempDir dir;
  const std::string user = GENERATE("", "nobody");
  const auto server = PrivatePostgres::open({dir / "state", "", user});
  if (!server) FAIL(server.error().what);
  struct stat st {};
  const std::string data = data_folder((*server)->url());
  REQUIRE(stat(data.c_str(), &st) == 0);
  CHECK(st.st_uid != 0);
  CHECK((st.st_mode & 0777) == 0700);
  struct stat proc {};
  REQUIRE(stat(("/proc/" + std::to_string(postmaster(data))).c_str(), &proc) ==
          0);
  CHECK(proc.st_uid == st.st_uid);
  if (!user.empty()) CHECK(st.st_uid == run_as_name(user)->uid);
}

TEST_CASE("what stands in the way of a private Postgres is told",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const auto no_binaries =
      PrivatePostgres::open({dir / "a", dir / "nowhere", ""});
  REQUIRE_FALSE(no_binaries);
  CHECK(no_binaries.error().code == Errc::kUsage);
  CHECK_THAT(no_binaries.error().what, ContainsSubstring("--postgres-bin"));
  CHECK_THAT(no_binaries.error().what, ContainsSubstring("--database"));

  const std::string data = dir / "b/postgres/data";
  fs::create_directories(data);
  std::ofstream(data + "/PG_VERSION") << "9\n";
  if (const auto nobody = run_as_name("nobody"); geteuid() == 0 && nobody) {
    REQUIRE(chown(data.c_str(), nobody->uid, nobody->gid) == 0);
  }
  const auto old = PrivatePostgres::open({dir / "b", "", ""});
  REQUIRE_FALSE(old);
  CHECK(old.error().code == Errc::kUsage);
  CHECK_THAT(old.error().what, ContainsSubstring("pg_upgrade"));

  std::ofstream(dir / "file") << "x";
  const auto file = PrivatePostgres::open({dir / "file", "", ""});
  REQUIRE_FALSE(file);
  CHECK(file.error().code == Errc::kUsage);
}

TEST_CASE("a server that does not start says why",
          "[.db][sql][private_postgres]") {
  test::TempDir dir;
  const std::string state = seed_state(dir);
  std::string data;
  {
    const auto server = open(state);
    data = data_folder(server->url());
  }
  std::ofstream(data + "/postgresql.conf", std::ios::app)
      << "\nno_such_setting = 1\n";
  const auto server = PrivatePostgres::open({state, "", ""});
  REQUIRE_FALSE(server);
  CHECK(server.error().code == Errc::kUsage);
  CHECK_THAT(server.error().what, ContainsSubstring("no_such_setting"));
}

TEST_CASE("data given to root is refused with advice",
          "[.db][sql][private_postgres]") {
  if (geteuid() != 0) {
    WARN("skipped: only root changes users");
    return;
  }
  test::TempDir dir;
  fs::create_directories(dir / "state/postgres/data");
  const auto server = PrivatePostgres::open({dir / "state", "", ""});
  REQUIRE_FALSE(server);
  CHECK_THAT(server.error().what, ContainsSubstring("chown"));
}

}  // namespace
}  // namespace ct::sql
