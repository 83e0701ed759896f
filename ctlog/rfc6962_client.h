// Rfc6962Client: reads logs that speak RFC 6962, section 4.
#pragma once

#include <mutex>

#include "ctlog/log_fetcher.h"
#include "ctlog/page_size.h"
#include "ctlog/rfc6962_json.h"

namespace ct::ctlog {

class Rfc6962Client final : public LogSource {
 public:
  explicit Rfc6962Client(LogFetcher fetcher) : fetcher_(std::move(fetcher)) {}

  Task<Result<SignedTreeHead>> head() override;
  Task<Result<EntryPage>> entries(LeafIndex begin, LeafIndex end,
                                  TreeSize head_size) override;
  [[nodiscard]] LeafIndex page_end(LeafIndex begin,
                                   LeafIndex end) const override;
  Task<Result<std::vector<Hash>>> inclusion_proof(LeafIndex index, Hash leaf,
                                                  TreeSize size) override;
  Task<Result<std::vector<Hash>>> consistency_proof(TreeSize old_size,
                                                    TreeSize new_size) override;
  Task<Result<Bytes>> issuer(Hash fingerprint) override;

 private:
  void learn_from(const LogFetcher::Attempt& attempt, std::uint64_t asked);

  LogFetcher fetcher_;
  mutable std::mutex mutex_;
  PageSize page_size_;  // guarded by mutex_
};

}  // namespace ct::ctlog
