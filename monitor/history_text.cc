#include "monitor/history_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/base64.h"
#include "base/hex.h"
#include "monitor/terminal.h"
#include "sql/history_key.h"
#include "sql/history_search.h"
#include "x509/certificate.h"
#include "x509/unicode.h"

namespace ct::monitor {
namespace {

// JSON, written as it goes: answers have millions of elements. All of it is
// ASCII.
class JsonText {
 public:
  // Needs no escapes.
  void key(std::string_view name) {
    next();
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }
  void open(char bracket) {
    out_ += bracket;
    fresh_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    fresh_ = false;
  }
  // Before a key, or an element of an array.
  void next() {
    if (!fresh_) out_ += ',';
    fresh_ = false;
  }
  void text(std::string_view text);
  void number(std::uint64_t n) { out_ += std::to_string(n); }
  void null() { out_ += "null"; }
  void boolean(bool b) { out_ += b ? "true" : "false"; }

  std::string take() { return std::move(out_); }

 private:
  void escape(std::uint32_t utf16) { out_ += fmt::format("\\u{:04x}", utf16); }

  std::string out_;
  bool fresh_ = false;  // a bracket was opened just now
};

void JsonText::text(std::string_view text) {
  out_ += '"';
  for (ByteView rest = as_bytes(text); !rest.empty();) {
    const auto byte = static_cast<char>(rest.front());
    if (byte >= ' ' && byte < 0x7f) {
      if (byte == '"' || byte == '\\') out_ += '\\';
      out_ += byte;
      rest = rest.subspan(1);
      continue;
    }
    const std::uint32_t c = x509::take_utf8(rest).value_or(x509::kReplacement);
    if (c < 0x10000) {
      escape(c);
    } else {
      escape(0xd800 + ((c - 0x10000) >> 10));
      escape(0xdc00 + ((c - 0x10000) & 0x3ff));
    }
  }
  out_ += '"';
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
  JsonText json;
  const auto text = [&](std::string_view key, std::string_view value) {
    json.key(key);
    json.text(value);
  };
  const auto boolean = [&](std::string_view key, bool value) {
    json.key(key);
    json.boolean(value);
  };
  const auto null = [&](std::string_view key) {
    json.key(key);
    json.null();
  };
  json.open('{');
  text("query", query);
  text("place", sql::history_place(c));
  text("certificate_sha256", to_hex(c.sha256));
  boolean("final", c.final);
  const auto names = kept_names(c);
  json.key("names");
  json.open('[');
  for (const auto& name : names) {
    json.next();
    json.text(name);
  }
  json.close(']');
  boolean("names_cut", names.size() != c.names.size());
  text("issuer", c.issuer);
  if (c.issuer_spki_sha256) {
    text("issuer_spki_sha256", to_hex(*c.issuer_spki_sha256));
  } else {
    null("issuer_spki_sha256");
  }
  text("serial", c.serial);
  text("organization", c.organization);
  text("not_before", format_seconds(c.not_before));
  text("not_after", format_seconds(c.not_after));
  text("spki_sha256_prefix", to_hex(c.spki_sha256));
  if (c.sightings.empty()) {
    null("first_logged");
  } else {
    text("first_logged", format_time(c.sightings.front().timestamp));
  }
  json.key("sightings");
  json.open('[');
  for (const auto& s : c.sightings) {
    json.next();
    json.open('{');
    text("log_id", to_base64(s.log_id));
    if (const auto log = logs.find(s.log_id); log != logs.end()) {
      text("log", log->second);
    } else {
      null("log");
    }
    json.key("leaf_index");
    json.number(s.leaf_index);
    text("timestamp", format_time(s.timestamp));
    text("entry_type",
         s.type == ctlog::EntryType::kPrecert ? "precert_entry" : "x509_entry");
    json.close('}');
  }
  json.close(']');
  json.close('}');
  return json.take();
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

std::string certificate_title(const sql::HistoryCertificate& c) {
  return fmt::format("{} ({})",
                     c.names.empty() ? "a certificate without names"
                                     : printable(c.names.front()),
                     to_hex(c.sha256));
}

const sql::HistorySighting* certificate_sighting(
    const sql::HistoryCertificate& c) {
  const auto at = std::ranges::find_if(c.sightings, [&](const auto& s) {
    return (s.type == ctlog::EntryType::kX509) == c.final;
  });
  return at == c.sightings.end() ? nullptr : &*at;
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
