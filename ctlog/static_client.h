// StaticClient: reads Static CT logs (C2SP static-ct-api): files, from which
// heads, entries and proofs are put together.
#pragma once

#include "ctlog/log_fetcher.h"
#include "ctlog/log_key.h"
#include "ctlog/tile_cache.h"
#include "ctlog/tile_proof.h"

namespace ct::ctlog {

// The leaves [skip, end) of data tile `tile`, whose body holds `width` leaves;
// the page ends where the tile does if `end` is beyond it.
//
// kTransient: a web page instead of a tile
// kMalformed: not exactly `width` leaves, or one whose leaf_index extension
//   is not its position (archives of old logs have none, which is accepted)
[[nodiscard]] Result<EntryPage> decode_data_tile_page(
    Buffer body, std::uint64_t tile, std::uint64_t width, std::uint64_t skip,
    std::uint64_t end = kTileWidth);

class StaticClient final : public LogSource {
 public:
  // `origin`: the submission URL without scheme and trailing slash.
  StaticClient(LogFetcher fetcher, LogKey key, std::string origin)
      : fetcher_(std::move(fetcher)),
        key_(std::move(key)),
        origin_(std::move(origin)) {}

  Task<Result<SignedTreeHead>> head() override;
  Task<Result<EntryPage>> entries(LeafIndex begin, LeafIndex end,
                                  TreeSize head_size) override;
  [[nodiscard]] LeafIndex page_end(LeafIndex begin,
                                   LeafIndex end) const override;
  Task<Result<std::vector<Hash>>> inclusion_proof(LeafIndex index, Hash leaf,
                                                  TreeSize size) override;
  Task<Result<std::vector<Hash>>> consistency_proof(TreeSize old_size,
                                                    TreeSize new_size) override;
  Task<Result<Bytes>> issuer(Hash fingerprint) override;

 private:
  // Gets a tile that is `width` wide in a tree we hold the head of. Where the
  // partial tile is gone, because the full one exists by now, that one.
  // `decode` is told the width of what came.
  template <class T>
  using DecodeTile = std::function<Result<T>(Buffer, std::uint64_t)>;
  template <class T>
  Task<Result<T>> get_tile(std::string path, std::string full_path,
                           std::uint64_t width, std::size_t max_body,
                           DecodeTile<T> decode);
  Task<Result<TileContent>> hash_tile(Tile tile);
  Task<Result<std::vector<Hash>>> proof_of(std::vector<Subtree> subtrees,
                                           TreeSize size);

  // Constant after construction.
  LogFetcher fetcher_;
  LogKey key_;
  std::string origin_;

  // 128 KiB: a proof needs one tile a level, at most eight, and a few pages
  // are read side by side.
  TileCache tiles_{16, std::chrono::minutes(1)};
};

}  // namespace ct::ctlog
