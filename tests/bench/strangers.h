// Entries as large as in production logs, many and fast.
#pragma once

#include "monitor/demo/local_log.h"

namespace ct::bench {

// Precertificates of a few kilobytes that differ in names, keys and
// signatures only, for names below nobody.example. Signing each would take
// minutes, and nobody checks the signature of what is nobody's. A get-entries
// reply has 5.5 kB for each.
class Strangers {
 public:
  explicit Strangers(const monitor::demo::LocalCa& ca);
  [[nodiscard]] monitor::demo::Submission number(unsigned n) const;

 private:
  Bytes template_noise_;
  monitor::demo::Submission template_;
};

}  // namespace ct::bench
