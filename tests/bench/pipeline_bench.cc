// The bulk path as a whole, in memory: from the bytes of an answer to a batch
// that is tied to a signed head and looked through for 100,000 watches.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdlib>
#include <deque>

#include "base/executor.h"
#include "base/gzip.h"
#include "ctlog/batch_proof.h"
#include "ctlog/rfc6962_json.h"
#include "ctlog/static_client.h"
#include "monitor/demo/log_endpoints.h"
#include "monitor/extract.h"
#include "tests/bench/strangers.h"

namespace {

using namespace ct;
using namespace ct::monitor;
using ctlog::EntryPage;
using ctlog::kTileWidth;

constexpr unsigned kEntries = 1024;  // four tiles; one entry is watched
constexpr unsigned kTiles = kEntries / kTileWidth;
constexpr unsigned kWatches = 100'000;

template <class T>
T need(Result<T> result) {
  if (result) return std::move(*result);
  fmt::print(stderr, "benchmark: {}\n", result.error().what);
  std::exit(1);
}

Watchlist make_watchlist() {
  std::vector<alerts::Watch> watches;
  watches.reserve(kWatches + 1);
  for (unsigned i = 0; i < kWatches; ++i) {
    watches.push_back(need(parse_watch(
        fmt::format("owner{}.{}", i * 7919u, i % 3 == 0 ? "com" : "example"),
        false)));
  }
  watches.push_back(need(parse_watch("watched.example", false)));
  return Watchlist(std::move(watches));
}

// A log of either kind, what it answers, and who watches it.
class Workload {
 public:
  explicit Workload(ctlog::LogKind kind)
      : ca_({}), log_([&] {
          demo::LocalLog::Options o;
          o.kind = kind;
          return o;
        }()) {
    const bench::Strangers strangers(ca_);
    for (unsigned i = 0; i + 1 < kEntries; ++i) log_.add(strangers.number(i));
    demo::CertificateSpec ours;
    ours.names = demo::dns_names({"www.watched.example"});
    log_.add(demo::precert_submission(ca_.precertify(ours)));
    const auto published = log_.publish();
    head = ctlog::TreeHead::already_verified(
        published.size, published.timestamp, published.root);
    if (kind == ctlog::LogKind::kStatic) {
      for (unsigned i = 0; i < kTiles; ++i) {
        bodies.push_back(ask(fmt::format("tile/data/{:03}", i), {}));
      }
    } else {
      bodies.push_back(
          ask("ct/v1/get-entries",
              {{"start", "0"}, {"end", std::to_string(kEntries - 1)}}));
    }
    for (const auto& body : bodies) wire_bytes += body.size();
  }

  std::vector<std::string> bodies;  // tiles gzip'd
  std::size_t wire_bytes = 0;
  ctlog::TreeHead head = ctlog::TreeHead::already_verified(0, 0, {});

 private:
  std::string ask(const std::string& path,
                  const std::map<std::string, std::string>& query) const {
    demo::EndpointOptions options;
    options.get_entries_cap = kEntries;
    options.align_get_entries = false;
    demo::ServerRequest request;
    request.method = "GET";
    request.query = query;
    return demo::answer_for_log(log_, options, path, request).body;
  }

  demo::LocalCa ca_;
  demo::LocalLog log_;
};

const Watchlist& watchlist() {
  static const Watchlist list = make_watchlist();
  return list;
}
const Workload& rfc6962() {
  static const Workload workload(ctlog::LogKind::kRfc6962);
  return workload;
}
const Workload& tiled() {
  static const Workload workload(ctlog::LogKind::kStatic);
  return workload;
}

// What libcurl hands over, copied once from its buffer into ours.
EntryPage decode_page(const std::string& body) {
  return need(ctlog::decode_entries_page(Buffer(body), 0, kEntries));
}
EntryPage decode_tile(const std::string& body, unsigned tile) {
  auto inflated = need(gunzip(as_bytes(body), 64u << 20));
  return need(
      ctlog::decode_data_tile_page(std::move(inflated), tile, kTileWidth, 0));
}

// Ties what was extracted to the head, and sees to it that all was found.
void tie(std::vector<Hash> leaf_hashes, std::size_t candidates,
         const ctlog::TreeHead& head) {
  benchmark::DoNotOptimize(
      need(ctlog::TiedBatch::tie({}, std::move(leaf_hashes), head, {})));
  if (candidates == 1) return;
  fmt::print(stderr, "benchmark: {} matches in place of one\n", candidates);
  std::exit(1);
}

void report(benchmark::State& state, std::size_t bytes, const char* limit) {
  state.SetItemsProcessed(state.iterations() * std::int64_t{kEntries});
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(bytes));
  state.SetLabel(limit);
}

