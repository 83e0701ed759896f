#include "base/gzip.h"

#include <libdeflate.h>

#include <algorithm>
#include <memory>
#include <new>
#include <string>

namespace ct {
namespace {

// Deflate turns a byte into this many at most (RFC 1951: a match of 258 bytes
// in two bits).
constexpr std::size_t kMaxGrowth = 1032;
constexpr int kFastest = 1;

struct Free {
  void operator()(libdeflate_decompressor* d) const {
    libdeflate_free_decompressor(d);
  }
  void operator()(libdeflate_compressor* c) const {
    libdeflate_free_compressor(c);
  }
};

// The last four bytes of a member say how much it holds, modulo 2^32. A guess:
// it may lie, and of several members it is the last one's.
std::size_t announced_size(ByteView compressed) {
  std::size_t n = 0;
  for (const auto byte : compressed.last(4))
    n = n >> 8 | std::size_t{byte} << 24;
  return n;
}

tl::unexpected<Error> damaged() {
  return fail(Errc::kTransient, "the body is cut off or damaged gzip");
}

}  // namespace

Result<Buffer> gunzip(ByteView compressed, std::size_t max) {
  thread_local const std::unique_ptr<libdeflate_decompressor, Free>
      decompressor(libdeflate_alloc_decompressor());
  if (!decompressor) throw std::bad_alloc();
  Buffer out;
  if (compressed.size() < 4) return damaged();
  const std::size_t possible = compressed.size() > max / kMaxGrowth
                                   ? max
                                   : compressed.size() * kMaxGrowth;
  std::size_t room = std::min(announced_size(compressed), possible);
  while (!compressed.empty()) {
    std::uint8_t* const to = out.extend(room);
    std::size_t read = 0;
    std::size_t written = 0;
    const auto result = libdeflate_gzip_decompress_ex(
        decompressor.get(), compressed.data(), compressed.size(), to, room,
        &read, &written);
    out.cut(room - (result == LIBDEFLATE_SUCCESS ? written : 0));
    if (result == LIBDEFLATE_SUCCESS) {
      compressed = compressed.subspan(read);
      room = std::min(possible - out.size(), room);
    } else if (result != LIBDEFLATE_INSUFFICIENT_SPACE) {
      return damaged();
    } else if (out.size() + room >= possible) {
      return fail(Errc::kMalformed, "the body is larger than " +
                                        std::to_string(max) +
                                        " bytes once decompressed");
    } else {
      room = std::min(possible - out.size(), 2 * room + 1024);
    }
  }
  return out;
}

Bytes gzip(ByteView bytes) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(kFastest));
  if (!compressor) throw std::bad_alloc();
  Bytes out(libdeflate_gzip_compress_bound(compressor.get(), bytes.size()));
  // The bound makes room for all of it.
  out.resize(libdeflate_gzip_compress(compressor.get(), bytes.data(),
                                      bytes.size(), out.data(), out.size()));
  return out;
}

}  // namespace ct
