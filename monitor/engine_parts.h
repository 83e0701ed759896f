// What the source files of Engine share. For them only.
#pragma once

#include "monitor/engine.h"

namespace ct::monitor {

// A log being followed. The source and the follower must outlive the future,
// which is why it comes last.
struct Engine::Active {
  std::unique_ptr<Follower> follower;
  std::optional<Future<FollowEnd>> running;
  std::optional<FollowEnd> ended;
};

template <class F>
auto Engine::on_store(F job) {
  return store_.run(std::move(job)).get();
}

}  // namespace ct::monitor
