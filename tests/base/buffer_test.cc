#include "base/buffer.h"

#include <cstring>
#include <string>

#include "tests/support/catch.h"

using namespace ct;

TEST_CASE("a buffer holds what was appended, with room behind it",
          "[base][buffer]") {
  Buffer buffer;
  CHECK(buffer.size() == 0);
  CHECK(buffer.text().empty());
  std::string want;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7),
                            static_cast<char>('a' + i % 26));
    buffer.append(as_bytes(piece));
    want += piece;
    REQUIRE(buffer.allocated() >= buffer.size() + Buffer::kPadding);
  }
  CHECK(buffer.text() == want);
  // The room is ours to write: the address sanitizer would object.
  std::memset(const_cast<std::uint8_t*>(buffer.data()) + buffer.size(), 0,
              Buffer::kPadding);
}

TEST_CASE("a buffer grows past what is small, and ends there",
          "[base][buffer]") {
  for (int round = 0; round < 3; ++round) {
    Buffer buffer;
    std::string want;
    for (std::size_t i = 0; want.size() < 9 * Buffer::kLarge; ++i) {
      const std::string piece(20'000 + i, static_cast<char>('a' + i % 26));
      buffer.append(as_bytes(piece));
      want += piece;
      REQUIRE(buffer.allocated() >= buffer.size() + Buffer::kPadding);
    }
    CHECK(buffer.text() == want);
    Buffer small("x");
    small = std::move(buffer);
    CHECK(small.text() == want);
  }
}

TEST_CASE("a buffer that was reserved does not move", "[base][buffer]") {
  Buffer buffer;
  buffer.reserve(10'000);
  CHECK(buffer.allocated() >= 10'000 + Buffer::kPadding);
  const auto* const before = buffer.data();
  const std::size_t allocated = buffer.allocated();
  for (int i = 0; i < 100; ++i) buffer.append(Bytes(100, 1));
  CHECK(buffer.size() == 10'000);
  CHECK(buffer.data() == before);
  CHECK(buffer.allocated() == allocated);
  buffer.clear();
  CHECK(buffer.size() == 0);
  CHECK(buffer.data() == before);
}

TEST_CASE("a buffer is moved, not copied", "[base][buffer]") {
  Buffer a("first");
  const auto* const data = a.data();
  Buffer b(std::move(a));
  CHECK(b.data() == data);
  CHECK(b.text() == "first");
  Buffer c("second");
  c = std::move(b);
  CHECK(c.data() == data);
  CHECK(c.text() == "first");
}

TEST_CASE("a buffer refuses sizes that do not exist", "[base][buffer]") {
  Buffer buffer("x");
  CHECK_THROWS_AS(buffer.reserve(SIZE_MAX), std::bad_alloc);
  CHECK_THROWS_AS(buffer.reserve(SIZE_MAX - 10), std::bad_alloc);
  CHECK(buffer.text() == "x");
}
