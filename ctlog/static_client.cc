#include "ctlog/static_client.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/checkpoint.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMaxSmallBody = 1u << 20;

// No file of a log begins so: a note starts with a host name, a data tile
// with the high byte of a time.
bool is_web_page(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '<';
}

tl::unexpected<Error> web_page() {
  return fail(Errc::kTransient, "a web page instead of the log's file");
}

bool not_there(long status) {
  // Some object stores say 403 for a key they do not have.
  return status == 404 || status == 410 || status == 403;
}

Result<std::vector<Hash>> decode_hash_tile(const Buffer& body,
                                           std::uint64_t width) {
  if (body.size() != width * sizeof(Hash)) {
    if (is_web_page(body.text())) return web_page();
    return fail(Errc::kMalformed, "a hash tile of " +
                                      std::to_string(body.size()) +
                                      " bytes instead of " +
                                      std::to_string(width * sizeof(Hash)));
  }
  std::vector<Hash> hashes(width);
  std::memcpy(hashes.data(), body.data(), body.size());
  return hashes;
}

Result<void> check_position(const RawEntry& entry, LeafIndex position) {
  const auto leaf = parse_leaf(entry.leaf);
  if (!leaf) return tl::unexpected<Error>(leaf.error());
  const auto index = leaf_index_extension(leaf->extensions);
  // Unreadable ones say nothing of the position, and one odd entry must not
  // stop a log: the tree decides whether it stands where it should.
  if (index && *index && **index != position) {
    return fail(Errc::kMalformed,
                "its leaf_index extension says " + std::to_string(**index));
  }
  return {};
}

}  // namespace

Result<EntryPage> decode_data_tile_page(Buffer body, std::uint64_t tile,
                                        std::uint64_t width, std::uint64_t skip,
                                        std::uint64_t end) {
  end = std::min(end, width);
  if (skip >= end) {
    return fail(Errc::kInternal, "data tile: an empty range was asked for");
  }
  const auto leaves = parse_data_tile(body.view(), width);
  if (!leaves) {
    if (is_web_page(body.text())) return web_page();
    return tl::unexpected<Error>(leaves.error());
  }

  EntryPage page;
  page.first = tile * kTileWidth + skip;
  const auto wanted = std::span(*leaves).subspan(skip, end - skip);
  std::size_t room = 0;
  for (const TileLeaf& leaf : wanted) {
    room += 2 + leaf.timestamped_entry.size();
  }
  page.arena = std::make_unique_for_overwrite<std::uint8_t[]>(room);
  page.entries.reserve(wanted.size());
  std::uint8_t* out = page.arena.get();
  for (const TileLeaf& leaf : wanted) {
    // MerkleTreeLeaf: version 0 and leaf type 0 before the TimestampedEntry.
    const std::size_t n = leaf.timestamped_entry.size();
    out[0] = out[1] = 0;
    std::memcpy(out + 2, leaf.timestamped_entry.data(), n);
    RawEntry entry;
    entry.leaf = {out, 2 + n};
    entry.precertificate = leaf.precertificate;
    entry.chain_fingerprints = leaf.chain_fingerprints;
    out += 2 + n;
    const LeafIndex position = page.first + page.entries.size();
    if (auto checked = check_position(entry, position); !checked) {
      return fail_in("entry " + std::to_string(position),
                     std::move(checked.error()));
    }
    page.entries.push_back(entry);
  }
  hash_leaves(page);
  page.wire_bytes = body.size();
  page.body = std::move(body);
  return page;
}

Task<Result<SignedTreeHead>> StaticClient::head() {
  LogFetcher::Decode<SignedTreeHead> decode =
      [this](const Buffer& body) -> Result<SignedTreeHead> {
    if (is_web_page(body.text())) return web_page();
    return parse_static_checkpoint(body.text(), origin_, key_);
  };
  co_return co_await fetcher_.get<SignedTreeHead>("checkpoint", kMaxSmallBody,
                                                  std::move(decode), false);
}

LeafIndex StaticClient::page_end(LeafIndex begin, LeafIndex end) const {
  return begin + std::min(kTileWidth - begin % kTileWidth, end - begin);
}

