#include "base/sha256.h"

#include <openssl/evp.h>

#include <chrono>
#include <cstring>
#include <initializer_list>
#include <new>

#include "base/sha256_kernels.h"

namespace ct {
namespace {

using sha256_detail::Kernel;

// Looking an algorithm up by name takes longer than hashing a leaf.
const EVP_MD* algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (md == nullptr) throw std::bad_alloc();
  return md;
}

class Context {
 public:
  Context() : ctx_(EVP_MD_CTX_new()) {
    if (ctx_ == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(ctx_); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  Hash hash(std::initializer_list<ByteView> parts) {
    bool good = EVP_DigestInit_ex2(ctx_, algorithm(), nullptr) == 1;
    for (const ByteView part : parts) {
      good = good && EVP_DigestUpdate(ctx_, part.data(), part.size()) == 1;
    }
    Hash out;
    good = good && EVP_DigestFinal_ex(ctx_, out.data(), nullptr) == 1;
    // With a digest that exists, only memory can be lacking.
    if (!good) throw std::bad_alloc();
    return out;
  }

 private:
  EVP_MD_CTX* ctx_;
};

// With libcrypto, which has code for every processor.
Hash hash_parts(std::initializer_list<ByteView> parts) {
  thread_local Context context;
  return context.hash(parts);
}

// What to use on this processor; null where libcrypto has to do.
struct Choice {
  const Kernel* many = nullptr;
  const Kernel* few = nullptr;     // for less than half of `many`'s lanes
  const Kernel* single = nullptr;  // one lane
};

// The best of some tries, so that being interrupted does not count.
std::chrono::nanoseconds time_of(const Kernel& kernel) {
  using Clock = std::chrono::steady_clock;
  static const Bytes text(64 * 16);
  const std::vector<ByteView> messages(2 * sha256_detail::kMaxLanes, text);
  std::vector<Hash> out(messages.size());
  auto best = std::chrono::nanoseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    hash_lanes(kernel, nullptr, {}, messages, out.data());
    best = std::min<std::chrono::nanoseconds>(best, Clock::now() - start);
  }
  return best;
}

// Which is fastest depends on the model: Intel's SHA extensions are slower
// than its AVX-512, AMD's are not. So they are tried, for less than a
// millisecond, once.
Choice choose() {
  Choice choice;
  auto best = std::chrono::nanoseconds::max();
  for (const Kernel* const kernel : sha256_detail::usable_kernels()) {
    if (kernel->lanes == 1) {
      choice.single = kernel;
      continue;
    }
    if (kernel->lanes == 4) choice.few = kernel;
    const auto time = time_of(*kernel);
    if (time < best) {
      best = time;
      choice.many = kernel;
    }
  }
  return choice;
}

const Choice& the_choice() {
  static const Choice choice = choose();
  return choice;
}

}  // namespace

Hash sha256(ByteView data) { return sha256({}, data); }

Hash sha256(ByteView a, ByteView b) {
  const Kernel* const single = the_choice().single;
  if (single == nullptr || a.size() > sha256_detail::kMaxPrefix) {
    return hash_parts({a, b});
  }
  return hash_one(*single, a, b);
}

Hash sha256_node(const Hash& left, const Hash& right) {
  constexpr std::uint8_t kNode[] = {1};
  std::uint8_t both[64];
  std::memcpy(both, left.data(), 32);
  std::memcpy(both + 32, right.data(), 32);
  return sha256(kNode, both);
}

void sha256_many(ByteView prefix, std::span<const ByteView> messages,
                 Hash* out) {
  const Choice& choice = the_choice();
  const Kernel* kernel = choice.many;
  if (choice.few != nullptr && messages.size() * 2 < kernel->lanes) {
    kernel = choice.few;
  }
  if (kernel != nullptr) {
    hash_lanes(*kernel, choice.single, prefix, messages, out);
    return;
  }
  for (const ByteView message : messages) {
    *out++ = hash_parts({prefix, message});
  }
}

void sha256_nodes(std::span<const Hash> children, Hash* out) {
  constexpr std::uint8_t kNode[] = {1};
  constexpr std::size_t kAtOnce = 64;
  static_assert(sizeof(Hash) == 32);
  while (!children.empty()) {
    ByteView pairs[kAtOnce];
    const std::size_t n = std::min(children.size() / 2, kAtOnce);
    for (std::size_t i = 0; i < n; ++i) {
      pairs[i] = {children[2 * i].data(), 64};
    }
    sha256_many(kNode, {pairs, n}, out);
    children = children.subspan(2 * n);
    out += n;
  }
}

}  // namespace ct
