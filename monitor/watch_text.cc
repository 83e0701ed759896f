#include "monitor/watch_text.h"

#include <fmt/format.h>

#include <array>

#include "base/hex.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

using alerts::Watch;

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string list(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& t : texts) out += (out.empty() ? "" : ", ") + in_quotes(t);
  return '[' + out + ']';
}

std::string hex_list(const std::vector<Hash>& hashes) {
  std::vector<std::string> out;
  for (const Hash& h : hashes) out.push_back(to_hex(h));
  return list(out);
}

// In the largest unit that is exact: "10m".
std::string grace_text(std::chrono::milliseconds grace) {
  struct Unit {
    std::int64_t size;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1'000, "s"}}};
  const std::int64_t n = grace.count();
  if (n == 0) return "0s";
  for (const Unit& u : kUnits) {
    if (n % u.size == 0) return fmt::format("{}{}", n / u.size, u.name);
  }
  return fmt::format("{}ms", n);
}

struct Field {
  const char* key;
  std::string (*text)(const Watch&);
};
// `pattern` is here for organisations, which can be written in several ways.
constexpr std::array<Field, 7> kFields = {{
    {"pattern", [](const Watch& w) { return in_quotes(w.pattern); }},
    {"allow_issuers", [](const Watch& w) { return list(w.allowed_issuers); }},
    {"allow_spkis", [](const Watch& w) { return hex_list(w.allowed_spkis); }},
    {"tags", [](const Watch& w) { return list(w.tags); }},
    {"grace", [](const Watch& w) { return in_quotes(grace_text(w.grace)); }},
    {"note", [](const Watch& w) { return in_quotes(w.note); }},
    {"source", [](const Watch& w) { return in_quotes(w.source); }},
}};

}  // namespace

std::string change_line(const sql::WatchChange& change) {
  const auto& [before, after] = change;
  if (!after) return "- watch " + printable(before->pattern);
  // What a new watch says for itself is what differs from one that says no
  // more than its pattern.
  Watch plain;
  plain.pattern = after->pattern;
  plain.source = after->source;
  const Watch& old = before ? *before : plain;
  std::string differences;
  for (const Field& field : kFields) {
    const std::string from = field.text(old);
    const std::string to = field.text(*after);
    if (from == to) continue;
    differences += fmt::format("{}{} {}", differences.empty() ? ": " : ", ",
                               field.key, before ? from + " -> " + to : to);
  }
  return printable(fmt::format("{} watch {}{}", before ? '~' : '+',
                               after->pattern, differences));
}

}  // namespace ct::monitor
