// Hashing and base64, each beside what bounds it on this machine.
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/base64.h"
#include "base/base64_kernels.h"
#include "base/sha256.h"
#include "base/sha256_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace {

using namespace ct;

void count_bytes(benchmark::State& state, std::size_t each_time) {
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(each_time));
}

Bytes random_bytes(std::size_t n) {
  std::mt19937 random(1);
  Bytes out(n);
  for (auto& b : out) b = static_cast<std::uint8_t>(random());
  return out;
}

// A page of leaves, of 1.3 kB on average.
struct Leaves {
  Leaves() {
    std::mt19937 random(1);
    for (int i = 0; i < 1000; ++i) {
      leaves.push_back(random_bytes(1000 + random() % 601));
      bytes += leaves.back().size();
    }
    views.assign(leaves.begin(), leaves.end());
  }
  std::vector<Bytes> leaves;
  std::vector<ByteView> views;
  std::size_t bytes = 0;
};

const Leaves& the_leaves() {
  static const Leaves leaves;
  return leaves;
}

using HashMany = void (*)(ByteView, std::span<const ByteView>, Hash*);

// `limit`: the benchmark that bounds this one.
template <class F>
void hash_leaves(benchmark::State& state, F hash, const std::string& limit) {
  const Bytes prefix = {0};
  std::vector<Hash> out(the_leaves().views.size());
  for (auto _ : state) {
    hash(prefix, the_leaves().views, out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  count_bytes(state, the_leaves().bytes);
  state.SetLabel(limit);
}

void one_by_one(ByteView prefix, std::span<const ByteView> leaves, Hash* out) {
  for (const ByteView leaf : leaves) *out++ = sha256(prefix, leaf);
}

void hash_nodes(benchmark::State& state) {
  const std::vector<Hash> children(2048);
  std::vector<Hash> out(children.size() / 2);
  for (auto _ : state) {
    sha256_nodes(children, out.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(out.size()));
}

// 256 kB, which stay in the second-level cache.
void decode_text(benchmark::State& state, const base64_detail::Kernel* kernel) {
  const std::string text = to_base64(random_bytes(192 << 10));
  Bytes out(base64_room(text.size()));
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        base64_detail::decode_with(kernel, text, out.data()));
    benchmark::ClobberMemory();
  }
  count_bytes(state, text.size());
  state.SetLabel("limit/memcpy_256k");
}

void copy_text(benchmark::State& state) {
  const Bytes from = random_bytes(256 << 10);
  Bytes to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  count_bytes(state, from.size());
}
BENCHMARK(copy_text)->Name("limit/memcpy_256k");

#if defined(__x86_64__)
// Nothing but the rounds, of four messages: no SHA extension can do more.
__attribute__((target("sha,sse4.1"))) void sha_rounds(benchmark::State& state) {
  constexpr int kInstructions = 32;  // a block, two rounds each
  __m128i a[4], b[4];
  const __m128i w = _mm_set1_epi32(0x12345678);
  for (int l = 0; l < 4; ++l) a[l] = b[l] = _mm_set1_epi32(l);
  for (auto _ : state) {
    for (int i = 0; i < kInstructions / 2; ++i) {
#pragma GCC unroll 4
      for (int l = 0; l < 4; ++l) a[l] = _mm_sha256rnds2_epu32(a[l], b[l], w);
#pragma GCC unroll 4
      for (int l = 0; l < 4; ++l) b[l] = _mm_sha256rnds2_epu32(b[l], a[l], w);
    }
  }
  for (int l = 0; l < 4; ++l) benchmark::DoNotOptimize(a[l]);
  count_bytes(state, 4 * sha256_detail::kBlock);
}
#endif

// A kernel on blocks that need no cutting and no padding.
void compress_blocks(benchmark::State& state,
                     const sha256_detail::Kernel* kernel) {
  constexpr std::size_t kBlocks = 20;
  const Bytes text = random_bytes(kBlocks * sha256_detail::kBlock);
  const std::uint8_t* blocks[sha256_detail::kMaxLanes];
  for (auto& block : blocks) block = text.data();
  alignas(64) std::uint32_t hash[8 * sha256_detail::kMaxLanes] = {};
  for (auto _ : state) {
    kernel->compress(hash, blocks, kBlocks);
    benchmark::ClobberMemory();
  }
  count_bytes(state, kernel->lanes * text.size());
}

const bool registered = [] {
  using benchmark::RegisterBenchmark;
  RegisterBenchmark("sha256/leaves/one_by_one", hash_leaves<HashMany>,
                    one_by_one, "");
  RegisterBenchmark("sha256/nodes", hash_nodes);
  for (const auto* const kernel : sha256_detail::usable_kernels()) {
    const std::string name = kernel->name;
    if (kernel->lanes == 4) {
#if defined(__x86_64__)
      RegisterBenchmark("limit/sha_rounds", sha_rounds);
#endif
    }
    RegisterBenchmark(("limit/sha256/" + name).c_str(), compress_blocks,
                      kernel);
    const auto hash = [kernel](ByteView prefix,
                               std::span<const ByteView> leaves, Hash* out) {
      sha256_detail::hash_lanes(*kernel, nullptr, prefix, leaves, out);
    };
    RegisterBenchmark(("sha256/leaves/" + name).c_str(),
                      hash_leaves<decltype(hash)>, hash,
                      "limit/sha256/" + name);
  }
  RegisterBenchmark("sha256/leaves", hash_leaves<HashMany>, sha256_many,
                    "limit/sha_rounds");
  RegisterBenchmark("base64/plain", decode_text, nullptr);
  for (const auto* const kernel : base64_detail::usable_kernels()) {
    RegisterBenchmark((std::string("base64/") + kernel->name).c_str(),
                      decode_text, kernel);
  }
  return true;
}();

}  // namespace
