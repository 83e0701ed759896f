#include "ctlog/page_size.h"

#include <functional>
#include <limits>

#include "tests/support/catch.h"

namespace ct::ctlog {
namespace {

// How many entries a log gives to a request [begin, end); 0: it refuses.
using Log = std::function<std::uint64_t(LeafIndex begin, LeafIndex end)>;

Log capped(std::uint64_t cap) {
  return [cap](LeafIndex begin, LeafIndex end) {
    return std::min(cap, end - begin);
  };
}

// Cuts at multiples of its cap.
Log aligned(std::uint64_t cap) {
  return [cap](LeafIndex begin, LeafIndex end) {
    return std::min(cap - begin % cap, end - begin);
  };
}

// Cannot put so much together.
Log limited(std::uint64_t limit) {
  return [limit](LeafIndex begin, LeafIndex end) {
    return end - begin > limit ? 0 : end - begin;
  };
}

// Reads `n` entries from `begin`; gives the number of requests, among them
// those answered short.
struct Reading {
  std::uint64_t requests = 0;
  std::uint64_t shorts = 0;
};
Reading read(PageSize& size, const Log& log, LeafIndex begin, std::uint64_t n) {
  Reading reading;
  const LeafIndex end = begin + n;
  while (begin < end) {
    const LeafIndex page = size.page_end(begin, end);
    REQUIRE(page > begin);
    REQUIRE(page <= end);
    const std::uint64_t got = log(begin, page);
    ++reading.requests;
    if (got == 0) {
      size.refused(page - begin, 1);
      continue;
    }
    if (got < page - begin) ++reading.shorts;
    size.received(begin, page - begin, got);
    begin += got;
  }
  return reading;
}

TEST_CASE("a log's cap is learnt, and pages fall on its multiples",
          "[ctlog][page_size]") {
  const std::uint64_t cap = GENERATE(1, 8, 32, 100, 256, 1000);
  const LeafIndex begin = GENERATE(0, 5, 27'000, 1'234'567);
  const bool aligns = GENERATE(false, true);
  CAPTURE(cap, begin, aligns);
  PageSize size;
  const std::uint64_t n = 400 * cap;
  const Reading reading =
      read(size, aligns ? aligned(cap) : capped(cap), begin, n);
  // At best 400 requests; what learning and asking for more cost on top is
  // little.
  CHECK(reading.requests <= 410);
  CHECK(reading.shorts <= 10);
  const LeafIndex at = begin + n;
  const LeafIndex page = size.page_end(at, at + 5000);
  CHECK((page % cap == 0 || page - at == 2 * cap));
}

TEST_CASE("a log without a cap is asked for much", "[ctlog][page_size]") {
  PageSize size;
  CHECK(read(size, capped(1u << 20), 77, 100 * PageSize::kMax).requests == 100);
}

TEST_CASE("a log that cannot give so much is asked for less, later for more",
          "[ctlog][page_size]") {
  PageSize size;
  // 1,024 → 512 → 256 → 128, of which the last is given.
  CHECK(read(size, limited(200), 0, 1280).requests == 3 + 10);
  CHECK(size.page_end(1280, 5000) == 1280 + 128);
  // The trouble is over: back to whole pages before long.
  read(size, limited(PageSize::kMax), 1280, 64 * PageSize::kMax);
  const LeafIndex at = 66 * PageSize::kMax;
  CHECK(size.page_end(at, 2 * at) == at + PageSize::kMax);
}

TEST_CASE("a cap that grows is noticed", "[ctlog][page_size]") {
  PageSize size;
  read(size, aligned(32), 0, 64 * 32);
  CHECK(size.page_end(64 * 32, 10'000) == 65 * 32);
  read(size, aligned(256), 64 * 32, 256 * 256);
  const LeafIndex at = 300 * 256;
  CHECK(size.page_end(at, 2 * at) - at >= 256);
}

TEST_CASE("a cap that shrinks is noticed", "[ctlog][page_size]") {
  PageSize size;
  read(size, capped(256), 0, 64 * 256);
  const Reading reading = read(size, capped(32), 64 * 256, 400 * 32);
  CHECK(reading.requests <= 420);
  CHECK(reading.shorts <= 10);
}

TEST_CASE("one page that is not full yet changes nothing",
          "[ctlog][page_size]") {
  PageSize size;
  read(size, aligned(256), 0, 10 * 256);
  size.received(10 * 256, 256, 100);
  CHECK(size.page_end(10 * 256 + 100, 10'000) == 11 * 256);
  size.received(10 * 256 + 100, 156, 50);
  CHECK(size.page_end(10 * 256 + 150, 10'000) == 11 * 256);
}

TEST_CASE("trouble of the server's does not shrink pages to nothing",
          "[ctlog][page_size]") {
  PageSize size;
  for (int i = 0; i < 100; ++i) {
    size.refused(size.page_end(0, 1u << 20), PageSize::kTroubleFloor);
  }
  CHECK(size.page_end(0, 1u << 20) == PageSize::kTroubleFloor);
  size.refused(3, PageSize::kTroubleFloor);  // the few at the end of a log
  CHECK(size.page_end(0, 1u << 20) == PageSize::kTroubleFloor);
  for (int i = 0; i < 100; ++i) size.refused(size.page_end(0, 1u << 20), 1);
  CHECK(size.page_end(0, 1u << 20) == 1);
}

TEST_CASE("pages end within the largest indices", "[ctlog][page_size]") {
  constexpr LeafIndex kMax = std::numeric_limits<LeafIndex>::max();
  PageSize size;
  CHECK(size.page_end(kMax - 1, kMax) == kMax);
  size.refused(1024, 1);
  CHECK(size.page_end(kMax - 1, kMax) == kMax);
}

}  // namespace
}  // namespace ct::ctlog
