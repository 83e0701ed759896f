#include "monitor/value_table.h"

#include "monitor/seeded_hash.h"

namespace ct::monitor {
namespace {

std::uint64_t hash_of(std::string_view value) {
  return seeded_hash(value, seeded_hash_start());
}

}  // namespace

ValueTable::ValueTable(std::span<const alerts::Watch> watches,
                       std::span<const std::uint32_t> members)
    : watches_(watches), slots_(members.size() * 2) {
  for (const std::uint32_t watch : members) {
    const std::uint64_t hash = hash_of(watches_[watch].value);
    std::size_t i = hash % slots_.size();
    while (slots_[i].number != 0) i = (i + 1) % slots_.size();
    slots_[i] = {static_cast<std::uint32_t>(hash >> 32), watch + 1};
  }
}

void ValueTable::match(
    std::string_view value,
    const std::function<void(std::uint32_t watch)>& visit) const {
  if (empty()) return;
  const std::uint64_t hash = hash_of(value);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t i = hash % slots_.size(); slots_[i].number != 0;
       i = (i + 1) % slots_.size()) {
    const std::uint32_t watch = slots_[i].number - 1;
    if (slots_[i].tag == tag && watches_[watch].value == value) visit(watch);
  }
}

}  // namespace ct::monitor
