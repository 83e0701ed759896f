#include "sql/side_connections.h"

#include <algorithm>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

#include "base/log.h"
#include "base/time.h"

namespace ct::sql {
namespace {

// What is still to be done.
class Parts {
 public:
  explicit Parts(std::size_t count) : count_(count) {}

  std::optional<std::size_t> take() {
    const std::lock_guard lock(mutex_);
    if (!returned_.empty()) {
      const std::size_t part = returned_.back();
      returned_.pop_back();
      return part;
    }
    if (next_ == count_) return std::nullopt;
    return next_++;
  }
  void give_back(std::size_t part) {
    const std::lock_guard lock(mutex_);
    returned_.push_back(part);
  }
  void drop() {
    const std::lock_guard lock(mutex_);
    next_ = count_;
    returned_.clear();
  }

 private:
  const std::size_t count_;
  std::mutex mutex_;
  std::size_t next_ = 0;
  std::vector<std::size_t> returned_;
};

}  // namespace

Result<void> SideConnections::share(Database& main, std::size_t count,
                                    const Work& work) {
  constexpr unsigned kMost = 4;
  const std::size_t width = std::min<std::size_t>(
      std::clamp(std::thread::hardware_concurrency(), 1U, kMost), count);
  Parts parts(count);
  const auto on_main = [&]() -> Result<void> {
    while (const auto part = parts.take()) {
      if (auto done = work(main, *part); !done) {
        parts.drop();
        return done;
      }
    }
    return {};
  };
  std::vector<std::future<void>> others;
  for (std::size_t i = 0; i + 1 < width; ++i) {
    Database* const db = connection(i);
    if (db == nullptr) break;
    others.push_back(std::async(std::launch::async, [&parts, &work, db] {
      while (const auto part = parts.take()) {
        if (work(*db, *part)) continue;
        parts.give_back(*part);
        return;
      }
    }));
  }
  auto done = on_main();
  for (auto& other : others) other.wait();
  // What they gave back.
  return done ? on_main() : done;
}

Database* SideConnections::connection(std::size_t i) {
  constexpr Millis kPause = 60'000;
  if (i < connections_.size()) return connections_[i].get();
  if (failed_at_ != 0 && now_millis() - failed_at_ < kPause) return nullptr;
  auto db = Database::connect(options_);
  if (!db) {
    failed_at_ = now_millis();
    log_info("history is stored by fewer connections than it could be",
             {{"connections", std::to_string(1 + connections_.size())},
              {"error", db.error().what}});
    return nullptr;
  }
  failed_at_ = 0;
  connections_.push_back(*std::move(db));
  return connections_.back().get();
}

}  // namespace ct::sql
