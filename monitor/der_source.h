// Where the bytes of certificates of history come from.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "sql/history.h"

namespace ct::monitor {

class EntryFetcher;
class Session;
struct FetchedEntry;
struct ProvenEntry;

struct Der {
  std::optional<Bytes> bytes;
  // Why it could not be fetched, one line; "": it is not kept, and nobody has
  // tried.
  std::string why_not;
};
// Gives it, and waits for it if need be; call it once. An error ends all.
using PendingDer = std::function<Result<Der>()>;
// Begins to get it. Not from several threads.
using DerSource = std::function<PendingDer(const sql::HistoryCertificate&)>;

// Those that the database keeps. Asks on a connection of its own, for answers
// come in one transaction.
[[nodiscard]] DerSource kept_der(Session& session);

// Of an entry that was fetched. kGone also: its log does not give them.
[[nodiscard]] Result<Bytes> certificate_bytes(Result<ProvenEntry> entry);

// What the database does not keep is fetched from the logs.
class FetchedDer {
 public:
  // `problem` is told what could not be had, or does not hold, a line each.
  // All outlive it and what it gives.
  FetchedDer(Session& session, EntryFetcher& fetcher,
             std::function<void(const std::string&)> problem);

  [[nodiscard]] PendingDer get(const sql::HistoryCertificate& certificate);
  // Those that were given, or could not be.
  [[nodiscard]] std::uint64_t done() const { return done_; }
  // Those that could not be had, and those of which a log lied.
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t lies() const { return lies_; }

 private:
  [[nodiscard]] Result<Der> settle(const std::string& name, FetchedEntry got);

  EntryFetcher& fetcher_;
  const DerSource kept_;
  const std::function<void(const std::string&)> problem_;
  std::uint64_t done_ = 0, failed_ = 0, lies_ = 0;
};

}  // namespace ct::monitor
