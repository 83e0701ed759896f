// ctvigil inspect
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "monitor/commands.h"
#include "monitor/files.h"
#include "monitor/inspection.h"
#include "monitor/issuer_proof.h"
#include "sql/logs.h"

namespace ct::monitor {
namespace {

constexpr std::size_t kMaxFile = 16u << 20;
constexpr std::size_t kMaxLogList = 32u << 20;

struct InspectOptions {
  std::string file, log_list;
  std::vector<std::string> issuers;
};

// The certificates of a file, PEM or DER.
Result<std::vector<Bytes>> read_certificates(const std::string& path) {
  const auto content = read_file(path, kMaxFile);
  if (!content) return tl::unexpected(content.error());
  auto blocks = x509::from_pem("CERTIFICATE", *content);
  if (!blocks) return fail_in(path, blocks.error());
  if (!blocks->empty()) return blocks;
  if (content->empty() || content->front() != '\x30') {
    return fail(Errc::kUsage, path + ": neither a PEM nor a DER certificate");
  }
  const ByteView der = as_bytes(*content);
  return std::vector<Bytes>{Bytes(der.begin(), der.end())};
}

void add_log(const ctlog::LogInfo& info, KnownLogs& known) {
  const auto key = ctlog::LogKey::from_spki(info.key);
  if (key) known.emplace(info.log_id, KnownLog{info, *key});
}

// Of the list named, or of all logs the database has ever known. Nothing is
// set up for the sake of a look at a file.
Result<KnownLogs> known_logs(Session& session, const InspectOptions& options) {
  KnownLogs known;
  if (!options.log_list.empty()) {
    const auto json = read_file(options.log_list, kMaxLogList);
    if (!json) return tl::unexpected(json.error());
    const auto list = ctlog::parse_log_list(*json);
    if (!list) return fail_in(options.log_list, list.error());
    for (const auto& info : list->logs) add_log(info, known);
    return known;
  }
  const auto config = session.config();
  if (!config) return tl::unexpected(config.error());
  // A private database is not set up just to look at a certificate.
  if (!Session::names_database(**config) &&
      !std::filesystem::exists((*config)->state_dir)) {
    return known;
  }
  auto db = session.open_database();
  if (!db) return tl::unexpected(db.error());
  const auto rows = sql::load_logs(**db);
  if (!rows) return tl::unexpected(rows.error());
  for (const auto& row : *rows) add_log(row.info, known);
  return known;
}

// The certificate among `candidates` that signed this one.
std::optional<ByteView> issuer_of(const x509::Certificate& certificate,
                                  const std::vector<Bytes>& candidates) {
  std::optional<ByteView> best;
  for (const Bytes& der : candidates) {
    const auto issuer = x509::parse_certificate(der);
    if (!issuer) continue;
    const auto proof = prove_issuer(certificate, *issuer);
    if (proof == IssuerProof::kProven) return der;
    if (proof == IssuerProof::kUnsupported) best = der;
  }
  return best;
}

int inspect(Session& session, const InspectOptions& options) {
  const auto certificates = read_certificates(options.file);
  if (!certificates) return report(certificates.error());
  std::vector<Bytes> issuers = *certificates;
  for (const auto& path : options.issuers) {
    const auto more = read_certificates(path);
    if (!more) return report(more.error());
    issuers.insert(issuers.end(), more->begin(), more->end());
  }
  const auto logs = known_logs(session, options);
  if (!logs) return report(logs.error());

  int code = kExitOk;
  bool has_scts = false;
  std::string json;
  for (std::size_t i = 0; i < certificates->size(); ++i) {
    const Bytes& der = (*certificates)[i];
    const auto certificate = x509::parse_certificate(der);
    if (!certificate) {
      code = report(
          {Errc::kMalformed, fmt::format("{}: certificate {}: {}", options.file,
                                         i + 1, certificate.error().what)});
      continue;
    }
    const auto facts =
        certificate_facts(der, issuer_of(*certificate, issuers), *logs);
    if (!facts) return report(facts.error());
    has_scts |= !facts->scts.empty();
    if (session.json) {
      json +=
          (json.empty() ? "" : ",\n") + inspection_json({*certificate, *facts});
      continue;
    }
    if (i != 0) fmt::print("\n");
    fmt::print("{}", inspection_text({*certificate, *facts}));
  }
  if (session.json) fmt::print("[{}]\n", json);
  if (has_scts && logs->empty()) {
    fmt::print(stderr,
               "No log keys are known yet, so no SCT could be checked: name a "
               "list with --log-list, or let `ctvigil run` fetch one.\n");
  }
  return code;
}

}  // namespace

void add_inspect_commands(CLI::App& app, Session& session) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App& command = *app.add_subcommand(
      "inspect", "Show everything in a certificate, its SCTs checked");
  session.add_common_options(command);
  command
      .add_option("FILE", options->file,
                  "Certificates, PEM or DER; issuers may be among them")
      ->required();
  command.add_option("--log-list", options->log_list,
                     "Take log keys from this log list (v3 JSON; no signature "
                     "needed) rather than from the database");
  command
      .add_option("--issuer", options->issuers,
                  "File with the issuer's certificate; repeatable")
      ->allow_extra_args(false);
  command.footer(
      "An SCT is valid, bad_signature, unknown_log, unreadable, or unchecked "
      "where the\nissuer's certificate is neither in FILE nor given by "
      "--issuer.\n\nExample:\n"
      "  ctvigil inspect fullchain.pem --log-list log_list.json");
  on_chosen(command, session,
            [&session, options] { return inspect(session, *options); });
}

}  // namespace ct::monitor