void whole_get_entries(benchmark::State& state) {
  const Workload& w = rfc6962();
  (void)watchlist();
  for (auto _ : state) {
    Extract e = extract(decode_page(w.bodies[0]), watchlist());
    tie(std::move(e.leaf_hashes), e.candidates.size(), w.head);
  }
  report(state, w.wire_bytes, "limit/copy_page");
}
BENCHMARK(whole_get_entries)->Name("whole/get_entries");

void whole_data_tiles(benchmark::State& state) {
  const Workload& w = tiled();
  (void)watchlist();
  for (auto _ : state) {
    std::vector<Hash> hashes;
    std::size_t candidates = 0;
    for (unsigned i = 0; i < kTiles; ++i) {
      const Extract e = extract(decode_tile(w.bodies[i], i), watchlist());
      hashes.insert(hashes.end(), e.leaf_hashes.begin(), e.leaf_hashes.end());
      candidates += e.candidates.size();
    }
    tie(std::move(hashes), candidates, w.head);
  }
  report(state, w.wire_bytes, "step/gunzip");
}
BENCHMARK(whole_data_tiles)->Name("whole/data_tiles");

// --- their steps ---

void copy_page(benchmark::State& state) {
  const Workload& w = rfc6962();
  for (auto _ : state) {
    const Buffer copy(w.bodies[0]);
    benchmark::DoNotOptimize(copy.data());
    benchmark::ClobberMemory();
  }
  report(state, w.wire_bytes, "");
}
BENCHMARK(copy_page)->Name("limit/copy_page");

void step_decode(benchmark::State& state) {
  const Workload& w = rfc6962();
  for (auto _ : state) benchmark::DoNotOptimize(decode_page(w.bodies[0]));
  report(state, w.wire_bytes, "limit/copy_page");
}
BENCHMARK(step_decode)->Name("step/json_base64_hash");

void step_leaf_hashes(benchmark::State& state) {
  EntryPage page = decode_page(rfc6962().bodies[0]);
  std::size_t bytes = 0;
  for (const auto& entry : page.entries) bytes += entry.leaf.size();
  for (auto _ : state) {
    ctlog::hash_leaves(page);
    benchmark::DoNotOptimize(page.leaf_hashes.data());
  }
  report(state, bytes, "limit/sha_rounds");
}
BENCHMARK(step_leaf_hashes)->Name("step/leaf_hashes");

void step_gunzip(benchmark::State& state) {
  const Workload& w = tiled();
  for (auto _ : state) {
    for (const auto& body : w.bodies) {
      benchmark::DoNotOptimize(need(gunzip(as_bytes(body), 64u << 20)).data());
    }
  }
  report(state, w.wire_bytes, "");
}
BENCHMARK(step_gunzip)->Name("step/gunzip");

void step_extract(benchmark::State& state) {
  const Workload& w = rfc6962();
  std::size_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    EntryPage page = decode_page(w.bodies[0]);
    bytes = 0;
    for (const auto& entry : page.entries) bytes += entry.leaf.size();
    state.ResumeTiming();
    benchmark::DoNotOptimize(extract(std::move(page), watchlist()));
  }
  report(state, bytes, "");
}
BENCHMARK(step_extract)->Name("step/walk_and_look_up");

void step_tie(benchmark::State& state) {
  const Workload& w = rfc6962();
  const auto page = decode_page(w.bodies[0]);
  for (auto _ : state) tie(page.leaf_hashes, 1, w.head);
  report(state, kEntries * sizeof(Hash), "");
}
BENCHMARK(step_tie)->Name("step/compact_range");

// --- on several cores ---

Task<Extract> read_page() {
  co_return extract(decode_page(rfc6962().bodies[0]), watchlist());
}

// Pages side by side, tied in order, as a follower does.
void backlog(benchmark::State& state) {
  constexpr unsigned kPages = 64;
  constexpr std::size_t kUnderWay = 8;
  (void)rfc6962();
  (void)watchlist();
  Executor executor(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    std::deque<Future<Extract>> pages;
    for (unsigned started = 0; started < kPages || !pages.empty();) {
      while (started < kPages && pages.size() < kUnderWay) {
        pages.push_back(executor.start(read_page()));
        ++started;
      }
      Extract e = pages.front().get();
      pages.pop_front();
      tie(std::move(e.leaf_hashes), e.candidates.size(), rfc6962().head);
    }
  }
  state.SetItemsProcessed(state.iterations() * std::int64_t{kPages * kEntries});
  state.SetLabel(state.range(0) == 1 ? "" : "whole/backlog/1");
}
BENCHMARK(backlog)->Name("whole/backlog")->Arg(1)->Arg(2)->UseRealTime();

}  // namespace
