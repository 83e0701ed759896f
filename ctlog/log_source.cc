#include "ctlog/log_source.h"

#include "ctlog/log_fetcher.h"
#include "ctlog/rfc6962_client.h"
#include "ctlog/static_client.h"

namespace ct::ctlog {
std::string origin_of(const LogInfo& log) {
  std::string_view url = log.submission_url;
  url.remove_prefix(std::min(url.size(), url.find("://") + 3));
  if (url.ends_with('/')) url.remove_suffix(1);
  return std::string(url);
}

void hash_leaves(EntryPage& page) {
  thread_local std::vector<ByteView> leaves;
  leaves.clear();
  for (const RawEntry& entry : page.entries) leaves.push_back(entry.leaf);
  leaf_hashes(leaves, page.leaf_hashes);
}

Result<std::unique_ptr<LogSource>> open_log_source(const LogInfo& log,
                                                   Executor& executor,
                                                   HttpClient& http,
                                                   RequestBudget& budget,
                                                   SourceOptions options) {
  const std::string& url = log.monitoring_url;
  const bool from_files = options.files != nullptr;
  if (url.empty() && !from_files) {
    return fail(Errc::kUsage, "log \"" + log.description +
                                  "\": the log list gives no address to read "
                                  "it from");
  }
  if (!from_files && !url.starts_with("https://") &&
      !(options.allow_plain && url.starts_with("http://"))) {
    return fail(Errc::kUsage, "log \"" + log.description + "\": " + url +
                                  " is not https://; plain http is for logs "
                                  "of a private list only");
  }
  auto key = LogKey::from_spki(log.key);
  if (!key) {
    return fail_in("log \"" + log.description + "\"", std::move(key.error()));
  }
  LogFetcher fetcher(executor, http, budget, std::move(options), url);
  if (log.kind == LogKind::kRfc6962 && !from_files) {
    return std::make_unique<Rfc6962Client>(std::move(fetcher));
  }
  return std::make_unique<StaticClient>(std::move(fetcher), std::move(*key),
                                        origin_of(log));
}

}  // namespace ct::ctlog
