// The ways SHA-256 can be computed on this processor; base/sha256.h is what
// others use.
//
// A kernel hashes as many messages side by side as it has lanes. It only
// knows blocks of 64 bytes; base/sha256_lanes.cc cuts messages into blocks
// and hands the next message to a lane that has become free.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace ct::sha256_detail {

constexpr std::size_t kBlock = 64;
constexpr std::size_t kMaxLanes = 16;
constexpr std::size_t kMaxPrefix = 16;

// FIPS 180-4, sections 4.2.2 and 5.3.3.
alignas(64) extern const std::uint32_t kRoundConstants[64];
extern const std::uint32_t kInitialState[8];

struct Kernel {
  const char* name;
  std::size_t lanes;
  // Feeds `n` blocks from each of blocks[0 … lanes) to its state. Word w of
  // lane l's state is state[w * lanes + l].
  void (*compress)(std::uint32_t* state, const std::uint8_t* const* blocks,
                   std::size_t n);
};

extern const Kernel kShaNi1;  // SHA extensions, one lane
extern const Kernel kShaNi4;  // SHA extensions, four lanes interleaved
extern const Kernel kAvx2;    // 8 lanes
extern const Kernel kAvx512;  // 16 lanes

// Those this processor and its system can run; none on other machines.
[[nodiscard]] std::span<const Kernel* const> usable_kernels();

// Hashes prefix || message, with a kernel of one lane.
[[nodiscard]] Hash hash_one(const Kernel& kernel, ByteView prefix,
                            ByteView message);

// Hashes prefix || message for each message. Once few lanes are busy, `single`
// (of one lane, or null) ends their messages one by one.
void hash_lanes(const Kernel& kernel, const Kernel* single, ByteView prefix,
                std::span<const ByteView> messages, Hash* out);

}  // namespace ct::sha256_detail
