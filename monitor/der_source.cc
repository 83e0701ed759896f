#include "monitor/der_source.h"

#include <fmt/format.h>

#include "monitor/commands.h"
#include "monitor/entry_fetcher.h"
#include "monitor/history_text.h"
#include "sql/history_search.h"

namespace ct::monitor {
DerSource kept_der(Session& session) {
  auto db = std::make_shared<std::unique_ptr<sql::Database>>();
  return [db, &session](const sql::HistoryCertificate& c) -> PendingDer {
    return [db, &session, c]() -> Result<Der> {
      if (!*db) {
        auto opened = sql::Database::connect(session.database_url());
        if (!opened) return tl::unexpected(opened.error());
        *db = std::move(*opened);
      }
      auto kept = sql::find_der(**db, c);
      if (!kept) return tl::unexpected(kept.error());
      return Der{std::move(*kept), ""};
    };
  };
}

Result<Bytes> certificate_bytes(Result<ProvenEntry> entry) {
  if (!entry) return tl::unexpected(entry.error());
  if (entry->certificate.empty()) {
    return fail(Errc::kGone,
                "its log gives only what it hashed, not the precertificate");
  }
  return std::move(entry->certificate);
}

FetchedDer::FetchedDer(Session& session, EntryFetcher& fetcher,
                       std::function<void(const std::string&)> problem)
    : fetcher_(fetcher),
      kept_(kept_der(session)),
      problem_(std::move(problem)) {}

PendingDer FetchedDer::get(const sql::HistoryCertificate& certificate) {
  auto kept = kept_(certificate)();
  if (!kept || kept->bytes) {
    ++done_;
    return [kept] { return kept; };
  }
  // Shared, for a std::function must be copyable.
  const auto future = std::make_shared<Future<FetchedEntry>>(
      fetcher_.fetch(entry_request(certificate, /*any_entry=*/false)));
  return [this, future, name = certificate_title(certificate)] {
    return settle(name, future->get());
  };
}

Result<Der> FetchedDer::settle(const std::string& name, FetchedEntry got) {
  if (!got.entry && got.entry.error().code == Errc::kStopping) {
    return tl::unexpected(got.entry.error());
  }
  for (const auto& lie : got.lies) {
    problem_(fmt::format("NOT TO BE TRUSTED: {}: {}", name, lie));
  }
  ++done_;
  lies_ += got.lies.size();
  auto bytes = certificate_bytes(std::move(got.entry));
  if (bytes) return Der{std::move(*bytes), ""};
  ++failed_;
  const std::string& why = bytes.error().what;
  if (got.lies.empty()) problem_(name + ": " + why);
  return Der{std::nullopt, why};
}

}  // namespace ct::monitor
