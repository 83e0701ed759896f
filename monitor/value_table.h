// ValueTable: watches by their whole value, for organisations and networks.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "alerts/watch.h"

namespace ct::monitor {

// Immutable; safe from any thread. One probe for a look-up, by a hash seeded
// for each process.
class ValueTable {
 public:
  // `members` are indices into `watches`, which must outlive the table and
  // stay where it is.
  ValueTable(std::span<const alerts::Watch> watches,
             std::span<const std::uint32_t> members);

  [[nodiscard]] bool empty() const { return slots_.empty(); }

  // Calls `visit` for each watch of that value.
  void match(std::string_view value,
             const std::function<void(std::uint32_t watch)>& visit) const;

  // Bytes held, the watches themselves not counted.
  [[nodiscard]] std::size_t memory() const {
    return slots_.capacity() * sizeof(Slot);
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number = 0;  // of the watch, counted from 1; 0 is empty
  };

  std::span<const alerts::Watch> watches_;
  std::vector<Slot> slots_;  // at most half of them full
};

}  // namespace ct::monitor
