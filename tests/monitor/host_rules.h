// The rules of host names as one would tell them, nothing clever: what fast
// code is compared with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ct::monitor {

inline std::vector<std::string> labels_of(std::string_view host) {
  std::vector<std::string> out(1);
  for (const char c : host) {
    if (c == '.') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

// "*" and "?" stand for any run of characters within a label.
inline bool stands_for(std::string_view pattern, std::string_view label) {
  if (pattern.empty()) return label.empty();
  if (pattern[0] == '*' || pattern[0] == '?') {
    return stands_for(pattern.substr(1), label) ||
           (!label.empty() && stands_for(pattern, label.substr(1)));
  }
  return !label.empty() && label[0] == pattern[0] &&
         stands_for(pattern.substr(1), label.substr(1));
}

// Whether a name, given as its labels, is or covers `watched`, or, with
// `and_below`, something below it.
inline bool host_concerns(const std::vector<std::string>& name,
                          const std::vector<std::string>& watched,
                          bool and_below) {
  if (name.size() < watched.size()) return false;
  const std::size_t extra = name.size() - watched.size();
  if (extra != 0 && !and_below) return false;
  for (std::size_t i = 0; i < watched.size(); ++i) {
    if (!stands_for(name[extra + i], watched[i])) return false;
  }
  return true;
}

}  // namespace ct::monitor
