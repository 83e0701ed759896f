#include <algorithm>
#include <cassert>
#include <cstring>
#include <vector>

#include "base/sha256_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ct::sha256_detail {

alignas(64) const std::uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
const std::uint32_t kInitialState[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372,
                                        0xa54ff53a, 0x510e527f, 0x9b05688c,
                                        0x1f83d9ab, 0x5be0cd19};

namespace {

// The blocks of one padded message, as runs that lie together in memory: the
// first block if there is a prefix, which shifts the rest; then the message
// itself; then what is left of it with the padding.
class Blocks {
 public:
  void start(ByteView prefix, ByteView message) {
    total_ = prefix.size() + message.size();
    rest_ = message;
    if (!prefix.empty()) std::memcpy(stage(), prefix.data(), prefix.size());
    if (total_ < kShort) {
      if (!message.empty()) {
        std::memcpy(stage() + prefix.size(), message.data(), message.size());
      }
      pad(total_);
      return;
    }
    padded_ = false;
    if (prefix.empty()) {
      next_run();
      return;
    }
    // More than is wanted, but of a size the compiler knows.
    static_assert(kShort - kMaxPrefix >= kBlock);
    std::memcpy(stage() + prefix.size(), message.data(), kBlock);
    rest_ = message.subspan(kBlock - prefix.size());
    at_ = stage();
    run_ = 1;
  }

  [[nodiscard]] const std::uint8_t* at() const { return at_; }
  // How many blocks lie there. 0: the message is done.
  [[nodiscard]] std::size_t run() const { return run_; }

  // Becomes `other`, staged bytes included.
  void take(const Blocks& other) {
    const bool staged = other.padded_ || other.at_ == other.buffer_ + kBlock;
    *this = other;
    if (staged) at_ = buffer_ + (other.at_ - other.buffer_);
  }

  void advance(std::size_t n) {
    run_ -= n;
    at_ += n * kBlock;
    if (run_ == 0 && !padded_) next_run();
  }

 private:
  // Shorter messages are staged as a whole, padding and all.
  static constexpr std::size_t kShort = 2 * kBlock;

  std::uint8_t* stage() { return buffer_ + kBlock; }

  // There was a block before, so the last kBlock bytes are the message's.
  void next_run() {
    const std::size_t left = rest_.size() % kBlock;
    if (rest_.size() >= kBlock) {
      run_ = rest_.size() / kBlock;
      at_ = rest_.data();
      rest_ = rest_.subspan(run_ * kBlock);
    } else {
      const std::uint8_t* const end = rest_.data() + left;
      std::memcpy(stage() + left - kBlock, end - kBlock, kBlock);
      pad(left);
    }
  }

  // FIPS 180-4, section 5.1.1, behind `used` staged bytes.
  void pad(std::size_t used) {
    constexpr std::size_t kLength = 8;
    run_ = (used + 1 + kLength + kBlock - 1) / kBlock;
    std::uint8_t* const length = stage() + run_ * kBlock - kLength;
    std::memset(stage() + used, 0, kBlock);
    stage()[used] = 0x80;
    const std::uint64_t bits = __builtin_bswap64(std::uint64_t{total_} * 8);
    std::memcpy(length, &bits, kLength);
    at_ = stage();
    padded_ = true;
  }

  const std::uint8_t* at_;
  std::size_t run_;
  ByteView rest_;  // not staged yet, nor in the run
  std::size_t total_;
  bool padded_;
  // Room in front for what next_run copies too much, then the stage.
  std::uint8_t buffer_[4 * kBlock];
};

void write_hash(const std::uint32_t* state, std::size_t lanes, Hash& out) {
  for (std::size_t w = 0; w < 8; ++w) {
    const std::uint32_t v = __builtin_bswap32(state[w * lanes]);
    std::memcpy(out.data() + 4 * w, &v, 4);
  }
}

void finish(const Kernel& single, Blocks& blocks, std::uint32_t* state) {
  while (const std::size_t n = blocks.run()) {
    const std::uint8_t* const at = blocks.at();
    single.compress(state, &at, n);
    blocks.advance(n);
  }
}

// Messages of one batch by length, longest first. Lanes then start and end
// their messages together, and the kernel has many blocks to run through.
class Order {
 public:
  static constexpr std::size_t kMost = 1024;

  Order(std::size_t prefix_size, std::span<const ByteView> messages)
      : added_(prefix_size + 8) {
    assert(messages.size() <= kMost);
    std::uint16_t begin[kClasses + 1] = {};
    for (const ByteView m : messages) ++begin[length_class(m) + 1];
    for (std::size_t c = 1; c <= kClasses; ++c) {
      begin[c] = static_cast<std::uint16_t>(begin[c] + begin[c - 1]);
    }
    for (std::size_t i = 0; i < messages.size(); ++i) {
      indices_[begin[length_class(messages[i])]++] =
          static_cast<std::uint16_t>(i);
    }
  }
  std::size_t operator[](std::size_t i) const { return indices_[i]; }

 private:
  static constexpr std::size_t kClasses = 64;

