#include "monitor/fetching.h"

#include "base/log.h"

namespace ct::monitor {

Result<std::unique_ptr<Fetching>> Fetching::start(Session& session) {
  const auto config = session.config();
  if (!config) return tl::unexpected(config.error());
  set_up_log((*config)->log_level, (*config)->log_format);
  auto db = sql::Database::connect(session.database_url());
  if (!db) return tl::unexpected(db.error());
  std::unique_ptr<Fetching> fetching(
      new Fetching(**config, std::move(*db), session.private_postgres()));
  const auto read = fetching->fetcher_.read_logs();
  if (!read) return tl::unexpected(read.error());
  return fetching;
}

}  // namespace ct::monitor
