// What commands need that fetch entries again: signals that end it.
#pragma once

#include <memory>

#include "monitor/commands.h"
#include "monitor/entry_fetcher.h"
#include "monitor/signals.h"

namespace ct::monitor {

class Fetching {
 public:
  // `session`'s database must be open. SIGINT, SIGTERM and SIGHUP stop the
  // fetcher from here on, and are what they were when this goes. Before any
  // other thread is started.
  [[nodiscard]] static Result<std::unique_ptr<Fetching>> start(
      Session& session);

  [[nodiscard]] EntryFetcher& fetcher() { return fetcher_; }

 private:
  Fetching(const Config& config, std::unique_ptr<sql::Database> db,
           sql::PrivatePostgres* postgres)
      : fetcher_(config, std::move(db), postgres),
        signals_([this](int) { fetcher_.stop(); }) {}

  SignalsBlocked blocked_;  // first: threads inherit it
  EntryFetcher fetcher_;
  SignalThread signals_;
};

}  // namespace ct::monitor
