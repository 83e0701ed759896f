#include "monitor/wildcard.h"

namespace ct::monitor {
namespace {

// RFC 1035, section 2.3.4. A pattern that must match so few characters has at
// most as many literal ones, and a "*" around each.
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxPattern = 2 * kMaxLabel + 1;

// `label` with each run of "*" and "?" as one "*"; cut off where it is too
// long to match any label, which it then still does not.
std::string merge_wildcards(std::string_view label) {
  std::string out;
  for (const char c : label) {
    const char merged = c == '?' ? '*' : c;
    if (merged == '*' && !out.empty() && out.back() == '*') continue;
    out += merged;
    if (out.size() > kMaxPattern) break;
  }
  return out;
}

// Takes one "*" at a time: on a mismatch only the latest needs to grow.
bool matches(std::string_view pattern, std::string_view label) {
  std::size_t p = 0, i = 0;
  std::size_t star = std::string_view::npos, star_end = 0;
  while (i < label.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = i;
    } else if (p < pattern.size() && pattern[p] == label[i]) {
      ++p;
      ++i;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      i = ++star_end;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// Calls `take` with labels from the last on, until it returns false.
template <class Take>
void each_label_from_right(std::string_view name, Take take) {
  while (!name.empty()) {
    const auto dot = name.rfind('.');
    const bool first = dot == std::string_view::npos;
    if (!take(first ? name : name.substr(dot + 1)) || first) return;
    name = name.substr(0, dot);
  }
}

}  // namespace

bool is_wildcard_label(std::string_view label) {
  for (const char c : label) {
    if (c == '*' || c == '?') return true;
  }
  return false;
}

HostPattern::HostPattern(std::string_view host, std::size_t max_labels) {
  each_label_from_right(host, [&](std::string_view label) {
    longer_ = labels_.size() == max_labels;
    if (!longer_) labels_.push_back(merge_wildcards(label));
    return !longer_;
  });
}

bool HostPattern::covers(std::string_view watched, bool and_below) const {
  std::size_t n = 0;
  bool fits = true;
  each_label_from_right(watched, [&](std::string_view label) {
    fits = n < labels_.size() && matches(labels_[n], label);
    ++n;
    return fits;
  });
  if (!fits) return false;
  return and_below || (n == labels_.size() && !longer_);
}

}  // namespace ct::monitor
