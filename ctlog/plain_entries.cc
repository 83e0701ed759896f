#include "ctlog/plain_entries.h"

#include "base/json_text.h"

namespace ct::ctlog {
namespace {

constexpr std::string_view kHead = R"({"entries":[{"leaf_input":")";
constexpr std::string_view kBetweenTexts = R"(","extra_data":")";
constexpr std::string_view kNextEntry = R"("},{"leaf_input":")";
constexpr std::string_view kFoot = R"("}]})";

}  // namespace

void PlainEntries::read(std::string_view body) {
  while (step(body)) {
  }
}

bool PlainEntries::step(std::string_view body) {
  switch (state_) {
    case State::kStart:
      return take(body, kHead, State::kLeaf) && start_entry();
    case State::kLeaf:
      return take_text(body, entries_.back().leaf_size, State::kBetween);
    case State::kBetween:
      if (!take(body, kBetweenTexts, State::kExtra)) return false;
      entries_.back().extra = at_;
      return true;
    case State::kExtra:
      return take_text(body, entries_.back().extra_size, State::kNext);
    case State::kNext:
      if (body.substr(at_, kFoot.size()) == kFoot) {
        return take(body, kFoot, State::kEnd);
      }
      return take(body, kNextEntry, State::kLeaf) && start_entry();
    case State::kEnd:
      if (body.find_first_not_of(" \t\r\n", at_) != body.npos) {
        state_ = State::kOther;
      }
      at_ = body.size();
      return false;
    case State::kOther:
      return false;
  }
  return false;
}

// False, and nothing done, as long as the token is not there whole.
bool PlainEntries::take(std::string_view body, std::string_view token,
                        State then) {
  if (body.size() - at_ < token.size()) return false;
  if (body.substr(at_, token.size()) != token) {
    if (at_ > 0) state_ = State::kOther;
    return false;
  }
  at_ += token.size();
  state_ = then;
  return true;
}

// Up to the closing quote, which is left for the next token.
bool PlainEntries::take_text(std::string_view body, std::size_t& size,
                             State then) {
  const std::size_t n = plain_text_length(body.substr(at_));
  at_ += n;
  size += n;
  if (at_ == body.size()) return false;
  state_ = then;
  return true;
}

bool PlainEntries::start_entry() {
  if (entries_.size() == max_entries_) {
    state_ = State::kOther;
    return false;
  }
  entries_.emplace_back().leaf = at_;
  return true;
}

}  // namespace ct::ctlog
