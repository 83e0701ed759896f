// Signed tree heads of RFC 6962, sections 3.5 and 4.3.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "ctlog/log_key.h"
#include "ctlog/merkle.h"

namespace ct::ctlog {

// What a log says; nothing is checked yet. Also what a checkpoint of a Static
// CT log says, which carries the same facts (ctlog/checkpoint.h).
struct SignedTreeHead {
  TreeSize size = 0;
  Millis timestamp = 0;
  Hash root{};
  Bytes
      signature;  // digitally-signed struct over the 50-byte TreeHeadSignature
  std::string wire;  // the exact bytes received: evidence
};

// A head whose signature holds. Only verify_tree_head makes one, and
// TreeHead::already_verified from our own database.
class TreeHead {
 public:
  [[nodiscard]] TreeSize size() const { return size_; }
  [[nodiscard]] Millis timestamp() const { return timestamp_; }
  [[nodiscard]] const Hash& root() const { return root_; }

  // For heads that were verified before they were stored.
  [[nodiscard]] static TreeHead already_verified(TreeSize size,
                                                 Millis timestamp,
                                                 const Hash& root) {
    return {size, timestamp, root};
  }

 private:
  friend Result<TreeHead> verify_tree_head(const LogKey&,
                                           const SignedTreeHead&);
  TreeHead(TreeSize size, Millis timestamp, const Hash& root)
      : size_(size), timestamp_(timestamp), root_(root) {}

  TreeSize size_;
  Millis timestamp_;
  Hash root_;
};

// The body of a get-sth reply: a JSON object with tree_size, timestamp,
// sha256_root_hash and tree_head_signature; other members are ignored.
// kMalformed: anything else.
[[nodiscard]] Result<SignedTreeHead> parse_sth(std::string_view json);

// The 50 bytes that are signed: 00 01, timestamp, size, root.
[[nodiscard]] Bytes tree_head_input(TreeSize size, Millis timestamp,
                                    const Hash& root);

// kMalformed, kUntrusted: as LogKey::verify. An empty tree must have the root
// empty_root().
[[nodiscard]] Result<TreeHead> verify_tree_head(const LogKey& key,
                                                const SignedTreeHead& sth);

}  // namespace ct::ctlog
