#include "sql/side_connections.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "sql/tx.h"
#include "tests/support/catch.h"
#include "tests/support/test_postgres.h"

namespace ct::sql {
namespace {

using Parts = std::multiset<std::size_t>;

// What was done, and on how many connections.
struct Done {
  std::mutex mutex;
  Parts parts;
  std::set<Database*> connections;

  void add(Database& db, std::size_t part) {
    const std::lock_guard lock(mutex);
    parts.insert(part);
    connections.insert(&db);
  }
};

std::size_t processors() {
  return std::max(1U, std::thread::hardware_concurrency());
}

TEST_CASE("each part is done once, several at a time",
          "[.db][sql][side][threads]") {
  const test::TestDatabase database;
  const auto db = database.connect();
  SideConnections side(database.url());
  const std::size_t width = std::min<std::size_t>(processors(), 4);
  std::set<std::int64_t> servers;
  for (int round = 0; round < 3; ++round) {
    Done done;
    std::size_t here = 0;
    std::condition_variable all_here;
    const auto work = [&](Database& with, std::size_t part) {
      done.add(with, part);
      if (part < width) {  // nobody goes on before as many are at it
        std::unique_lock lock(done.mutex);
        ++here;
        all_here.notify_all();
        all_here.wait(lock, [&] { return here >= width; });
      }
      return with.transact([&](Tx& tx) -> Result<void> {
        const auto pid =
            tx.exec("SELECT pg_backend_pid() AS pid")[0].integer("pid");
        const std::lock_guard lock(done.mutex);
        servers.insert(pid);
        return {};
      });
    };
    REQUIRE(side.share(*db, 7, work));
    CHECK(done.parts == Parts{0, 1, 2, 3, 4, 5, 6});
    CHECK(done.connections.size() == width);
  }
  // They are kept, not made each time.
  CHECK(servers.size() == width);
}

TEST_CASE("what fails beside is done again", "[.db][sql][side][threads]") {
  const test::TestDatabase database;
  const auto db = database.connect();
  SideConnections side(database.url());
  // Only when nothing else is left.
  const std::size_t others = std::min<std::size_t>(processors(), 4) - 1;
  Done done;
  std::atomic<std::size_t> begun = 0, left = 9 - others;
  const auto work = [&](Database& with, std::size_t part) -> Result<void> {
    if (&with != db.get()) {
      ++begun;
      while (left > 0) std::this_thread::yield();
      return fail(Errc::kTransient, "not here");
    }
    while (begun < others) std::this_thread::yield();
    done.add(with, part);
    if (left > 0) --left;
    return {};
  };
  REQUIRE(side.share(*db, 9, work));
  CHECK(done.parts == Parts{0, 1, 2, 3, 4, 5, 6, 7, 8});
}

TEST_CASE("what fails on the main connection ends it",
          "[.db][sql][side][threads]") {
  const test::TestDatabase database;
  const auto db = database.connect();
  SideConnections side(database.url());
  Done done;
  std::atomic<bool> failed = false;
  const auto work = [&](Database& with, std::size_t part) -> Result<void> {
    done.add(with, part);
    if (&with == db.get()) {
      failed = true;
      return fail(Errc::kMalformed, "no good");
    }
    while (!failed) std::this_thread::yield();
    return {};
  };
  const auto shared = side.share(*db, 1'000'000, work);
  REQUIRE_FALSE(shared);
  CHECK(shared.error().what == "no good");
  CHECK(done.parts.size() < 1'000'000);
}

TEST_CASE("without other connections one does it all",
          "[.db][sql][side][threads]") {
  const test::TestDatabase database;
  const auto db = database.connect();
  SideConnections side("host=/nowhere port=1");
  Done done;
  const auto work = [&](Database& with, std::size_t part) -> Result<void> {
    done.add(with, part);
    return {};
  };
  REQUIRE(side.share(*db, 3, work));
  CHECK(done.parts == Parts{0, 1, 2});
  CHECK(done.connections == std::set<Database*>{db.get()});
  REQUIRE(side.share(*db, 0, work));
  CHECK(done.parts.size() == 3);
}

}  // namespace
}  // namespace ct::sql
