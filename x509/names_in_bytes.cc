// Names in what could not be parsed: the last resort, which would rather give
// ten names too many than miss one.
#include <algorithm>
#include <unordered_set>

#include "x509/names.h"
#include "x509/unicode.h"

namespace ct::x509 {
namespace {

constexpr std::size_t kMostCandidates = 4096;
// Longer runs are no names; longer ones are cut into overlapping windows.
constexpr std::ptrdiff_t kLongestRun = 512;
// In front of a string stand its tag and length, of which the length's last
// two octets can look like letters; units of two octets pass for letters of
// some script more often.
constexpr std::size_t kMostLeading = 4;
// Behind it stand the headers of what follows, e.g. 31 13 30 11 06: digits,
// because SEQUENCE is "0" and SET is "1", each with a length between.
constexpr std::size_t kMostTrailing = 8;

// Work spent on each of the two scripts, in ASCII characters looked at: some
// tenths of a second, however large and nasty the input. Real certificates
// need less than a thousandth of it.
constexpr std::size_t kMostWork = 32u << 20;
// What a character beyond ASCII costs, most of it within libidn2.
constexpr std::size_t kWideCost = 256;

enum class Script { kAscii, kAny };

// A text of one width, as code points. A byte sequence that is no character
// is a 0.
using Text = std::vector<std::uint32_t>;

bool is_host_point(std::uint32_t c) {
  if (c < 0x80) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           c == '-' || c == '_' || c == '.' || c == '*' || c == '?';
  }
  // No letters of other scripts lie below U+00AA; private use and beyond the
  // assigned planes neither.
  return c >= 0xaa && !is_unprintable(c) && c != kReplacement &&
         !(c >= 0xd800 && c < 0xf900) && c < 0x40000;
}

class Candidates {
 public:
  [[nodiscard]] bool full() const {
    return out_.size() >= kMostCandidates || work_left_ == 0;
  }
  void renew_work() { work_left_ = kMostWork; }

  void add(const Text& run, Script script) {
    if (full()) return;
    const std::size_t cost =
        run.size() * (script == Script::kAscii ? 1 : kWideCost);
    work_left_ -= std::min(cost, work_left_);
    std::string utf8;
    for (const std::uint32_t c : run) append_utf8(utf8, c);
    for (std::string& host : host_readings(as_bytes(utf8))) {
      // A single label names nothing, and a label that does not decode was
      // none; a "?" that stood there was one.
      if (out_.size() >= kMostCandidates || host.find('.') == host.npos ||
          (host.find('?') != host.npos && utf8.find('?') == utf8.npos) ||
          !seen_.insert(host).second) {
        continue;
      }
      out_.push_back(std::move(host));
    }
  }
  [[nodiscard]] std::vector<std::string> take() { return std::move(out_); }

 private:
  std::size_t work_left_ = kMostWork;
  std::vector<std::string> out_;
  std::unordered_set<std::string> seen_;
};

// Could a SEQUENCE or SET begin here? `unit` holds one or more octets.
bool may_start_element(std::uint32_t unit) {
  for (; unit != 0; unit >>= 8) {
    if ((unit & 0xff) == 0x30 || (unit & 0xff) == 0x31) return true;
  }
  return false;
}

void add_trimmed(const Text& run, Script script, Candidates& out) {
  for (std::size_t lead = 0; lead <= std::min(kMostLeading, run.size());
       ++lead) {
    const auto begin = run.begin() + static_cast<std::ptrdiff_t>(lead);
    if (lead > 0) out.add({begin, run.end()}, script);
    for (std::size_t tail = 1;
         tail <= kMostTrailing && lead + tail < run.size() && !out.full();
         ++tail) {
      const auto end = run.end() - static_cast<std::ptrdiff_t>(tail);
      if (may_start_element(*end)) out.add({begin, end}, script);
    }
  }
}

// Calls `each` for all runs of at least "a.b": those of ASCII, or those with
// at least one other letter.
template <class F>
void for_each_run(const Text& text, Script script, F&& each) {
  const auto is_wide = [](std::uint32_t c) { return c >= 0x80; };
  const auto fits = [&](std::uint32_t c) {
    return is_host_point(c) && (script == Script::kAny || !is_wide(c));
  };
  auto at = text.begin();
  while ((at = std::find_if(at, text.end(), fits)) != text.end()) {
    const auto end = std::find_if_not(at, text.end(), fits);
    while (end - at >= 3) {
      const auto stop = at + std::min(end - at, kLongestRun);
      if (std::find(at, stop, '.') != stop &&
          (script == Script::kAscii || std::any_of(at, stop, is_wide))) {
        each(Text(at, stop));
      }
      if (stop == end) break;
      at += kLongestRun / 2;
    }
    at = end;
  }
}

Text decode_utf8(ByteView in) {
  Text out;
  out.reserve(in.size());
  while (!in.empty()) out.push_back(take_utf8(in).value_or(0));
  return out;
}

Text decode_units(ByteView in, std::size_t width) {
  Text out;
  out.reserve(in.size() / width);
  for (std::size_t i = 0; i + width <= in.size(); i += width) {
    std::uint32_t c = 0;
    for (std::size_t k = 0; k < width; ++k) c = c << 8 | in[i + k];
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::vector<std::string> names_in_bytes(ByteView bytes) {
  Candidates out;
  const auto visit_all = [&](Script script, auto&& each) {
    if (script == Script::kAny) {
      for_each_run(decode_utf8(bytes), script, each);
    }
    // Latin-1, UTF-16 and UTF-32, at every alignment.
    for (const std::size_t width : {1u, 2u, 4u}) {
      for (std::size_t i = 0; i < std::min(width, bytes.size()); ++i) {
        if (out.full()) return;
        for_each_run(decode_units(bytes.subspan(i), width), script, each);
      }
    }
  };
  // ASCII alone first: what surrounds it passes for letters all too often.
  for (const Script script : {Script::kAscii, Script::kAny}) {
    out.renew_work();
    // Untrimmed first: if there are too many, those are the likely ones.
    visit_all(script, [&](const Text& run) { out.add(run, script); });
    visit_all(script, [&](const Text& run) { add_trimmed(run, script, out); });
  }
  return out.take();
}

}  // namespace ct::x509
