// Certificates of history as the program prints them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sql/history.h"
#include "sql/logs.h"

namespace ct::monitor {

// Descriptions of logs by their ids.
using LogNames = std::map<Hash, std::string>;
[[nodiscard]] LogNames log_names(const std::vector<sql::LogRow>& logs);

// One JSON object, ASCII, as docs/formats.md describes it. `query` is what it
// answers.
[[nodiscard]] std::string history_json(const sql::HistoryCertificate& c,
                                       std::string_view query,
                                       const LogNames& logs);

// The columns of CSV, and a row of them: RFC 4180, without the line's end.
[[nodiscard]] std::string_view history_csv_heading();
[[nodiscard]] std::string history_csv(const sql::HistoryCertificate& c,
                                      std::string_view query);

// The first log entry that holds the certificate itself; the precertificate,
// while that is all there is. nullptr: none is known.
[[nodiscard]] const sql::HistorySighting* certificate_sighting(
    const sql::HistoryCertificate& c);

// What messages call it: its first name, and the SHA-256.
[[nodiscard]] std::string certificate_title(const sql::HistoryCertificate& c);

// Who issued it, in a few words: organisation and common name.
[[nodiscard]] std::string short_issuer(std::string_view issuer);

}  // namespace ct::monitor
