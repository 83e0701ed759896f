#include "monitor/api/route.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "monitor/terminal.h"

namespace ct::monitor::api {
namespace {

constexpr Millis kLogsAge = 10'000;

bool is_yes(const std::string& text) {
  return text.empty() || text == "true" || text == "1" || text == "yes";
}
bool is_no(const std::string& text) {
  return text == "false" || text == "0" || text == "no";
}

std::optional<std::uint64_t> to_count(const std::string& text) {
  std::uint64_t n = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, n);
  if (error != std::errc() || at != end || n >> 53 != 0) return std::nullopt;
  return n;
}

// What the value of a parameter should be; nullopt: it is.
std::optional<std::string> wanted(const Parameter& p, const std::string& text) {
  switch (p.kind) {
    case Parameter::Kind::kFlag:
      if (is_yes(text) || is_no(text)) return std::nullopt;
      return "true or false";
    case Parameter::Kind::kCount:
      if (to_count(text)) return std::nullopt;
      return "a whole number";
    case Parameter::Kind::kChoice:
      if (std::ranges::find(p.choices, text) != p.choices.end()) {
        return std::nullopt;
      }
      return fmt::format("one of {}", fmt::join(p.choices, ", "));
    case Parameter::Kind::kText:
    case Parameter::Kind::kTime:
      break;
  }
  return std::nullopt;
}

const Parameter* find_param(const Route& route, const std::string& name) {
  const auto at = std::ranges::find_if(route.params, [&](const Parameter& p) {
    return p.name == name ||
           (route.any_case && ascii_lower(p.name) == ascii_lower(name));
  });
  return at == route.params.end() ? nullptr : &*at;
}

std::string known_params(const Route& route) {
  std::string out;
  for (const auto& p : route.params) out += (out.empty() ? "" : ", ") + p.name;
  return out.empty() ? "there are none here" : "there are " + out;
}

}  // namespace

Result<LogCache::Logs> LogCache::get(sql::Database& db) {
  {
    const std::lock_guard lock(mutex_);
    if (logs_ && now_millis() - read_at_ < kLogsAge) return logs_;
  }
  auto read = sql::load_logs(db);
  if (!read) return tl::unexpected(read.error());
  const std::lock_guard lock(mutex_);
  logs_ = std::make_shared<const std::vector<sql::LogRow>>(std::move(*read));
  read_at_ = now_millis();
  return logs_;
}

std::string Call::param(std::string_view name) const {
  for (const auto& [key, value] : request.params) {
    if (key == name) return value;
  }
  return {};
}

std::vector<std::string> Call::params(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : request.params) {
    if (key == name) out.push_back(value);
  }
  return out;
}

bool Call::flag(std::string_view name) const {
  for (const auto& [key, value] : request.params) {
    if (key == name) return is_yes(value);
  }
  return false;
}

std::uint64_t Call::count(std::string_view name) const {
  return to_count(param(name)).value_or(0);
}

bool fits(const Route& route, std::string_view path, std::string& named) {
  const std::string_view pattern = route.path;
  const auto begin = pattern.find('{');
  if (begin == std::string_view::npos) return pattern == path;
  const std::string_view before = pattern.substr(0, begin);
  const std::string_view behind = pattern.substr(pattern.find('}') + 1);
  if (path.size() <= before.size() + behind.size() ||
      !path.starts_with(before) || !path.ends_with(behind)) {
    return false;
  }
  named =
      path.substr(before.size(), path.size() - before.size() - behind.size());
  return named.find('/') == std::string::npos;
}

sql::TokenScope needed_scope(const Route& route, const HttpRequest& request) {
  sql::TokenScope needed = route.scope;
  for (const auto& [name, value] : request.params) {
    const Parameter* const p = find_param(route, name);
    if (p == nullptr) continue;
    if (p->kind == Parameter::Kind::kFlag && is_no(value)) continue;
    needed = std::max(needed, p->scope);
  }
  return needed;
}

Result<void> check_params(const Route& route, const HttpRequest& request) {
  std::vector<const Parameter*> seen;
  for (const auto& [name, value] : request.params) {
    const std::string shown = printable(name.substr(0, 60));
    const Parameter* known = find_param(route, name);
    if (known == nullptr) {
      return fail(Errc::kUsage, fmt::format("there is no parameter {}; {}",
                                            shown, known_params(route)));
    }
    if (!known->repeated && std::ranges::find(seen, known) != seen.end()) {
      return fail(Errc::kUsage, shown + " is given twice");
    }
    seen.push_back(known);
    if (route.any_case && value.empty()) continue;  // tools send what is unset
    if (const auto what = wanted(*known, value)) {
      return fail(Errc::kUsage,
                  fmt::format("{} wants {}, not \"{}\"", shown, *what,
                              printable(value.substr(0, 100))));
    }
  }
  return {};
}

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  add_certificate_routes(routes);
  add_watch_routes(routes);
  add_alert_routes(routes);
  add_status_routes(routes);
  add_token_routes(routes);
  add_crtsh_routes(routes);
  return routes;
}

}  // namespace ct::monitor::api
