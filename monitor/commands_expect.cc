// ctvigil expect
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/hex.h"
#include "base/sha256.h"
#include "monitor/certificate_facts.h"
#include "monitor/commands.h"
#include "monitor/files.h"
#include "monitor/terminal.h"
#include "sql/watches.h"
#include "x509/csr.h"
#include "x509/precert.h"

namespace ct::monitor {
namespace {

using alerts::Expectation;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxFile = 4u << 20;

std::string dump(const Json& json) {
  return json.dump(2, ' ', true, Json::error_handler_t::replace);
}

Result<Expectation> from_certificate(ByteView der) {
  const auto certificate = x509::parse_certificate(der);
  if (!certificate) return tl::unexpected(certificate.error());
  const auto tbs = x509::tbs_sha256(*certificate);
  if (!tbs) return tl::unexpected(tbs.error());
  Expectation e;
  e.kind = Expectation::Kind::kTbs;
  e.value = *tbs;
  e.names = identities(certificate->names);
  return e;
}

// A request promises a key and names; what the CA makes of it is not known
// yet.
Result<Expectation> from_request(ByteView der) {
  const auto request = x509::parse_csr(der);
  if (!request) return tl::unexpected(request.error());
  Expectation e;
  e.kind = Expectation::Kind::kSpki;
  e.value = sha256(request->key.spki);
  // What a certificate's names are compared with.
  e.names = identities(request->names);
  return e;
}

// What is in a file, PEM or DER. Of a PEM file with a chain the first
// certificate is meant: the rest are CAs'.
Result<Expectation> expectation_in(std::string_view content) {
  auto certificates = x509::from_pem("CERTIFICATE", content);
  if (!certificates) return tl::unexpected(certificates.error());
  if (!certificates->empty()) return from_certificate(certificates->front());
  for (const char* label : {"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}) {
    const auto requests = x509::from_pem(label, content);
    if (!requests) return tl::unexpected(requests.error());
    if (!requests->empty()) return from_request(requests->front());
  }
  auto e = from_certificate(as_bytes(content));
  if (!e) e = from_request(as_bytes(content));
  if (!e) {
    return fail(Errc::kUsage,
                "neither a certificate nor a request, PEM or DER");
  }
  return e;
}

Result<Expectation> read_expectation(const std::string& path) {
  const auto content = read_file(path, kMaxFile);
  if (!content) return tl::unexpected(content.error());
  auto e = expectation_in(*content);
  if (!e) return fail_in(path, e.error());
  return e;
}

int add_expectations(Session& session, std::vector<std::string> files,
                     const std::string& note) {
  if (files.empty()) {
    // As certbot's --deploy-hook sets it.
    const char* lineage = std::getenv("RENEWED_LINEAGE");
    if (lineage == nullptr || *lineage == '\0') {
      return report({Errc::kUsage,
                     "name a certificate or request, or run as certbot's "
                     "--deploy-hook, which sets RENEWED_LINEAGE"});
    }
    files.push_back(std::string(lineage) + "/cert.pem");
  }
  std::vector<Expectation> expectations;
  for (const auto& file : files) {
    auto e = read_expectation(file);
    if (!e) return report(e.error());
    e->note = note;
    expectations.push_back(std::move(*e));
  }
  auto db = session.open_database();
  if (!db) return report(db.error());
  Json out = Json::array();
  for (const auto& e : expectations) {
    const auto explained = sql::put_expectation(**db, e);
    if (!explained) return report(explained.error());
    if (session.json) {
      out.push_back(
          {{"id", sql::expectation_id(e)}, {"alerts_explained", *explained}});
      continue;
    }
    fmt::print("Expected: {} {}{}\n",
               e.kind == Expectation::Kind::kTbs ? "this certificate,"
                                                 : "certificates for this key,",
               e.names.empty()
                   ? std::string("any name")
                   : printable(fmt::format("{}", fmt::join(e.names, ", "))),
               explained->empty()
                   ? std::string()
                   : fmt::format("; {} alerts are explained by it",
                                 explained->size()));
  }
  if (session.json) fmt::print("{}\n", dump(out));
  return kExitOk;
}

int list_expectations(Session& session) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  const auto expectations = sql::load_expectations(**db);
  if (!expectations) return report(expectations.error());
  if (session.json) {
    Json out = Json::array();
    for (const auto& e : *expectations) {
      out.push_back(
          {{"id", e.id},
           {"kind", e.kind == Expectation::Kind::kTbs ? "tbs" : "spki"},
           {"value", to_hex(e.value)},
           {"names", e.names},
           {"note", e.note},
           {"created", format_time(e.created)}});
    }
    fmt::print("{}\n", dump(out));
    return kExitOk;
  }
  if (expectations->empty()) {
    fmt::print("Nothing is registered: `ctvigil expect add cert.pem`.\n");
    return kExitOk;
  }
  Table table({{"ID"}, {"REGISTERED"}, {"NAMES"}, {"NOTE"}});
  for (const auto& e : *expectations) {
    table.add({e.id, format_time(e.created),
               fmt::format("{}", fmt::join(e.names, ", ")), e.note});
  }
  table.print(stdout);
  return kExitOk;
}

int remove_expectations(Session& session, const std::vector<std::string>& ids) {
  auto db = session.open_database();
  if (!db) return report(db.error());
  int code = kExitOk;
  for (const auto& id : ids) {
    const auto removed = sql::remove_expectation(**db, id);
    if (!removed) return report(removed.error());
    if (*removed) {
      fmt::print("No longer expected: {}\n", printable(id));
    } else {
      code = report({Errc::kInternal, "nothing is registered as " + id});
    }
  }
  return code;
}

}  // namespace

void add_expect_commands(CLI::App& app, Session& session) {
  CLI::App& expect =
      *app.add_subcommand("expect", "Certificates announced by their owner");
  expect.require_subcommand(1);

  auto files = std::make_shared<std::vector<std::string>>();
  auto note = std::make_shared<std::string>();
  CLI::App& add = *expect.add_subcommand(
      "add", "Register a certificate or a request (CSR)");
  session.add_common_options(add);
  add.add_option("FILE", *files,
                 "PEM or DER; default: $RENEWED_LINEAGE/cert.pem");
  add.add_option("--note", *note, "For people");
  add.footer(
      "A registered certificate raises no alert; nor does one for the key and "
      "the\nnames of a registered request. Registering shortly after the entry "
      "was seen\nresolves its alert.\n\n"
      "Examples:\n"
      "  certbot renew --deploy-hook \"ctvigil expect add\"\n"
      "  ctvigil expect add request.csr --note \"order 1234\"");
  on_chosen(add, session, [&session, files, note] {
    return add_expectations(session, *files, *note);
  });

  CLI::App& list = *expect.add_subcommand("list", "List what is registered");
  session.add_common_options(list);
  on_chosen(list, session, [&session] { return list_expectations(session); });

  auto ids = std::make_shared<std::vector<std::string>>();
  CLI::App& remove = *expect.add_subcommand("remove", "Expect it no longer");
  session.add_common_options(remove, false);
  remove.add_option("ID", *ids, "As `expect list` shows it")->required();
  on_chosen(remove, session,
            [&session, ids] { return remove_expectations(session, *ids); });
}

}  // namespace ct::monitor
