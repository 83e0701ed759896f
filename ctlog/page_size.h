// PageSize: how many entries to ask an RFC 6962 log for at once.
//
// Logs cap their answers at a number they do not publish (32 to 1,000), and
// many cut them at multiples of it. We start by asking for much, take a whole
// short answer for the cap, then ask on multiples of it; now and then for
// twice as much, as caps change. A log that cannot give so much at once is
// asked for half. A value: not safe from several threads.
#pragma once

#include <algorithm>
#include <array>

#include "ctlog/merkle.h"

namespace ct::ctlog {

class PageSize {
 public:
  static constexpr std::uint64_t kMax = 1024;
  // Fewer are not worth asking for while a server merely has trouble.
  static constexpr std::uint64_t kTroubleFloor = 32;

  // Where a request from `begin` should end; in (begin, end], begin < end.
  [[nodiscard]] LeafIndex page_end(LeafIndex begin, LeafIndex end) const;

  // `got` entries came, 0 < got <= asked.
  void received(LeafIndex begin, std::uint64_t asked, std::uint64_t got);

  // The answer was an error that a smaller request may avoid. `floor` is the
  // least worth trying.
  void refused(std::uint64_t asked, std::uint64_t floor);

 private:
  void short_answer(LeafIndex begin, std::uint64_t got);
  void set(std::uint64_t size);

  std::uint64_t size_ = kMax;
  bool known_ = false;  // size_ was learnt, and pages lie on multiples of it
  // Where the last short answers ended: the log's own page boundaries.
  std::array<LeafIndex, 16> boundaries_{};
  std::size_t boundary_count_ = 0;
  // Full pages since the last change, and how many before asking for more.
  unsigned full_ = 0;
  unsigned patience_ = kFirstPatience;
  // How often short answers of the same length came in a row.
  std::uint64_t last_short_ = 0;
  unsigned repeats_ = 0;

  static constexpr unsigned kFirstPatience = 16;
  static constexpr unsigned kMaxPatience = 4096;
};

}  // namespace ct::ctlog
