#include <chrono>

#include "x509/decode.h"

namespace ct::x509 {
namespace {

// Takes decimal fields off the front.
class Digits {
 public:
  explicit Digits(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::optional<int> take(std::size_t n) {
    if (!leads(n)) return std::nullopt;
    int v = 0;
    for (const char c : rest_.substr(0, n)) v = v * 10 + (c - '0');
    rest_.remove_prefix(n);
    return v;
  }
  [[nodiscard]] bool leads(std::size_t n) const {
    if (rest_.size() < n) return false;
    return std::ranges::all_of(rest_.substr(0, n),
                               [](char c) { return c >= '0' && c <= '9'; });
  }
  [[nodiscard]] std::string_view rest() const { return rest_; }
  void skip(std::size_t n) { rest_.remove_prefix(n); }

 private:
  std::string_view rest_;
};

struct Fields {
  int year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0;
};

int clamped(int v, int low, int high, bool& odd) {
  odd |= v < low || v > high;
  return std::clamp(v, low, high);
}

Seconds to_seconds(const Fields& f, bool& odd) {
  using namespace std::chrono;
  const year_month ym =
      year{f.year} / month{static_cast<unsigned>(clamped(f.month, 1, 12, odd))};
  const auto last =
      static_cast<int>(static_cast<unsigned>((ym / std::chrono::last).day()));
  const sys_days date =
      ym / day{static_cast<unsigned>(clamped(f.day, 1, last, odd))};
  const int clock = clamped(f.hour, 0, 23, odd) * 3600 +
                    clamped(f.minute, 0, 59, odd) * 60 +
                    clamped(f.second, 0, 59, odd);
  return duration_cast<seconds>(date.time_since_epoch()).count() + clock;
}

// ".123" or ",5": GeneralizedTime's fraction, of whatever unit came last.
void skip_fraction(Digits& in, bool& odd) {
  if (in.rest().empty() || (in.rest()[0] != '.' && in.rest()[0] != ',')) return;
  odd = true;
  in.skip(1);
  while (in.leads(1)) in.skip(1);
}

// "Z", "+0100", "-05"; anything else, and nothing at all, counts as UTC.
Seconds zone_offset(Digits& in, bool& odd) {
  if (in.rest() == "Z") return 0;
  odd = true;
  if (in.rest().empty()) return 0;
  const char sign = in.rest()[0];
  if (sign != '+' && sign != '-') return 0;
  in.skip(1);
  const auto hours = in.take(2);
  if (!hours) return 0;
  const Seconds offset = *hours * 3600 + in.take(2).value_or(0) * 60;
  return sign == '+' ? offset : -offset;
}

}  // namespace

// UTCTime "YYMMDDhhmm[ss]" and GeneralizedTime "YYYYMMDDhh[mm[ss[.f]]]", both
// with a zone (X.680, sections 46 and 47). RFC 5280 wants seconds and "Z".
std::optional<DecodedTime> decode_time(const Element& time) {
  Digits in(as_text(time.body));
  Fields f;
  const bool utc = time.tag == tag::kUtcTime;
  if (!utc && time.tag != tag::kGeneralizedTime) return std::nullopt;

  const auto year = in.take(utc ? 2 : 4);
  const auto month = in.take(2);
  const auto day = in.take(2);
  const auto hour = in.take(2);
  if (!year || !month || !day || !hour) return std::nullopt;
  f.year = !utc ? *year : *year + (*year >= 50 ? 1900 : 2000);
  f.month = *month;
  f.day = *day;
  f.hour = *hour;

  DecodedTime out;
  const auto minute = in.take(2);
  const auto second = in.take(2);
  out.odd = !minute || !second;
  f.minute = minute.value_or(0);
  f.second = second.value_or(0);
  if (!utc) skip_fraction(in, out.odd);
  const Seconds offset = zone_offset(in, out.odd);
  out.t = to_seconds(f, out.odd) - offset;
  return out;
}

}  // namespace ct::x509
