// From a received body to entries with their leaf hashes.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "base/base64.h"
#include "ctlog/rfc6962_json.h"
#include "ctlog/static_client.h"

namespace ct::ctlog {
namespace {

// Sizes as in production logs: a leaf of 1.3 kB with a certificate of random
// bytes in it, and a chain that makes it 5.5 kB of JSON.
constexpr std::size_t kCertificate = 1280;
constexpr std::size_t kExtraData = 2800;

Bytes random_bytes(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  Bytes out(n);
  for (auto& byte : out) byte = static_cast<std::uint8_t>(random());
  return out;
}

Bytes make_leaf(LeafIndex index) {
  const Bytes certificate =
      random_bytes(kCertificate, static_cast<unsigned>(index));
  const Bytes extensions = encode_leaf_index_extension(index);
  Leaf leaf;
  leaf.timestamp = 1'767'139'200'000;
  leaf.type = EntryType::kPrecert;
  leaf.certificate = certificate;
  leaf.extensions = extensions;
  return encode_leaf(leaf);
}

std::string entries_page(std::size_t entries) {
  const std::string extra = to_base64(random_bytes(kExtraData, 1));
  std::string json = "{\"entries\":[";
  for (std::size_t i = 0; i < entries; ++i) {
    json += (i ? ",{\"leaf_input\":\"" : "{\"leaf_input\":\"") +
            to_base64(make_leaf(i)) + "\",\"extra_data\":\"" + extra + "\"}";
  }
  return json + "]}";
}

std::string data_tile() {
  Bytes tile;
  for (LeafIndex i = 0; i < kTileWidth; ++i) {
    const Bytes leaf = make_leaf(i);
    tile.insert(tile.end(), leaf.begin() + 2, leaf.end());
    put_uint(tile, kCertificate, 3);
    put_bytes(tile, random_bytes(kCertificate, 2));
    put_uint(tile, 96, 2);
    put_bytes(tile, random_bytes(96, 3));
  }
  return std::string(as_text(tile));
}

void report(benchmark::State& state, std::size_t entries, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() *
                          static_cast<std::int64_t>(entries));
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(bytes));
}

void get_entries_page(benchmark::State& state) {
  const std::size_t entries = static_cast<std::size_t>(state.range(0));
  Buffer body(entries_page(entries));
  const std::size_t bytes = body.size();
  for (auto _ : state) {
    auto page = decode_entries_page(std::move(body), 0, entries);
    if (!page) {
      state.SkipWithError(page.error().what.c_str());
      return;
    }
    benchmark::DoNotOptimize(page->leaf_hashes.data());
    body = std::move(page->body);
  }
  report(state, entries, bytes);
}
BENCHMARK(get_entries_page)->Arg(32)->Arg(256)->Arg(1000);

void data_tile_page(benchmark::State& state) {
  Buffer body(data_tile());
  const std::size_t bytes = body.size();
  for (auto _ : state) {
    auto page = decode_data_tile_page(std::move(body), 0, kTileWidth, 0);
    if (!page) {
      state.SkipWithError(page.error().what.c_str());
      return;
    }
    benchmark::DoNotOptimize(page->leaf_hashes.data());
    body = std::move(page->body);
  }
  report(state, kTileWidth, bytes);
}
BENCHMARK(data_tile_page);

// The part of the two above that is SHA-256.
void page_leaf_hashes(benchmark::State& state) {
  auto page = decode_entries_page(Buffer(entries_page(1000)), 0, 1000);
  std::size_t bytes = 0;
  for (const RawEntry& entry : page->entries) bytes += entry.leaf.size();
  for (auto _ : state) {
    hash_leaves(*page);
    benchmark::DoNotOptimize(page->leaf_hashes.data());
  }
  report(state, 1000, bytes);
}
BENCHMARK(page_leaf_hashes);

}  // namespace
}  // namespace ct::ctlog
