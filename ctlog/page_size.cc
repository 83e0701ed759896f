#include "ctlog/page_size.h"

namespace ct::ctlog {

LeafIndex PageSize::page_end(LeafIndex begin, LeafIndex end) const {
  // As a length, since begin + size_ may pass the largest index.
  std::uint64_t length = size_;
  if (known_) {
    length = size_ - begin % size_;
    if (length == size_ && full_ >= patience_ && size_ < kMax) length *= 2;
  }
  return begin + std::min(length, end - begin);
}

void PageSize::received(LeafIndex begin, std::uint64_t asked,
                        std::uint64_t got) {
  const bool asked_for_more = known_ && asked > size_;
  if (got < asked) {
    if (asked_for_more) {
      full_ = 0;
      patience_ = std::min(2 * patience_, kMaxPatience);
      if (got > size_) set(got);
    } else {
      short_answer(begin, got);
    }
  } else if (asked_for_more) {
    set(std::min(asked, kMax));
  } else if (asked == size_) {
    ++full_;
  }
}

void PageSize::refused(std::uint64_t asked, std::uint64_t floor) {
  if (known_ && asked > size_) {
    full_ = 0;
    patience_ = std::min(2 * patience_, kMaxPatience);
  } else if (asked > floor) {
    set(std::min(size_, std::max(floor, asked / 2)));
  }
}

void PageSize::short_answer(LeafIndex begin, std::uint64_t got) {
  const auto first = boundaries_.begin();
  const auto last = first + static_cast<std::ptrdiff_t>(
                                std::min(boundary_count_, boundaries_.size()));
  const bool on_boundary = std::find(first, last, begin) != last;
  boundaries_[boundary_count_++ % boundaries_.size()] = begin + got;

  repeats_ = got == last_short_ ? repeats_ + 1 : 1;
  last_short_ = got;
  // From boundary to boundary it is a whole page. Once a size is known, a
  // short answer may just be a page the log has not filled yet, so it takes
  // several of one length to change our mind.
  if ((!known_ && on_boundary) || repeats_ == 3) set(got);
}

void PageSize::set(std::uint64_t size) {
  size_ = size;
  known_ = true;
  full_ = 0;
  patience_ = kFirstPatience;
  repeats_ = 0;
}

}  // namespace ct::ctlog