Task<Result<EntryPage>> StaticClient::entries(LeafIndex begin, LeafIndex end,
                                              TreeSize head_size) {
  end = std::min(end, head_size);
  if (begin >= end) {
    co_return fail(Errc::kInternal, "entries: an empty range was asked for");
  }
  const std::uint64_t tile = begin / kTileWidth;
  const std::uint64_t skip = begin % kTileWidth;
  const std::uint64_t width = tile_width(0, tile, head_size);
  const std::uint64_t stop = skip + (page_end(begin, end) - begin);
  DecodeTile<EntryPage> decode = [=](Buffer body, std::uint64_t came) {
    return decode_data_tile_page(std::move(body), tile, came, skip, stop);
  };
  Result<EntryPage> page = co_await get_tile<EntryPage>(
      data_tile_path(tile, width), data_tile_path(tile, kTileWidth), width,
      fetcher_.max_body(), std::move(decode));
  if (page && skip == 0 && stop == width) {
    // Hashed by ourselves, these are the hash tile beside it: no need to ask
    // for that one, and a proof built on them says that the log's upper tiles
    // fit the entries.
    tiles_.put(0, tile,
               std::make_shared<const std::vector<Hash>>(page->leaf_hashes));
  }
  co_return page;
}

Task<Result<TileContent>> StaticClient::hash_tile(Tile tile) {
  if (TileContent known = tiles_.find(tile)) co_return known;
  Tile full = tile;
  full.width = kTileWidth;
  DecodeTile<std::vector<Hash>> decode = [](const Buffer& body,
                                            std::uint64_t came) {
    return decode_hash_tile(body, came);
  };
  Result<std::vector<Hash>> hashes = co_await get_tile<std::vector<Hash>>(
      tile_path(tile), tile_path(full), tile.width, kMaxSmallBody,
      std::move(decode));
  if (!hashes) co_return tl::unexpected<Error>(std::move(hashes.error()));
  TileContent content =
      std::make_shared<const std::vector<Hash>>(std::move(*hashes));
  tiles_.put(tile.level, tile.index, content);
  co_return content;
}

template <class T>
Task<Result<T>> StaticClient::get_tile(std::string path, std::string full_path,
                                       std::uint64_t width,
                                       std::size_t max_body,
                                       DecodeTile<T> decode) {
  Backoff pauses = fetcher_.backoff();
  while (true) {
    std::uint64_t came = width;
    LogFetcher::Attempt attempt = co_await fetcher_.attempt(path, max_body);
    if (not_there(attempt.status) && width != kTileWidth) {
      came = kTileWidth;
      attempt = co_await fetcher_.attempt(full_path, max_body);
    }
    Result<T> value = std::move(attempt.body).and_then([&](Buffer body) {
      return decode(std::move(body), came);
    });
    if (value) co_return value;
    // A tile may reach the edge of a CDN after the checkpoint that promises
    // it, so that it is not there need not last.
    bool again = worth_retrying(value.error(), true);
    if (again) again = co_await pauses.wait();
    if (!again) co_return fetcher_.give_up(path, std::move(value.error()));
  }
}

Task<Result<std::vector<Hash>>> StaticClient::proof_of(
    std::vector<Subtree> subtrees, TreeSize size) {
  std::map<std::pair<unsigned, std::uint64_t>, TileContent> contents;
  for (const Tile& tile : tiles_of(subtrees, size)) {
    Result<TileContent> content = co_await hash_tile(tile);
    if (!content) co_return tl::unexpected<Error>(std::move(content.error()));
    contents[{tile.level, tile.index}] = std::move(*content);
  }
  std::vector<Hash> proof;
  for (const Subtree& subtree : subtrees) {
    proof.push_back(
        subtree_hash(subtree, [&](unsigned level, std::uint64_t index) {
          return std::span<const Hash>(*contents.at({level, index}));
        }));
  }
  co_return proof;
}

Task<Result<std::vector<Hash>>> StaticClient::inclusion_proof(LeafIndex index,
                                                              Hash,
                                                              TreeSize size) {
  if (index >= size) {
    co_return fail(Errc::kInternal, "inclusion_proof: leaf beyond the tree");
  }
  co_return co_await proof_of(inclusion_subtrees(index, size), size);
}

Task<Result<std::vector<Hash>>> StaticClient::consistency_proof(
    TreeSize old_size, TreeSize new_size) {
  if (old_size == 0 || old_size > new_size) {
    co_return fail(Errc::kInternal, "consistency_proof: sizes out of order");
  }
  co_return co_await proof_of(consistency_subtrees(old_size, new_size),
                              new_size);
}

Task<Result<Bytes>> StaticClient::issuer(Hash fingerprint) {
  LogFetcher::Decode<Bytes> decode =
      [fingerprint](const Buffer& body) -> Result<Bytes> {
    if (sha256(body.view()) != fingerprint) {
      return fail(Errc::kMalformed, "not the certificate of that SHA-256");
    }
    return Bytes(body.view().begin(), body.view().end());
  };
  co_return co_await fetcher_.get<Bytes>(
      "issuer/" + to_hex(fingerprint), kMaxSmallBody, std::move(decode), false);
}

}  // namespace ct::ctlog
