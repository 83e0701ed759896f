#include <nlohmann/json.hpp>

#include "base/base64.h"
#include "ctlog/rfc6962_json.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

static constexpr std::size_t kMost = 64;

// With a space in front it is not in the plain spelling, and read by another
// parser, to which it means the same.
static void require_the_same_if_not_plain(const std::string& in,
                                          const ct::Result<EntryPage>& page) {
  const auto parsed = decode_entries_page(ct::Buffer(" " + in), 1000, kMost);
  require(parsed.has_value() == page.has_value());
  if (!page) {
    require(parsed.error().code == page.error().code);
    return;
  }
  require(parsed->leaf_hashes == page->leaf_hashes);
  for (std::size_t i = 0; i < page->entries.size(); ++i) {
    require(parsed->entries[i].extra_b64 == page->entries[i].extra_b64);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const std::string in(ct::as_text({data, n}));
  const auto page = decode_entries_page(ct::Buffer(in), 1000, kMost);
  require_the_same_if_not_plain(in, page);
  if (!page) return 0;

  require(!page->entries.empty() && page->entries.size() <= kMost);
  require(page->leaf_hashes.size() == page->entries.size());
  std::string plain = "{\"entries\":[";
  for (std::size_t i = 0; i < page->entries.size(); ++i) {
    const RawEntry& entry = page->entries[i];
    require(page->leaf_hashes[i] == leaf_hash(entry.leaf));
    if (i > 0) plain += ',';
    plain +=
        "{\"leaf_input\":\"" + ct::to_base64(entry.leaf) +
        "\",\"extra_data\":" +
        nlohmann::json(entry.extra_b64)
            .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) +
        "}";
  }
  plain += "]}";
  // Written plainly, it says the same.
  const auto again = decode_entries_page(ct::Buffer(plain), 1000, kMost);
  require(again && again->leaf_hashes == page->leaf_hashes);

  // Where no escape hides a name, another parser sees the same entries.
  const auto other = nlohmann::json::parse(in, nullptr, false);
  if (other.is_discarded() || in.find('\\') != in.npos) return 0;
  const auto& entries = other.at("entries");
  require(entries.size() == page->entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    require(entries[i].at("leaf_input").get<std::string>() ==
            ct::to_base64(page->entries[i].leaf));
    require(entries[i].at("extra_data").get<std::string>() ==
            page->entries[i].extra_b64);
  }
  return 0;
}
