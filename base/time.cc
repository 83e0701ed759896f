#include "base/time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace ct {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_time;

constexpr sys_time<milliseconds> kFirst =
    sys_days(std::chrono::year(0) / 1 / 1);
constexpr sys_time<milliseconds> kLast =
    sys_days(std::chrono::year(10'000) / 1 / 1) - milliseconds(1);

// Takes characters off the front of a text.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly `width` digits, at most `largest`.
  std::optional<int> number(std::size_t width, int largest) {
    if (rest_.size() < width) return std::nullopt;
    int v = 0;
    for (const char c : rest_.substr(0, width)) {
      if (c < '0' || c > '9') return std::nullopt;
      v = v * 10 + (c - '0');
    }
    if (v > largest) return std::nullopt;
    rest_.remove_prefix(width);
    return v;
  }

 private:
  std::string_view rest_;
};

std::optional<sys_days> scan_date(Scanner& in) {
  const auto year = in.number(4, 9999);
  if (!year || !in.take('-')) return std::nullopt;
  const auto month = in.number(2, 12);
  if (!month || !in.take('-')) return std::nullopt;
  const auto day = in.number(2, 31);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{
      std::chrono::year(*year),
      std::chrono::month(static_cast<unsigned>(*month)),
      std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return sys_days(date);
}

// ".123456": digits after the third are dropped.
std::optional<milliseconds> scan_fraction(Scanner& in) {
  if (!in.take('.')) return milliseconds(0);
  int v = 0;
  int scale = 100;
  bool any = false;
  while (const auto digit = in.number(1, 9)) {
    v += *digit * scale;
    scale /= 10;
    any = true;
  }
  if (!any) return std::nullopt;
  return milliseconds(v);
}

std::optional<minutes> scan_offset(Scanner& in) {
  if (in.take('Z') || in.take('z')) return minutes(0);
  const bool west = in.take('-');
  if (!west && !in.take('+')) return std::nullopt;
  const auto hour = in.number(2, 23);
  if (!hour || !in.take(':')) return std::nullopt;
  const auto minute = in.number(2, 59);
  if (!minute) return std::nullopt;
  const minutes offset = hours(*hour) + minutes(*minute);
  return west ? -offset : offset;
}

// RFC 3339, section 5.6: full-time.
std::optional<milliseconds> scan_time_of_day(Scanner& in) {
  const auto hour = in.number(2, 23);
  if (!hour || !in.take(':')) return std::nullopt;
  const auto minute = in.number(2, 59);
  if (!minute || !in.take(':')) return std::nullopt;
  const auto second = in.number(2, 60);  // 60: a leap second
  if (!second) return std::nullopt;
  const auto fraction = scan_fraction(in);
  if (!fraction) return std::nullopt;
  const auto offset = scan_offset(in);
  if (!offset) return std::nullopt;
  return hours(*hour) + minutes(*minute) + seconds(*second) + *fraction -
         *offset;
}

}  // namespace

std::string format_time(Millis t) {
  const auto point =
      std::clamp(sys_time<milliseconds>(milliseconds(t)), kFirst, kLast);
  const auto day = std::chrono::floor<days>(point);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(point - day);
  std::string out = fmt::format(
      "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      time.hours().count(), time.minutes().count(), time.seconds().count());
  if (const auto fraction = time.subseconds().count(); fraction != 0) {
    out += fmt::format(".{:03}", fraction);
  }
  return out + 'Z';
}

std::string format_seconds(Seconds t) {
  constexpr Seconds kLimit = std::numeric_limits<Millis>::max() / 1000;
  return format_time(std::clamp(t, -kLimit, kLimit) * 1000);
}

std::optional<Millis> parse_time(std::string_view text) {
  Scanner in(text);
  const auto day = scan_date(in);
  if (!day) return std::nullopt;
  milliseconds since_midnight(0);
  if (!in.empty()) {
    if (!in.take('T') && !in.take('t')) return std::nullopt;
    const auto time = scan_time_of_day(in);
    if (!time || !in.empty()) return std::nullopt;
    since_midnight = *time;
  }
  return (day->time_since_epoch() + since_midnight) / milliseconds(1);
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  // Ten digits of days still fit 64 bits as milliseconds.
  if (end == 0 || end > 10) return std::nullopt;
  std::int64_t n = 0;
  for (const char c : text.substr(0, end)) n = n * 10 + (c - '0');
  const std::string_view unit = text.substr(end);
  if (unit == "ms") return milliseconds(n);
  if (unit.empty() || unit == "s") return seconds(n);
  if (unit == "m") return minutes(n);
  if (unit == "h") return hours(n);
  if (unit == "d") return days(n);
  return std::nullopt;
}

std::string format_duration(milliseconds d) {
  if (d < milliseconds(0)) {
    // The most negative count has no positive counterpart.
    return "-" + format_duration(-std::max(d, -milliseconds::max()));
  }
  if (d > milliseconds(0) && d < seconds(1)) {
    return fmt::format("{} ms", d.count());
  }
  struct Unit {
    seconds size;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{days(1), "d"},
                                           {hours(1), "h"},
                                           {minutes(1), "min"},
                                           {seconds(1), "s"}}};
  const auto whole = std::chrono::duration_cast<seconds>(d);
  std::size_t i = 0;
  while (i + 1 < kUnits.size() && whole < kUnits[i].size) ++i;
  std::string out =
      fmt::format("{} {}", whole / kUnits[i].size, kUnits[i].name);
  if (i + 1 < kUnits.size()) {
    const auto rest = whole % kUnits[i].size / kUnits[i + 1].size;
    if (rest != 0) out += fmt::format(" {} {}", rest, kUnits[i + 1].name);
  }
  return out;
}

}  // namespace ct
