#include "monitor/suffix_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "monitor/seeded_hash.h"
#include "monitor/wildcard.h"

namespace ct::monitor {
namespace {

constexpr std::uint32_t kHasSubtree = 1;   // a watch of the name and below
constexpr std::uint32_t kHasOwn = 2;       // any watch of the name
constexpr std::uint32_t kHasChildren = 4;  // watches one label below
constexpr unsigned kFlagBits = 3;

// Of the filter, for each node: one probe in eight at most is in vain.
constexpr std::size_t kFilterBits = 8;

// The hash of a name, built from its last label to its first.
class SuffixHash {
 public:
  void prepend(std::string_view label) { value_ = seeded_hash(label, value_); }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = seeded_hash_start();
};

// Takes labels off the end of a name.
class LabelsFromRight {
 public:
  explicit LabelsFromRight(std::string_view name)
      : name_(name), begin_(name.size() + 1) {}

  // False when there is none left.
  bool next() {
    if (begin_ == 0 || name_.empty()) return false;
    end_ = begin_ - 1;
    const auto dot =
        end_ == 0 ? std::string_view::npos : name_.rfind('.', end_ - 1);
    begin_ = dot == std::string_view::npos ? 0 : dot + 1;
    return true;
  }
  [[nodiscard]] std::string_view label() const {
    return name_.substr(begin_, end_ - begin_);
  }
  [[nodiscard]] bool has_wildcard() const { return is_wildcard_label(label()); }
  // The name from this label on.
  [[nodiscard]] std::string_view suffix() const { return name_.substr(begin_); }
  [[nodiscard]] bool at_front() const { return begin_ == 0; }

 private:
  std::string_view name_;
  std::size_t begin_, end_ = 0;
};

// The same for names of ordinary length, whose dots and wildcards are found
// all at once: searching byte by byte costs a mispredicted branch a label.
class ShortLabels {
 public:
  static constexpr std::size_t kMaxSize = 64;

  explicit ShortLabels(std::string_view name)
      : name_(name), begin_(name.size() + 1) {
    std::array<char, kMaxSize> bytes{};
    std::memcpy(bytes.data(), name.data(), name.size());
    for (std::size_t i = 0; i < name.size(); i += 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + i, 8);
      dots_ |= std::uint64_t{equal_bytes(word, '.')} << i;
      wildcards_ |= std::uint64_t{static_cast<std::uint8_t>(
                        equal_bytes(word, '*') | equal_bytes(word, '?'))}
                    << i;
    }
  }

  bool next() {
    if (begin_ == 0 || name_.empty()) return false;
    end_ = begin_ - 1;
    const std::uint64_t before = dots_ & below(end_);
    begin_ = static_cast<std::size_t>(std::bit_width(before));
    return true;
  }
  [[nodiscard]] std::string_view label() const {
    return {name_.data() + begin_, end_ - begin_};
  }
  [[nodiscard]] bool has_wildcard() const {
    return (wildcards_ & below(end_) & ~below(begin_)) != 0;
  }
  [[nodiscard]] bool at_front() const { return begin_ == 0; }

 private:
  // Bit i: byte i of `word`, as it lies in memory, is `c`.
  static std::uint8_t equal_bytes(std::uint64_t word, char c) {
    static_assert(std::endian::native == std::endian::little);
    constexpr std::uint64_t kOnes = 0x0101010101010101;
    constexpr std::uint64_t kLow7 = 0x7f7f7f7f7f7f7f7f;
    const std::uint64_t x = word ^ kOnes * static_cast<std::uint8_t>(c);
    // The top bit of each byte that is zero, and of no other.
    const std::uint64_t zero = ~(((x & kLow7) + kLow7) | x | kLow7);
    return static_cast<std::uint8_t>((zero >> 7) * 0x0102040810204080 >> 56);
  }
  static std::uint64_t below(std::size_t bit) {
    return bit >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bit) - 1;
  }

  std::string_view name_;
  std::uint64_t dots_ = 0, wildcards_ = 0;
  std::size_t begin_, end_ = 0;
};

