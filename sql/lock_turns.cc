#include "sql/lock_turns.h"

#include <chrono>
#include <thread>

#include "sql/database.h"

namespace ct::sql {

Result<void> transact_in_turns(Database& db, const std::string& blocked,
                               const std::function<void(Tx&)>& body) {
  constexpr int kTurns = 100;
  for (int turn = 1;; ++turn) {
    auto done = db.transact([&](Tx& tx) -> Result<void> {
      if (tx.attempt([&] {
            tx.run_script("SET LOCAL lock_timeout = '200ms'");
            body(tx);
          })) {
        return {};
      }
      return fail(Errc::kTransient, blocked);
    });
    if (done || done.error().code != Errc::kTransient || turn == kTurns) {
      return done;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

}  // namespace ct::sql
