// PlainEntries: a get-entries reply in the spelling that nearly all logs use,
// read at the speed of memory, and while it still arrives:
//
//   {"entries":[{"leaf_input":"…","extra_data":"…"},…]}
//
// No white space but at the end, no other members, no other order, and texts
// of plain ASCII without escapes. What is spelt otherwise is not refused, it
// is left to a JSON parser; what is accepted means there what it means here.
// Pure; not safe from several threads at once.
#pragma once

#include <string_view>
#include <vector>

namespace ct::ctlog {

class PlainEntries {
 public:
  // Where the texts of one entry lie in the body, still base64.
  struct Entry {
    std::size_t leaf = 0, leaf_size = 0, extra = 0, extra_size = 0;
  };

  // Replies of more than `max_entries` are left to others as well.
  explicit PlainEntries(std::size_t max_entries) : max_entries_(max_entries) {}

  // Reads on where it stopped. `body` begins with what it was given before,
  // though it may lie elsewhere now.
  void read(std::string_view body);

  // Whether what was read so far is a whole reply, with an entry at least.
  [[nodiscard]] bool complete() const { return state_ == State::kEnd; }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  enum class State { kStart, kLeaf, kBetween, kExtra, kNext, kEnd, kOther };

  // Whether there was anything to be done with what is there.
  bool step(std::string_view body);
  bool take(std::string_view body, std::string_view token, State then);
  bool take_text(std::string_view body, std::size_t& size, State then);
  bool start_entry();

  std::size_t max_entries_;
  State state_ = State::kStart;
  std::size_t at_ = 0;  // all before it was read
  std::vector<Entry> entries_;
};

}  // namespace ct::ctlog