  // By blocks, all beyond some number being equally long.
  [[nodiscard]] std::size_t length_class(ByteView message) const {
    const std::size_t blocks = (message.size() + added_) / kBlock;
    return kClasses - 1 - std::min(blocks, kClasses - 1);
  }

  const std::size_t added_;  // to a message, before it is cut into blocks
  std::uint16_t indices_[kMost];
};

// Lanes in use are the first ones, always.
class Lanes {
 public:
  Lanes(const Kernel& kernel, ByteView prefix,
        std::span<const ByteView> messages, Hash* out)
      : kernel_(kernel),
        prefix_(prefix),
        messages_(messages),
        order_(prefix.size(), messages),
        out_(out) {
    while (busy_ < kernel_.lanes && next_ < messages_.size()) start(busy_++);
  }

  void run_down_to(std::size_t few) {
    while (busy_ > few) {
      const std::uint8_t* at[kMaxLanes];
      std::size_t n = SIZE_MAX;
      for (std::size_t l = 0; l < busy_; ++l) {
        at[l] = blocks_[l].at();
        n = std::min(n, blocks_[l].run());
      }
      // Idle lanes hash what the first does, for nothing.
      for (std::size_t l = busy_; l < kernel_.lanes; ++l) at[l] = at[0];
      kernel_.compress(state_, at, n);
      // Downwards, as a lane that ends may be given the last one's work.
      for (std::size_t l = busy_; l-- > 0;) {
        blocks_[l].advance(n);
        if (blocks_[l].run() == 0) end(l);
      }
    }
  }

  void end_with(const Kernel& single) {
    for (std::size_t l = 0; l < busy_; ++l) {
      std::uint32_t state[8];
      for (std::size_t w = 0; w < 8; ++w) {
        state[w] = state_[w * kernel_.lanes + l];
      }
      finish(single, blocks_[l], state);
      write_hash(state, 1, out_[message_[l]]);
    }
  }

 private:
  void start(std::size_t l) {
    for (std::size_t w = 0; w < 8; ++w) {
      state_[w * kernel_.lanes + l] = kInitialState[w];
    }
    message_[l] = order_[next_++];
    blocks_[l].start(prefix_, messages_[message_[l]]);
  }

  void end(std::size_t l) {
    write_hash(state_ + l, kernel_.lanes, out_[message_[l]]);
    if (next_ < messages_.size()) {
      start(l);
      return;
    }
    const std::size_t last = --busy_;
    if (l == last) return;
    for (std::size_t w = 0; w < 8; ++w) {
      state_[w * kernel_.lanes + l] = state_[w * kernel_.lanes + last];
    }
    message_[l] = message_[last];
    blocks_[l].take(blocks_[last]);
  }

  const Kernel& kernel_;
  const ByteView prefix_;
  const std::span<const ByteView> messages_;
  const Order order_;
  Hash* const out_;
  std::size_t next_ = 0;  // the first in order without a lane so far
  std::size_t busy_ = 0;
  alignas(64) std::uint32_t state_[8 * kMaxLanes];
  std::size_t message_[kMaxLanes];
  Blocks blocks_[kMaxLanes];
};

}  // namespace

std::span<const Kernel* const> usable_kernels() {
#if defined(__x86_64__)
  static const std::vector<const Kernel*> usable = [] {
    std::vector<const Kernel*> out;
    // The SHA extensions use SSE registers, which every system keeps. What
    // __builtin_cpu_supports says takes the system's consent into account.
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0 &&
        __builtin_cpu_supports("sse4.1")) {
      out.push_back(&kShaNi1);
      out.push_back(&kShaNi4);
    }
    if (__builtin_cpu_supports("avx2")) out.push_back(&kAvx2);
    if (__builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512bw")) {
      out.push_back(&kAvx512);
    }
    return out;
  }();
  return usable;
#else
  return {};
#endif
}

Hash hash_one(const Kernel& kernel, ByteView prefix, ByteView message) {
  assert(prefix.size() <= kMaxPrefix && kernel.lanes == 1);
  std::uint32_t state[8];
  std::memcpy(state, kInitialState, sizeof state);
  Blocks blocks;
  blocks.start(prefix, message);
  finish(kernel, blocks, state);
  Hash out;
  write_hash(state, 1, out);
  return out;
}

void hash_lanes(const Kernel& kernel, const Kernel* single, ByteView prefix,
                std::span<const ByteView> messages, Hash* out) {
  assert(prefix.size() <= kMaxPrefix && kernel.lanes <= kMaxLanes);
  while (!messages.empty()) {
    const std::size_t n = std::min(messages.size(), Order::kMost);
    Lanes lanes(kernel, prefix, messages.first(n), out);
    // A block of all lanes takes about as long as this many of one lane each.
    lanes.run_down_to(single == nullptr ? 0 : kernel.lanes * 3 / 8);
    if (single != nullptr) lanes.end_with(*single);
    messages = messages.subspan(n);
    out += n;
  }
}

}  // namespace ct::sha256_detail