std::uint64_t hash_of(std::string_view name) {
  SuffixHash hash;
  for (LabelsFromRight labels(name); labels.next();) {
    hash.prepend(labels.label());
  }
  return hash.value();
}

std::string_view parent_of(std::string_view name) {
  const auto dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view{}
                                       : name.substr(dot + 1);
}

std::uint64_t depth_bit(unsigned depth) {
  return std::uint64_t{1} << std::min(depth, 63u);
}

unsigned depth_of(std::string_view name) {
  return name.empty() ? 0
                      : 1 + static_cast<unsigned>(
                                std::count(name.begin(), name.end(), '.'));
}

bool is_whole_wildcard(std::string_view label) {
  return label == "*" || label == "?";
}

// In the order of names read from their ends, dots first, so that what lies
// below a name follows it at once.
int compare_reversed(std::string_view a, std::string_view b) {
  const std::size_t n = std::min(a.size(), b.size());
  const auto rank = [](char c) {
    return c == '.' ? 0 : static_cast<int>(static_cast<std::uint8_t>(c)) + 1;
  };
  for (std::size_t i = 1; i <= n; ++i) {
    const int d = rank(a[a.size() - i]) - rank(b[b.size() - i]);
    if (d != 0) return d;
  }
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

// The watch indices, grouped by parent and then by name. Which parent comes
// first does not matter, so hashes decide and strings only break ties; below
// one parent it does, for a wildcard may cover too many: the first ones must
// be the same in every process.
std::vector<std::uint32_t> grouped_by_parent(
    std::span<const alerts::Watch> watches,
    const std::vector<std::uint32_t>& members) {
  struct Key {
    std::uint64_t parent;
    std::uint32_t watch;
  };
  std::vector<Key> keys;
  keys.reserve(members.size());
  for (const std::uint32_t w : members) {
    keys.push_back({hash_of(parent_of(watches[w].value)), w});
  }
  std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
    if (a.parent != b.parent) return a.parent < b.parent;
    const std::string_view x = watches[a.watch].value;
    const std::string_view y = watches[b.watch].value;
    if (const int d = parent_of(x).compare(parent_of(y))) return d < 0;
    if (const int d = x.compare(y)) return d < 0;
    return a.watch < b.watch;
  });
  std::vector<std::uint32_t> out;
  out.reserve(keys.size());
  for (const Key& k : keys) out.push_back(k.watch);
  return out;
}

}  // namespace

SuffixIndex::SuffixIndex(std::span<const alerts::Watch> watches,
                         std::vector<std::uint32_t> members)
    : watches_(watches),
      by_parent_(grouped_by_parent(watches, members)),
      by_suffix_(std::move(members)) {
  std::sort(by_suffix_.begin(), by_suffix_.end(), [&](auto a, auto b) {
    return compare_reversed(value(a), value(b)) < 0;
  });
  if (by_parent_.empty()) return;
  add_nodes();
}

std::string_view SuffixIndex::name_of(const Node& node) const {
  const std::string_view v = value(node.example);
  return v.substr(v.size() - node.size);
}

std::size_t SuffixIndex::home(std::uint64_t hash) const {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::size_t>(static_cast<Wide>(hash) * slots_.size() >>
                                  64);
}

std::uint64_t SuffixIndex::filter_bit(std::uint64_t hash) const {
  return hash & (filter_.size() * 64 - 1);
}

std::uint32_t SuffixIndex::probe(std::uint64_t hash) const {
  const std::uint64_t bit = filter_bit(hash);
  if ((filter_[bit / 64] >> bit % 64 & 1) == 0) return 0;
  const auto tag = static_cast<std::uint32_t>(hash);
  for (std::size_t i = home(hash);;) {
    const Slot slot = slots_[i];
    if (slot.ref == 0) return 0;
    if (slot.tag == tag) return slot.ref & ((1u << kFlagBits) - 1);
    if (++i == slots_.size()) i = 0;
  }
}

