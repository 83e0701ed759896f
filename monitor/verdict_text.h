// The sentences of a certificate alert.
#pragma once

#include <string>

#include "alerts/watch.h"
#include "monitor/watchlist.h"

namespace ct::monitor {

// Text from certificates made fit for a sentence: of bounded length, control
// and bidirectional characters visible.
[[nodiscard]] std::string shortened(std::string_view text);

struct VerdictText {
  const alerts::Watch& watch;
  const NameMatch& match;  // the plainest
  std::size_t names;       // how many matched
  const alerts::CertificateFacts& facts;
  const alerts::Sighting& where;
  bool parsed = true;
  bool is_ca = false;
  bool expired = false;
  bool over_public_suffix = false;

  // `explained`: why it is expected, or "".
  [[nodiscard]] std::string title(std::string_view explained) const;
  [[nodiscard]] std::string reason(std::string_view explained) const;
};

// A certificate that concerns more watches than get a finding.
struct LeftOutText {
  std::size_t watches;                    // at most
  const std::vector<std::string>& names;  // by which; some of them
  const alerts::CertificateFacts& facts;
  const alerts::Sighting& where;
  bool parsed = true;

  [[nodiscard]] std::string title() const;
  [[nodiscard]] std::string reason(std::string_view explained) const;
};

}  // namespace ct::monitor
