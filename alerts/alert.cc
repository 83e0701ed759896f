#include "alerts/alert.h"

#include <array>
#include <utility>

#include "base/hex.h"
#include "base/sha256.h"

namespace ct::alerts {
namespace {

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<Severity, 5> kSeverities{{{Severity::kInfo, "info"},
                                          {Severity::kLow, "low"},
                                          {Severity::kMedium, "medium"},
                                          {Severity::kHigh, "high"},
                                          {Severity::kCritical, "critical"}}};

constexpr Names<AlertState, 4> kStates{
    {{AlertState::kOpen, "open"},
     {AlertState::kAcknowledged, "acknowledged"},
     {AlertState::kResolved, "resolved"},
     {AlertState::kExpected, "expected"}}};

template <class E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E value) {
  for (const auto& [v, name] : names) {
    if (v == value) return name;
  }
  return "unknown";
}

template <class E, std::size_t N>
std::optional<E> value_of(const Names<E, N>& names, std::string_view text) {
  for (const auto& [v, name] : names) {
    if (name == text) return v;
  }
  return std::nullopt;
}

// The first 128 bits of SHA-256 over the fields, each behind its length, so
// that no two lists of fields have the same bytes. The first is the domain.
std::string derive_id(std::initializer_list<ByteView> fields) {
  Bytes all;
  for (const ByteView field : fields) {
    put_uint(all, field.size(), 8);
    put_bytes(all, field);
  }
  return to_hex(ByteView(sha256(all)).first(16));
}

}  // namespace

std::string_view to_string(Severity s) { return name_of(kSeverities, s); }

std::optional<Severity> parse_severity(std::string_view text) {
  return value_of(kSeverities, text);
}

std::string_view to_string(AlertState s) { return name_of(kStates, s); }

std::optional<AlertState> parse_alert_state(std::string_view text) {
  return value_of(kStates, text);
}

std::string certificate_alert_id(std::string_view watch_id,
                                 const Hash& tbs_sha256) {
  return derive_id(
      {as_bytes("ctvigil certificate"), as_bytes(watch_id), tbs_sha256});
}

std::string log_alert_id(std::string_view kind, const Hash& log_id,
                         std::string_view episode) {
  return derive_id(
      {as_bytes("ctvigil log"), as_bytes(kind), log_id, as_bytes(episode)});
}

}  // namespace ct::alerts
