#include "monitor/api/pem.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/log.h"
#include "monitor/api/log_fetches.h"
#include "monitor/der_source.h"
#include "monitor/history_text.h"
#include "monitor/terminal.h"
#include "sql/history_search.h"
#include "x509/certificate.h"

namespace ct::monitor::api {
namespace {

using sql::HistoryCertificate;

int status_of_fetch(const Error& error) {
  switch (error.code) {
    case Errc::kUntrusted:
    case Errc::kMalformed:
      return 502;
    case Errc::kUsage:  // of the server: the log is not known to it
      return 404;
    default:
      return status_of(error);
  }
}

}  // namespace

Result<void> give_pem(Call& call, const HistoryCertificate& certificate) {
  const auto der = sql::find_der(call.db, certificate);
  if (!der) return tl::unexpected(der.error());
  if (*der) {
    call.reply.give(200, kPem, x509::to_pem("CERTIFICATE", **der));
    return {};
  }
  std::string where;
  if (const auto* s = certificate_sighting(certificate)) {
    where = fmt::format("; it is entry {} of the log {}", s->leaf_index,
                        to_base64(s->log_id));
  }
  return fail(Errc::kGone,
              "the bytes of this certificate are not kept here, see keep_der; "
              "GET /v1/certificates/{sha256}?format=pem&fetch gets them from "
              "the log" +
                  where);
}

Result<void> give_fetched_pem(Call& call,
                              const HistoryCertificate& certificate) {
  auto kept = give_pem(call, certificate);
  if (kept || kept.error().code != Errc::kGone) return kept;
  auto got =
      call.context.fetches.fetch(entry_request(certificate, /*any=*/false));
  std::string pem;
  for (const auto& lie : got.lies) {
    const std::string told = printable(lie);
    log_warning("a log is not to be trusted", {{"error", told}});
    pem += "# NOT TO BE TRUSTED: " + told + '\n';
  }
  const auto bytes = certificate_bytes(std::move(got.entry));
  if (!bytes) {
    call.reply.fail(status_of_fetch(bytes.error()), bytes.error().what);
    return {};
  }
  pem += x509::to_pem("CERTIFICATE", *bytes);
  call.reply.give(200, kPem, pem);
  return {};
}

}  // namespace ct::monitor::api
