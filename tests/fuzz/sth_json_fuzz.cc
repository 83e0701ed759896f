#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "ctlog/tree_head.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const std::string_view in = ct::as_text({data, n});
  const auto sth = parse_sth(in);
  if (!sth) return 0;

  // JSON to another parser as well, and kept as it came.
  require(nlohmann::json::accept(in));
  require(sth->wire == in);
  // Written plainly, it says the same.
  const auto again = parse_sth(
      "{\"tree_size\":" + std::to_string(sth->size) +
      ",\"timestamp\":" + std::to_string(sth->timestamp) +
      ",\"sha256_root_hash\":\"" + ct::to_base64(sth->root) +
      "\",\"tree_head_signature\":\"" + ct::to_base64(sth->signature) + "\"}");
  require(again && again->size == sth->size &&
          again->timestamp == sth->timestamp && again->root == sth->root &&
          again->signature == sth->signature);
  return 0;
}