const SuffixIndex::Node* SuffixIndex::find(std::uint64_t hash,
                                           std::string_view name) const {
  const auto tag = static_cast<std::uint32_t>(hash);
  for (std::size_t i = home(hash);;) {
    const Slot slot = slots_[i];
    if (slot.ref == 0) return nullptr;
    if (slot.tag == tag) {
      const Node& node = nodes_[slot.ref >> kFlagBits];
      if (name_of(node) == name) return &node;
    }
    if (++i == slots_.size()) i = 0;
  }
}

// Finds or makes the node of `name` while the table is being built; slots
// hold node numbers, their flags come last.
SuffixIndex::Node& SuffixIndex::find_or_add(std::string_view name,
                                            std::uint32_t example,
                                            std::vector<Node>& nodes) {
  const std::uint64_t hash = hash_of(name);
  const auto tag = static_cast<std::uint32_t>(hash);
  std::size_t i = home(hash);
  while (slots_[i].ref != 0) {
    if (slots_[i].tag == tag) {
      Node& node = nodes[slots_[i].ref >> kFlagBits];
      if (name_of(node) == name) return node;
    }
    if (++i == slots_.size()) i = 0;
  }
  const std::uint64_t bit = filter_bit(hash);
  filter_[bit / 64] |= std::uint64_t{1} << bit % 64;
  // Any flag keeps the slot from looking empty.
  slots_[i] = {tag,
               static_cast<std::uint32_t>(nodes.size()) << kFlagBits | kHasOwn};
  nodes.push_back(
      {.example = example, .size = static_cast<std::uint32_t>(name.size())});
  return nodes.back();
}

void SuffixIndex::add_nodes() {
  // How many nodes at most: a parent may be watched itself.
  std::size_t groups = 0;
  for (std::size_t i = 0; i < by_parent_.size(); ++i) {
    const std::string_view name = value(by_parent_[i]);
    const std::string_view before = i == 0 ? "" : value(by_parent_[i - 1]);
    groups += i == 0 || name != before;
    groups += i == 0 || parent_of(name) != parent_of(before);
  }
  slots_.assign(groups * 2 + 1, {});
  filter_.assign(std::bit_ceil(groups * kFilterBits / 64 + 1), 0);
  nodes_.reserve(groups);

  const auto n = static_cast<std::uint32_t>(by_parent_.size());
  for (std::uint32_t i = 0, end; i < n; i = end) {
    const std::string_view name = value(by_parent_[i]);
    for (end = i + 1; end < n && value(by_parent_[end]) == name;) ++end;
    Node& node = find_or_add(name, by_parent_[i], nodes_);
    node.own = i;
    node.own_end = end;
  }
  for (std::uint32_t i = 0, end; i < n; i = end) {
    const std::string_view parent = parent_of(value(by_parent_[i]));
    for (end = i + 1; end < n && parent_of(value(by_parent_[end])) == parent;) {
      ++end;
    }
    Node& node = find_or_add(parent, by_parent_[i], nodes_);
    node.children = i;
    node.children_end = end;
  }
  nodes_.shrink_to_fit();
  fill_slots();
}

// Puts the flags beside the node numbers, and notes how deep names go.
void SuffixIndex::fill_slots() {
  for (Slot& slot : slots_) {
    if (slot.ref == 0) continue;
    const std::uint32_t number = slot.ref >> kFlagBits;
    const Node& node = nodes_[number];
    const unsigned depth = depth_of(name_of(node));
    std::uint32_t flags = 0;
    for (std::uint32_t i = node.own; i < node.own_end; ++i) {
      flags |= kHasOwn;
      if (is_subtree(by_parent_[i])) flags |= kHasSubtree;
    }
    if (node.children != node.children_end) flags |= kHasChildren;
    if (flags & kHasSubtree) subtree_depths_ |= depth_bit(depth);
    if (flags & kHasOwn) own_depths_ |= depth_bit(depth);
    if (flags & kHasChildren) parent_depths_ |= depth_bit(depth);
    max_depth_ = std::max(max_depth_, depth);
    slot.ref = number << kFlagBits | flags;
  }
}

