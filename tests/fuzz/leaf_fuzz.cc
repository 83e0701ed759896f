#include <algorithm>

#include "ctlog/leaf.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const ct::ByteView in(data, n);
  if (const auto leaf = parse_leaf(in)) {
    // A leaf we accept must re-encode to the same bytes, or its hash is a lie.
    require(std::ranges::equal(encode_leaf(*leaf), in));
    const auto index = leaf_index_extension(leaf->extensions);
    if (index && index->has_value()) {
      // It is there: the extension holds its very bytes.
      const auto encoded = encode_leaf_index_extension(**index);
      require(!std::ranges::search(leaf->extensions, encoded).empty());
    }
  }
  for (const EntryType type : {EntryType::kX509, EntryType::kPrecert}) {
    if (const auto extra = parse_extra_data(type, in)) {
      require(std::ranges::equal(encode_extra_data(type, *extra), in));
    }
  }
  return 0;
}
