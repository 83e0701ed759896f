#include "alerts/alert.h"

#include <set>

#include "base/sha256.h"
#include "tests/support/catch.h"

namespace ct::alerts {
namespace {

TEST_CASE("severities and states survive being written and read",
          "[alerts][alert]") {
  for (const auto s : {Severity::kInfo, Severity::kLow, Severity::kMedium,
                       Severity::kHigh, Severity::kCritical}) {
    CHECK(parse_severity(to_string(s)) == s);
  }
  for (const auto s : {AlertState::kOpen, AlertState::kAcknowledged,
                       AlertState::kResolved, AlertState::kExpected}) {
    CHECK(parse_alert_state(to_string(s)) == s);
  }
  CHECK_FALSE(parse_severity(""));
  CHECK_FALSE(parse_severity("High"));
  CHECK_FALSE(parse_severity("unknown"));
  CHECK_FALSE(parse_alert_state("opened"));
}

TEST_CASE("an id is 32 hex digits and the same every time", "[alerts][alert]") {
  const Hash h = sha256(as_bytes("tbs"));
  const std::string id = certificate_alert_id("7", h);
  CHECK(id.size() == 32);
  CHECK(id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(certificate_alert_id("7", h) == id);
  // Kept in databases: what is hashed must never change.
  CHECK(id == "5e299ff8b8807e384b0b499fc9542911");
  CHECK(log_alert_id("log_lag", h, "12") == "0ec39d84c7d95f267d1adab6da399028");
}

TEST_CASE("different subjects have different ids", "[alerts][alert]") {
  const Hash a = sha256(as_bytes("a")), b = sha256(as_bytes("b"));
  const std::vector<std::string> ids = {
      certificate_alert_id("7", a),     certificate_alert_id("7", b),
      certificate_alert_id("8", a),     certificate_alert_id("", a),
      log_alert_id("log_lag", a, "12"), log_alert_id("log_lag", a, "1"),
      log_alert_id("log_lag", b, "12"), log_alert_id("log_fork", a, "12"),
      log_alert_id("log_lag", a, ""),   log_alert_id("7", a, "")};
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == ids.size());
}

}  // namespace
}  // namespace ct::alerts
