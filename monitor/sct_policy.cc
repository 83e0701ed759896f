// What browsers want of the SCTs embedded in a certificate: Chrome's CT
// policy of 2026-04-15, Apple's of support article 103214.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "monitor/judge.h"

namespace ct::monitor {
namespace {

using ctlog::LogState;

constexpr Seconds kDay = 86'400;
constexpr Seconds kShortLived = 180 * kDay;  // at most: two SCTs are enough

// One valid SCT as policies count it.
struct Counted {
  std::string operator_name;  // at the time of the SCT
  bool live = false;          // of a log that is approved now
};

std::string operator_at(const ctlog::LogInfo& log, Millis time) {
  const ctlog::PreviousOperator* then = nullptr;
  for (const auto& previous : log.previous_operators) {
    if (time < previous.end_time &&
        (then == nullptr || previous.end_time < then->end_time)) {
      then = &previous;
    }
  }
  return then != nullptr ? then->name : log.operator_name;
}

// nullopt: an SCT of this log counts for nothing.
std::optional<Counted> count(const ctlog::LogInfo& log, Millis time) {
  switch (log.state) {
    case LogState::kQualified:
    case LogState::kUsable:
    case LogState::kReadonly:
      return Counted{operator_at(log, time), true};
    case LogState::kRetired:
      if (time >= log.state_since) return std::nullopt;
      return Counted{operator_at(log, time), false};
    case LogState::kRejected:
      // Lists call a log rejected once all that it may hold has expired.
      if (!log.interval_end || log.state_since < *log.interval_end * 1000 ||
          time >= log.state_since) {
        return std::nullopt;
      }
      return Counted{operator_at(log, time), false};
    case LogState::kPending:
    case LogState::kUnknown:
      return std::nullopt;
  }
  return std::nullopt;
}

void add_gaps(std::string_view browser, std::size_t have, std::size_t wanted,
              const std::vector<Counted>& counted,
              std::vector<std::string>& gaps) {
  if (have < wanted) {
    gaps.push_back(fmt::format(
        "{} wants {} embedded SCTs of approved logs for this lifetime; {} "
        "count{}.",
        browser, wanted, have, have == 1 ? "s" : ""));
  }
  if (counted.empty()) return;
  if (std::ranges::none_of(counted, &Counted::live)) {
    gaps.push_back(fmt::format(
        "{} wants an SCT of a log that is approved now; none of these is.",
        browser));
  }
  std::set<std::string> operators;
  for (const Counted& c : counted) operators.insert(c.operator_name);
  if (operators.size() < 2) {
    gaps.push_back(
        fmt::format("{} wants SCTs of at least two log operators; all are of "
                    "{}.",
                    browser, *operators.begin()));
  }
}

}  // namespace

std::vector<std::string> sct_policy_gaps(
    const std::vector<alerts::SctCheck>& scts, Seconds not_before,
    Seconds not_after, const KnownLogs& logs) {
  std::vector<Counted> counted;
  std::set<Hash> seen;
  for (const alerts::SctCheck& sct : scts) {
    if (sct.result != "valid") continue;
    const auto known = logs.find(sct.log_id);
    if (known == logs.end() || !seen.insert(sct.log_id).second) continue;
    if (auto c = count(known->second.info, sct.timestamp)) {
      counted.push_back(std::move(*c));
    }
  }
  // Both ends belong to the validity (RFC 5280, section 4.1.2.5).
  const Seconds lifetime = not_after - not_before + 1;
  const bool short_lived = lifetime <= kShortLived;
  const std::size_t wanted = short_lived ? 2 : 3;

  // Apple counts one SCT of each operator, two for long-lived certificates.
  std::map<std::string, std::size_t> of_operator;
  for (const Counted& c : counted) ++of_operator[c.operator_name];
  std::size_t for_apple = 0;
  for (const auto& [name, n] : of_operator) {
    for_apple += std::min<std::size_t>(n, short_lived ? 1 : 2);
  }

  std::vector<std::string> gaps;
  add_gaps("Chrome", counted.size(), wanted, counted, gaps);
  add_gaps("Apple", for_apple, wanted, counted, gaps);
  return gaps;
}

}  // namespace ct::monitor
