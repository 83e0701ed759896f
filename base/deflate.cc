#include "base/deflate.h"

#include <zlib.h>

#include <new>

namespace ct {
namespace {

constexpr int kWindowBits = -13;  // below 0: raw
constexpr int kMemLevel = 5;
// Of that window zlib keeps the rest for itself.
constexpr std::size_t kMostDictionary = 8192 - 262;

// zlib takes no const, but changes nothing.
Bytef* input(ByteView bytes) { return const_cast<Bytef*>(bytes.data()); }

class Deflater {
 public:
  Deflater() {
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kWindowBits,
                     kMemLevel, Z_DEFAULT_STRATEGY) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Deflater() { deflateEnd(&stream_); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  Bytes run(ByteView bytes, ByteView dictionary) {
    deflateReset(&stream_);
    if (!dictionary.empty()) {
      deflateSetDictionary(&stream_, dictionary.data(),
                           static_cast<uInt>(dictionary.size()));
    }
    Bytes out(deflateBound(&stream_, bytes.size()));
    stream_.next_in = input(bytes);
    stream_.avail_in = static_cast<uInt>(bytes.size());
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out.size());
    deflate(&stream_, Z_FINISH);
    out.resize(out.size() - stream_.avail_out);
    return out;
  }

 private:
  z_stream stream_{};
};

}  // namespace

ByteView deflate_dictionary(ByteView bytes) {
  return bytes.size() <= kMostDictionary ? bytes : bytes.last(kMostDictionary);
}

Bytes deflate_against(ByteView bytes, ByteView dictionary) {
  thread_local Deflater deflater;
  return deflater.run(bytes, deflate_dictionary(dictionary));
}

Result<Bytes> inflate_against(ByteView compressed, ByteView dictionary,
                              std::size_t max) {
  z_stream stream{};
  if (inflateInit2(&stream, kWindowBits) != Z_OK) throw std::bad_alloc();
  const ByteView known = deflate_dictionary(dictionary);
  if (!known.empty()) {
    inflateSetDictionary(&stream, known.data(),
                         static_cast<uInt>(known.size()));
  }
  // One more than there may be: without room zlib does not see the end.
  Bytes out(max + 1);
  stream.next_in = input(compressed);
  stream.avail_in = static_cast<uInt>(compressed.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  const bool whole =
      end == Z_STREAM_END && stream.avail_in == 0 && out.size() <= max;
  inflateEnd(&stream);
  if (!whole) return fail(Errc::kMalformed, "damaged compressed bytes");
  return out;
}

}  // namespace ct
