// SuffixIndex: which of many watched names does a host name concern?
//
// An open-addressing hash table of watched names. A name is hashed label by
// label from its right end, and each suffix costs one probe, so a look-up
// depends on the name's labels and not on how many names are watched. The
// hash is seeded for each process: nobody can prepare names that collide.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "alerts/watch.h"

namespace ct::monitor {

// How a host name concerns a watch.
enum class HostRelation : std::uint8_t {
  kEqual,   // it is the watched name
  kBelow,   // it lies below it
  kCovers,  // a wildcard that covers the watched name or something below it
};

// What the wildcards of one certificate have cost so far, all its names
// together: "*.com" would be a finding for each watch there is, and a hostile
// certificate holds as many wildcards as it likes.
struct WildcardCost {
  // Watches covered, at most.
  static constexpr std::size_t kMaxCovered = 1'000;
  // Watches looked at, at most.
  static constexpr std::size_t kMaxExamined = 50'000;

  std::unordered_set<std::uint32_t> covered;
  std::size_t examined = 0;

  // Whether one more may be looked at.
  [[nodiscard]] bool may_examine() {
    return examined < kMaxExamined && ++examined != 0;
  }
  // Whether the watch is among those covered, now or before.
  [[nodiscard]] bool may_cover(std::uint32_t watch) {
    if (covered.size() < kMaxCovered) covered.insert(watch);
    return covered.contains(watch);
  }
};

// Immutable; safe from any thread.
class SuffixIndex {
 public:
  // `members` are indices into `watches`, which must outlive the index and
  // stay where it is. kExact watches name one host; all other kinds name it
  // and everything below.
  SuffixIndex(std::span<const alerts::Watch> watches,
              std::vector<std::uint32_t> members);

  [[nodiscard]] bool empty() const { return by_parent_.empty(); }

  // `host` is canonical. Allocates nothing. May say yes too often (for
  // wildcards in odd places), never no.
  [[nodiscard]] bool may_match(std::string_view host) const;

  using Visitor = std::function<void(std::uint32_t watch, HostRelation)>;
  // Calls `visit` once for each watch concerned, as far as `cost` allows.
  // Returns how many more may be concerned by wildcards, at most: 0 says that
  // each one was visited. The same ones are left out each time.
  [[nodiscard]] std::size_t match(std::string_view host, WildcardCost& cost,
                                  const Visitor& visit) const;

  // Bytes held, the watches themselves not counted.
  [[nodiscard]] std::size_t memory() const;

 private:
  // A name that is watched, or the parent of one. The name is the last `size`
  // bytes of the value of watch `example`.
  struct Node {
    std::uint32_t example = 0;
    std::uint32_t size = 0;
    // Ranges of by_parent_: the watches of this name, and those of the names
    // one label below.
    std::uint32_t own = 0, own_end = 0;
    std::uint32_t children = 0, children_end = 0;
  };
  // `ref`: node number, then the flags below; 0 is an empty slot.
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t ref = 0;
  };

  [[nodiscard]] std::string_view value(std::uint32_t watch) const {
    return watches_[watch].value;
  }
  [[nodiscard]] bool is_subtree(std::uint32_t watch) const {
    return watches_[watch].kind != alerts::WatchKind::kExact;
  }
  [[nodiscard]] std::string_view name_of(const Node& node) const;
  [[nodiscard]] std::size_t home(std::uint64_t hash) const;
  [[nodiscard]] std::uint64_t filter_bit(std::uint64_t hash) const;
  // Flags of the slot with that hash; 0: none. Does not compare names.
  [[nodiscard]] std::uint32_t probe(std::uint64_t hash) const;
  [[nodiscard]] const Node* find(std::uint64_t hash,
                                 std::string_view name) const;
  Node& find_or_add(std::string_view name, std::uint32_t example,
                    std::vector<Node>& nodes);
  void add_nodes();
  void fill_slots();
  template <class Labels>
  [[nodiscard]] bool may_match_labels(Labels labels) const;
  std::size_t match_children(const Node& parent, WildcardCost& cost,
                             const Visitor& visit) const;
  std::size_t match_odd(std::string_view host, std::string_view literal_suffix,
                        WildcardCost& cost, const Visitor& visit) const;

  std::span<const alerts::Watch> watches_;
  // Watches by parent name, then name: a name's own are neighbours, and so
  // are the children of one parent.
  std::vector<std::uint32_t> by_parent_;
  // By reversed name: all below a name are neighbours.
  std::vector<std::uint32_t> by_suffix_;
  std::vector<Node> nodes_;
  std::vector<Slot> slots_;
  // A bit for each hash in the table, in so little memory that the processor's
  // caches hold it: most names concern nobody. A power of two of words.
  std::vector<std::uint64_t> filter_;
  // Bit n: a name of n labels has this; bit 63 stands for 63 and more.
  std::uint64_t subtree_depths_ = 0, own_depths_ = 0, parent_depths_ = 0;
  unsigned max_depth_ = 0;
};

}  // namespace ct::monitor
