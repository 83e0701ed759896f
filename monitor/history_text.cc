#include "monitor/history_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "base/hex.h"
#include "sql/history_key.h"
#include "sql/history_search.h"
#include "x509/certificate.h"

namespace ct::monitor {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<Hash>& hash) {
  return hash ? Json(to_hex(*hash)) : Json(nullptr);
}

// Without the mark that there are more.
std::vector<std::string> kept_names(const sql::HistoryCertificate& c) {
  auto names = c.names;
  if (!names.empty() && names.back() == sql::kHistoryNamesCut) {
    names.pop_back();
  }
  return names;
}

// A spreadsheet takes text that begins like this for a formula, and whoever
// orders a certificate chooses the text.
std::string csv_cell(std::string_view text) {
  std::string out;
  if (!text.empty() &&
      std::string_view("=+-@\t\r").find(text[0]) != std::string_view::npos) {
    out = "'";
  }
  out += text;
  if (out.find_first_of("\",\r\n") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

LogNames log_names(const std::vector<sql::LogRow>& logs) {
  LogNames out;
  for (const auto& row : logs) {
    out.emplace(row.info.log_id, row.info.description);
  }
  return out;
}

std::string history_json(const sql::HistoryCertificate& c,
                         std::string_view query, const LogNames& logs) {
  Json sightings = Json::array();
  for (const auto& s : c.sightings) {
    const auto log = logs.find(s.log_id);
    sightings.push_back(
        {{"log_id", to_base64(s.log_id)},
         {"log", log == logs.end() ? Json(nullptr) : Json(log->second)},
         {"leaf_index", s.leaf_index},
         {"timestamp", format_time(s.timestamp)},
         {"entry_type", s.type == ctlog::EntryType::kPrecert ? "precert_entry"
                                                             : "x509_entry"}});
  }
  const auto names = kept_names(c);
  const Json out = {
      {"query", query},
      {"place", sql::history_place(c)},
      {"certificate_sha256", to_hex(c.sha256)},
      {"final", c.final},
      {"names", names},
      {"names_cut", names.size() != c.names.size()},
      {"issuer", c.issuer},
      {"issuer_spki_sha256", or_null(c.issuer_spki_sha256)},
      {"serial", c.serial},
      {"organization", c.organization},
      {"not_before", format_seconds(c.not_before)},
      {"not_after", format_seconds(c.not_after)},
      {"spki_sha256_prefix", to_hex(c.spki_sha256)},
      {"first_logged", c.sightings.empty()
                           ? Json(nullptr)
                           : Json(format_time(c.sightings.front().timestamp))},
      {"sightings", std::move(sightings)}};
  return out.dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string_view history_csv_heading() {
  return "query,not_before,not_after,names,issuer,serial,certificate_sha256,"
         "final,organization,first_logged,sightings,place";
}

std::string history_csv(const sql::HistoryCertificate& c,
                        std::string_view query) {
  return fmt::format(
      "{},{},{},{},{},{},{},{},{},{},{},{}", csv_cell(query),
      format_seconds(c.not_before), format_seconds(c.not_after),
      csv_cell(fmt::format("{}", fmt::join(kept_names(c), " "))),
      csv_cell(c.issuer), c.serial, to_hex(c.sha256), c.final,
      csv_cell(c.organization),
      c.sightings.empty() ? "" : format_time(c.sightings.front().timestamp),
      c.sightings.size(), sql::history_place(c));
}

std::string short_issuer(std::string_view issuer) {
  const std::string organization = x509::attribute_of(issuer, "O");
  const std::string name = x509::attribute_of(issuer, "CN");
  if (organization.empty() && name.empty()) return std::string(issuer);
  if (organization.empty() || name.empty() || name.starts_with(organization)) {
    return name.empty() ? organization : name;
  }
  return organization + ' ' + name;
}

}  // namespace ct::monitor