// The loop of match(), without comparing names.
template <class Labels>
bool SuffixIndex::may_match_labels(Labels labels) const {
  SuffixHash hash;
  unsigned depth = 0;
  while (labels.next()) {
    if (labels.has_wildcard()) {
      if (!labels.at_front() || !is_whole_wildcard(labels.label())) return true;
      return (parent_depths_ & depth_bit(depth)) != 0 &&
             (probe(hash.value()) & kHasChildren) != 0;
    }
    if (++depth > max_depth_) return false;
    hash.prepend(labels.label());
    const bool whole = labels.at_front();
    const std::uint64_t depths = whole ? own_depths_ : subtree_depths_;
    if ((depths & depth_bit(depth)) == 0) continue;
    if (probe(hash.value()) & (whole ? kHasOwn : kHasSubtree)) return true;
  }
  return false;
}

bool SuffixIndex::may_match(std::string_view host) const {
  if (empty()) return false;
  if (host.size() <= ShortLabels::kMaxSize) {
    return may_match_labels(ShortLabels(host));
  }
  return may_match_labels(LabelsFromRight(host));
}

std::size_t SuffixIndex::match(std::string_view host, WildcardCost& cost,
                               const Visitor& visit) const {
  if (empty()) return 0;
  SuffixHash hash;
  unsigned depth = 0;
  std::string_view literal;  // the suffix so far
  for (LabelsFromRight labels(host); labels.next();) {
    const std::string_view label = labels.label();
    if (is_wildcard_label(label)) {
      if (!labels.at_front() || !is_whole_wildcard(label)) {
        return match_odd(host, literal, cost, visit);
      }
      const Node* parent = find(hash.value(), literal);
      return parent == nullptr ? 0 : match_children(*parent, cost, visit);
    }
    if (++depth > max_depth_) return 0;
    hash.prepend(label);
    literal = labels.suffix();
    const Node* node = find(hash.value(), literal);
    if (node == nullptr) continue;
    const bool whole = labels.at_front();
    for (std::uint32_t i = node->own; i < node->own_end; ++i) {
      if (!whole && !is_subtree(by_parent_[i])) continue;
      visit(by_parent_[i], whole ? HostRelation::kEqual : HostRelation::kBelow);
    }
  }
  return 0;
}

std::size_t SuffixIndex::match_children(const Node& parent, WildcardCost& cost,
                                        const Visitor& visit) const {
  for (std::uint32_t i = parent.children; i < parent.children_end; ++i) {
    const std::uint32_t watch = by_parent_[i];
    // All of them are covered: once one is too many, so are the others.
    if (!cost.may_examine() || !cost.may_cover(watch)) {
      return parent.children_end - i;
    }
    visit(watch, HostRelation::kCovers);
  }
  return 0;
}

// Everything below the literal suffix is compared with the whole pattern.
std::size_t SuffixIndex::match_odd(std::string_view host,
                                   std::string_view literal_suffix,
                                   WildcardCost& cost,
                                   const Visitor& visit) const {
  std::string below;
  if (!literal_suffix.empty()) below = '.' + std::string(literal_suffix);
  auto it = std::lower_bound(by_suffix_.begin(), by_suffix_.end(), below,
                             [&](std::uint32_t w, const std::string& key) {
                               return compare_reversed(value(w), key) < 0;
                             });
  const auto end = std::partition_point(
      it, by_suffix_.end(),
      [&](std::uint32_t w) { return value(w).ends_with(below); });
  const HostPattern pattern(host, max_depth_);
  std::size_t left_out = 0;
  for (; it != end && cost.may_examine(); ++it) {
    if (!pattern.covers(value(*it), is_subtree(*it))) continue;
    if (cost.may_cover(*it)) {
      visit(*it, HostRelation::kCovers);
    } else {
      ++left_out;
    }
  }
  return left_out + static_cast<std::size_t>(end - it);
}

std::size_t SuffixIndex::memory() const {
  return by_parent_.capacity() * sizeof(std::uint32_t) +
         by_suffix_.capacity() * sizeof(std::uint32_t) +
         nodes_.capacity() * sizeof(Node) + slots_.capacity() * sizeof(Slot) +
         filter_.capacity() * sizeof(std::uint64_t);
}

}  // namespace ct::monitor
