// /v1/status, /v1/logs, /v1/coverage
#include "monitor/api/route.h"
#include "monitor/status.h"
#include "x509/names.h"

namespace ct::monitor::api {
namespace {

Result<void> show_status(Call& call) {
  const auto status = load_status(call.db, now_millis());
  if (!status) return tl::unexpected(status.error());
  call.reply.give(200, kJson, status_json(*status) + '\n');
  return {};
}

Result<void> show_logs(Call& call) {
  auto rows = sql::load_logs(call.db);
  if (!rows) return tl::unexpected(rows.error());
  const auto logs = log_statuses(std::move(*rows), now_millis(), /*all=*/true);
  call.reply.give(200, kJson, logs_json(logs) + '\n');
  return {};
}

Result<void> show_coverage(Call& call) {
  const auto host = x509::canonical_host(call.param("domain"));
  if (!host) {
    return fail(Errc::kUsage, "domain wants a host name such as example.com: " +
                                  host.error().what);
  }
  const auto coverage = load_coverage(call.db, *host);
  if (!coverage) return tl::unexpected(coverage.error());
  call.reply.give(200, kJson, coverage_json(*host, *coverage) + '\n');
  return {};
}

}  // namespace

void add_status_routes(std::vector<Route>& routes) {
  routes.push_back({.method = "GET",
                    .path = "/v1/status",
                    .summary = "Whether all is well, and what is not",
                    .handler = show_status});
  routes.push_back({.method = "GET",
                    .path = "/v1/logs",
                    .summary = "All logs, and how far they are read",
                    .handler = show_logs});
  routes.push_back(
      {.method = "GET",
       .path = "/v1/coverage",
       .summary = "Which entries of which logs a domain was looked for in",
       .handler = show_coverage,
       .params = {{.name = "domain",
                   .what = "A host name",
                   .example = "example.com"}}});
}

}  // namespace ct::monitor::api
