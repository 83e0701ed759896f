#include <algorithm>

#include "ctlog/sct.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const ct::ByteView in(data, n);
  if (const auto sct = parse_sct(in)) {
    require(std::ranges::equal(encode_sct(*sct), in));
  }
  const auto list = parse_sct_list(in);
  if (!list) return 0;
  ct::Bytes members;
  for (const auto& sct : list->scts) {
    const ct::Bytes encoded = encode_sct(sct);
    ct::put_uint(members, encoded.size(), 2);
    ct::put_bytes(members, encoded);
  }
  // What was read is all there was, but for members counted as unreadable.
  const ct::ByteView all = in.subspan(2);
  if (list->unreadable == 0) {
    require(std::ranges::equal(members, all));
  } else {
    require(members.size() < all.size());
  }
  return 0;
}
