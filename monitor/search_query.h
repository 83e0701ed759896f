// What people type to search history.
//
//   example.com              the name and everything below it
//   =www.example.com         that name only; =*.example.com: that wildcard
//   api.*.example.com        "*" and "%" are any characters
//   192.0.2.7, 192.0.2.0/24  addresses
//   me@example.com           a mail address; @example.com: all there and below
//   sha256:…  spki:…  serial:…    hex, with or without colons
//   issuer:NAME  issuer:spki:…    org:NAME
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sql/history_search.h"
#include "sql/logs.h"

namespace ct::monitor {

struct TermOptions {
  bool part = false;         // the text may be anywhere within a name
  bool registrable = false;  // hosts stand for their registrable domain
};

// kUsage: not understood; says why.
[[nodiscard]] Result<sql::HistoryTerm> parse_search_term(
    std::string_view typed, const TermOptions& options = {});

// A query a line; empty lines and what follows "#" do not count. Views of
// `text`.
struct QueryLine {
  std::size_t number = 0;  // from 1
  std::string_view query;
};
[[nodiscard]] std::vector<QueryLine> query_lines(std::string_view text);

// As typed; "" is not given.
struct NarrowingTexts {
  std::string issuer{}, organization{};
  std::string valid_at{}, expires_after{}, expires_before{}, issued_after{},
      issued_before{}, logged_after{}, logged_before{};
  std::vector<std::string> logs{};  // part of the description, or the id
  bool expired = false, not_expired = false;
  bool precert = false, final = false;
};
// `logs` are those known. kUsage: not understood, or it can never hold.
[[nodiscard]] Result<sql::HistoryNarrowing> parse_narrowing(
    const NarrowingTexts& texts, const std::vector<sql::LogRow>& logs,
    Millis now);

}  // namespace ct::monitor
