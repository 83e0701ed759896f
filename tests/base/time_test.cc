#include "base/time.h"

#include <limits>

#include "tests/support/catch.h"

using namespace ct;
using namespace std::chrono_literals;

TEST_CASE("times are written as RFC 3339 in UTC", "[base][time]") {
  CHECK(format_time(0) == "1970-01-01T00:00:00Z");
  CHECK(format_time(1795514782000) == "2026-11-24T10:06:22Z");
  CHECK(format_time(1795514782250) == "2026-11-24T10:06:22.250Z");
  CHECK(format_time(1795514782007) == "2026-11-24T10:06:22.007Z");
  CHECK(format_time(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(format_seconds(951782400) == "2000-02-29T00:00:00Z");
}

TEST_CASE("times out of all range are clamped", "[base][time]") {
  using Limits = std::numeric_limits<std::int64_t>;
  CHECK(format_time(Limits::max()) == "9999-12-31T23:59:59.999Z");
  CHECK(format_time(Limits::min()) == "0000-01-01T00:00:00Z");
  CHECK(format_seconds(Limits::max()) == "9999-12-31T23:59:59.999Z");
  CHECK(format_seconds(Limits::min()) == "0000-01-01T00:00:00Z");
  CHECK(format_seconds(253402300799) == "9999-12-31T23:59:59Z");
}

TEST_CASE("written times are read back", "[base][time]") {
  for (const Millis t :
       {Millis{0}, Millis{-1}, Millis{1795514782250}, Millis{951782400000},
        Millis{253402300799999}, Millis{-62167219200000}}) {
    CHECK(parse_time(format_time(t)) == t);
  }
}

TEST_CASE("dates, fractions and offsets are understood", "[base][time]") {
  const Millis noon = 1795521600000;  // 2026-11-24T12:00:00Z
  CHECK(parse_time("2026-11-24") == noon - 43'200'000);
  CHECK(parse_time("2026-11-24T12:00:00Z") == noon);
  CHECK(parse_time("2026-11-24t12:00:00z") == noon);
  CHECK(parse_time("2026-11-24T13:30:00+01:30") == noon);
  CHECK(parse_time("2026-11-24T07:00:00-05:00") == noon);
  CHECK(parse_time("2026-11-24T12:00:00.5Z") == noon + 500);
  CHECK(parse_time("2026-11-24T12:00:00.123456789Z") == noon + 123);
  CHECK(parse_time("2026-11-24T11:59:60Z") == noon);
  CHECK(parse_time("2024-02-29") == 1709164800000);
}

TEST_CASE("what is no time is refused", "[base][time]") {
  for (const char* bad : {"",
                          "2026",
                          "2026-11",
                          "2026-1-24",
                          "2026-11-24T",
                          "2026-11-24 ",
                          "2026-13-01",
                          "2026-00-01",
                          "2026-02-29",
                          "2026-04-31",
                          "2026-11-00",
                          "2026-11-24T12:00:00",
                          "2026-11-24T12:00Z",
                          "2026-11-24T24:00:00Z",
                          "2026-11-24T12:60:00Z",
                          "2026-11-24T12:00:61Z",
                          "2026-11-24T12:00:00.Z",
                          "2026-11-24T12:00:00+1:00",
                          "2026-11-24T12:00:00+24:00",
                          "2026-11-24T12:00:00+0100",
                          "2026-11-24T12:00:00Zx",
                          "-026-11-24",
                          "2026-11-24T-1:00:00Z",
                          "2026/11/24",
                          "now"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_time(bad));
  }
}

TEST_CASE("durations have one unit", "[base][time]") {
  CHECK(parse_duration("90s") == 90'000ms);
  CHECK(parse_duration("90") == 90'000ms);
  CHECK(parse_duration("15m") == 15min);
  CHECK(parse_duration("2h") == 2h);
  CHECK(parse_duration("7d") == 168h);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("0") == 0ms);
  CHECK(parse_duration("9999999999d").value() > 0ms);
  for (const char* bad : {"", "s", "-1s", "1.5h", "1 h", " 1h", "1h ", "1w",
                          "1h30m", "1M", "99999999999", "0x10", "+1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("durations are told to people in two units", "[base][time]") {
  CHECK(format_duration(0ms) == "0 s");
  CHECK(format_duration(250ms) == "250 ms");
  CHECK(format_duration(12'900ms) == "12 s");
  CHECK(format_duration(5min) == "5 min");
  CHECK(format_duration(90s) == "1 min 30 s");
  CHECK(format_duration(76h) == "3 d 4 h");
  CHECK(format_duration(72h + 5min) == "3 d");
  CHECK(format_duration(3h + 59min + 59s) == "3 h 59 min");
  CHECK(format_duration(-90s) == "-1 min 30 s");
  CHECK(format_duration(std::chrono::milliseconds::min()).front() == '-');
}
