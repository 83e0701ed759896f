// LocalLog: a CT log in memory, honest unless told otherwise, of either kind:
// RFC 6962 or Static CT. monitor/demo/log_server.h puts it on the network.
#pragma once

#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ctlog/leaf.h"
#include "ctlog/log_list.h"
#include "monitor/demo/local_ca.h"
#include "monitor/demo/local_tree.h"
#include "monitor/demo/signing_key.h"

namespace ct::monitor::demo {

// What is handed in to a log: a final certificate, or a precertificate with
// the TBSCertificate to hash.
struct Submission {
  ctlog::EntryType type = ctlog::EntryType::kX509;
  Hash issuer_key_hash{};    // precerts only
  Bytes certificate;         // or the TBSCertificate; any bytes
  Bytes precertificate;      // precerts only
  std::vector<Bytes> chain;  // issuer first
};
[[nodiscard]] Submission final_submission(Bytes certificate,
                                          std::vector<Bytes> chain);
[[nodiscard]] Submission precert_submission(const Issuance& issuance);

// A signed head as the log serves it: a get-sth reply or a checkpoint.
struct PublishedHead {
  ctlog::TreeSize size = 0;
  Millis timestamp = 0;
  Hash root{};
  std::string wire;
};

// Safe from any thread.
class LocalLog {
 public:
  struct Options {
    ctlog::LogKind kind = ctlog::LogKind::kRfc6962;
    std::string name = "log";  // path prefix on the server
    std::string description;   // default: `name`
    std::string operator_name = "Demo Logs";
    SigningKey::Kind key = SigningKey::Kind::kP256;
    // Static CT: first line of checkpoints, and the submission URL without
    // its scheme. Default: `name`.logs.example
    std::string origin;
    std::int64_t mmd = 86'400;
    std::string state = "usable";            // "": none
    Millis state_since = 1'735'689'600'000;  // 2025
    std::optional<Seconds> interval_start, interval_end;
    std::vector<Bytes> roots;  // what get-roots answers
    // Static CT: signatures that nobody knows, around the log's own.
    bool unknown_signatures = false;
    // Static CT: a witness of that name cosigns every checkpoint.
    std::string witness;
  };
  explicit LocalLog(Options options);

  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] const SigningKey& key() const { return key_; }
  [[nodiscard]] const Hash& log_id() const { return key_.spki_sha256(); }
  // The witness as a C2SP verifier key; "" without one.
  [[nodiscard]] std::string witness_vkey() const;

  struct Added {
    ctlog::LeafIndex index = 0;
    Bytes sct;  // serialized
  };
  // Appends; nothing is recognised as a duplicate. Served once published.
  Added add(const Submission& submission,
            std::optional<Millis> timestamp = std::nullopt);

  // Signs the tree as it is, or its first `size` leaves, and serves that.
  PublishedHead publish(std::optional<ctlog::TreeSize> size = std::nullopt,
                        std::optional<Millis> timestamp = std::nullopt);
  // Signs any head, true or not, without serving it.
  [[nodiscard]] PublishedHead sign_head(ctlog::TreeSize size, Millis timestamp,
                                        const Hash& root) const;

  // The head served; the empty tree's at first.
  [[nodiscard]] PublishedHead head() const;
  [[nodiscard]] ctlog::TreeSize size() const;  // unpublished ones included
  [[nodiscard]] Hash root(ctlog::TreeSize size) const;
  [[nodiscard]] Hash leaf_hash(ctlog::LeafIndex index) const;
  [[nodiscard]] std::vector<Hash> inclusion_proof(ctlog::LeafIndex index,
                                                  ctlog::TreeSize size) const;
  [[nodiscard]] std::vector<Hash> consistency_proof(
      ctlog::TreeSize old_size, ctlog::TreeSize new_size) const;
  // The lowest index of that leaf hash.
  [[nodiscard]] std::optional<ctlog::LeafIndex> find(const Hash& leaf) const;

  struct Entry {
    Bytes leaf;        // MerkleTreeLeaf
    Bytes extra_data;  // RFC 6962, section 4.6
  };
  [[nodiscard]] Entry entry(ctlog::LeafIndex index) const;

  // Static CT: tiles, uncompressed; the caller sees to it that they exist.
  [[nodiscard]] Bytes hash_tile(unsigned level, std::uint64_t index,
                                std::uint64_t width) const;
  [[nodiscard]] Bytes data_tile(std::uint64_t index, std::uint64_t width) const;
  [[nodiscard]] std::optional<Bytes> issuer(const Hash& fingerprint) const;

 private:
  struct Stored {
    ctlog::EntryType type;
    Bytes leaf;
    Bytes precertificate;
    std::vector<Hash> chain;  // fingerprints, keys of issuers_
  };
  PublishedHead sign_checkpoint(PublishedHead head) const;

  // Constant after construction.
  Options options_;
  SigningKey key_;
  std::optional<SigningKey> witness_key_;

  mutable std::mutex mutex_;  // guards all below
  LocalTree tree_;
  std::deque<Stored> entries_;
  std::map<Hash, ctlog::LeafIndex> by_hash_;
  std::map<Hash, Bytes> issuers_;
  PublishedHead head_;
};

}  // namespace ct::monitor::demo
