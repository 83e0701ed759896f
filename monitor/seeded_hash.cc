#include "monitor/seeded_hash.h"

#include <random>

namespace ct::monitor {
namespace {

// Odd: an even factor would lose the top bits.
std::uint64_t random_odd(std::random_device& random) {
  return std::uint64_t{random()} << 32 | random() | 1;
}

HashSeeds random_seeds() {
  std::random_device random;
  return {random_odd(random), random_odd(random), random_odd(random)};
}

}  // namespace

const HashSeeds kHashSeeds = random_seeds();

}  // namespace ct::monitor
