// Wildcards in host names, in the usual place and in odd ones.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ct::monitor {

// Whether a label holds "*", or "?" as host_readings (x509/names.h) writes
// what it cannot decode and as redacted names have it.
[[nodiscard]] bool is_wildcard_label(std::string_view label);

// A host name read as a pattern, made ready to be compared with many names.
// One label stands for one label. Within a label "*" and "?" stand for any
// run of characters, so partial wildcards ("w*.example.com") cover what any
// client could have taken them for.
class HostPattern {
 public:
  // Only the last `max_labels` labels are kept, for comparison with names of
  // no more labels than that: a hostile name may have thousands.
  HostPattern(std::string_view host, std::size_t max_labels);

  // Whether it covers `watched`, or, if `and_below`, something below it.
  // `watched` has no wildcards and at most `max_labels` labels.
  [[nodiscard]] bool covers(std::string_view watched, bool and_below) const;

 private:
  std::vector<std::string> labels_;  // last label first, runs of "*" merged
  bool longer_ = false;              // there are more labels than kept
};

}  // namespace ct::monitor
