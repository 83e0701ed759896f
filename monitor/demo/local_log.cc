#include "monitor/demo/local_log.h"

#include <fmt/format.h>

#include <cassert>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/sct.h"
#include "ctlog/tile.h"
#include "ctlog/tree_head.h"

namespace ct::monitor::demo {
namespace {

// Types of signed-note keys (C2SP signed-note, section "Signature types").
constexpr std::uint8_t kCosignatureType = 4, kRfc6962Type = 5;

// The first four bytes of SHA-256(name || 0A || type || key).
Bytes note_key_id(std::string_view name, std::uint8_t type, ByteView key) {
  Bytes input(name.begin(), name.end());
  input.push_back('\n');
  input.push_back(type);
  put_bytes(input, key);
  const Hash h = sha256(input);
  return {h.begin(), h.begin() + 4};
}

std::string signature_line(std::string_view name, Bytes key_id,
                           ByteView signature) {
  put_bytes(key_id, signature);
  return fmt::format("\u2014 {} {}\n", name, to_base64(key_id));
}

std::string sth_json(const PublishedHead& head, ByteView signature) {
  return fmt::format(
      R"({{"tree_size":{},"timestamp":{},"sha256_root_hash":"{}",)"
      R"("tree_head_signature":"{}"}})",
      head.size, head.timestamp, to_base64(head.root), to_base64(signature));
}

}  // namespace

Submission final_submission(Bytes certificate, std::vector<Bytes> chain) {
  Submission s;
  s.certificate = std::move(certificate);
  s.chain = std::move(chain);
  return s;
}

Submission precert_submission(const Issuance& issuance) {
  Submission s;
  s.type = ctlog::EntryType::kPrecert;
  s.issuer_key_hash = issuance.issuer_key_hash;
  s.certificate = issuance.tbs;
  s.precertificate = issuance.precertificate;
  s.chain = issuance.chain;
  return s;
}

LocalLog::LocalLog(Options options)
    : options_(std::move(options)), key_(SigningKey::generate(options_.key)) {
  if (options_.description.empty()) options_.description = options_.name;
  if (options_.origin.empty()) {
    options_.origin = options_.name + ".logs.example";
  }
  if (!options_.witness.empty()) {
    witness_key_ = SigningKey::generate(SigningKey::Kind::kEd25519);
  }
  publish();
}

std::string LocalLog::witness_vkey() const {
  if (!witness_key_) return "";
  const ByteView raw = witness_key_->raw_ed25519();
  Bytes typed = {kCosignatureType};
  put_bytes(typed, raw);
  return fmt::format(
      "{}+{}+{}", options_.witness,
      to_hex(note_key_id(options_.witness, kCosignatureType, raw)),
      to_base64(typed));
}

LocalLog::Added LocalLog::add(const Submission& submission,
                              std::optional<Millis> timestamp) {
  const std::lock_guard lock(mutex_);
  Added added;
  added.index = entries_.size();

  ctlog::Leaf leaf;
  leaf.timestamp = timestamp.value_or(now_millis());
  leaf.type = submission.type;
  leaf.issuer_key_hash = submission.issuer_key_hash;
  leaf.certificate = submission.certificate;
  Bytes extensions;
  if (options_.kind == ctlog::LogKind::kStatic) {
    extensions = ctlog::encode_leaf_index_extension(added.index);
  }
  leaf.extensions = extensions;

  Stored stored;
  stored.type = submission.type;
  stored.leaf = ctlog::encode_leaf(leaf);
  stored.precertificate = submission.precertificate;
  for (const Bytes& certificate : submission.chain) {
    stored.chain.push_back(sha256(certificate));
    issuers_.try_emplace(stored.chain.back(), certificate);
  }

  // What an SCT signs is the leaf, byte for byte: its first two bytes stand
  // for version and leaf type here, version and signature type there.
  const Bytes signature = key_.digitally_sign(stored.leaf);
  added.sct =
      ctlog::encode_sct({log_id(), leaf.timestamp, leaf.extensions, signature});

  const Hash hash = ctlog::leaf_hash(stored.leaf);
  tree_.append(hash);
  by_hash_.try_emplace(hash, added.index);
  entries_.push_back(std::move(stored));
  return added;
}

PublishedHead LocalLog::publish(std::optional<ctlog::TreeSize> size,
                                std::optional<Millis> timestamp) {
  const std::lock_guard lock(mutex_);
  const ctlog::TreeSize n = size.value_or(tree_.size());
  head_ = sign_head(n, timestamp.value_or(now_millis()), tree_.root(n));
  return head_;
}

PublishedHead LocalLog::sign_head(ctlog::TreeSize size, Millis timestamp,
                                  const Hash& root) const {
  PublishedHead head{size, timestamp, root, ""};
  if (options_.kind == ctlog::LogKind::kStatic) {
    return sign_checkpoint(std::move(head));
  }
  head.wire = sth_json(
      head, key_.digitally_sign(ctlog::tree_head_input(size, timestamp, root)));
  return head;
}

PublishedHead LocalLog::sign_checkpoint(PublishedHead head) const {
  const std::string& origin = options_.origin;
  const std::string text =
      fmt::format("{}\n{}\n{}\n", origin, head.size, to_base64(head.root));
  head.wire = text + "\n";
  if (options_.unknown_signatures) {
    head.wire += signature_line("grease.example", {1, 2, 3, 4}, Bytes(64, 7));
    // The log's own name under a key id nobody knows must not disturb.
    head.wire += signature_line(origin, {9, 9, 9, 9}, Bytes(80, 7));
  }

  // RFC6962NoteSignature: milliseconds, then the struct that an STH holds.
  Bytes signature;
  put_uint(signature, static_cast<std::uint64_t>(head.timestamp), 8);
  put_bytes(signature, key_.digitally_sign(ctlog::tree_head_input(
                           head.size, head.timestamp, head.root)));
  head.wire += signature_line(
      origin, note_key_id(origin, kRfc6962Type, log_id()), signature);

  if (witness_key_) {
    const std::int64_t seconds = head.timestamp / 1000;
    const std::string signed_text =
        fmt::format("cosignature/v1\ntime {}\n{}", seconds, text);
    Bytes cosignature;
    put_uint(cosignature, static_cast<std::uint64_t>(seconds), 8);
    put_bytes(cosignature, witness_key_->sign(as_bytes(signed_text)));
    head.wire += signature_line(options_.witness,
                                note_key_id(options_.witness, kCosignatureType,
                                            witness_key_->raw_ed25519()),
                                cosignature);
  }
  return head;
}

PublishedHead LocalLog::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}
ctlog::TreeSize LocalLog::size() const {
  const std::lock_guard lock(mutex_);
  return tree_.size();
}
Hash LocalLog::root(ctlog::TreeSize size) const {
  const std::lock_guard lock(mutex_);
  return tree_.root(size);
}
Hash LocalLog::leaf_hash(ctlog::LeafIndex index) const {
  const std::lock_guard lock(mutex_);
  return tree_.node(0, index);
}
std::vector<Hash> LocalLog::inclusion_proof(ctlog::LeafIndex index,
                                            ctlog::TreeSize size) const {
  const std::lock_guard lock(mutex_);
  return tree_.inclusion_proof(index, size);
}
std::vector<Hash> LocalLog::consistency_proof(ctlog::TreeSize old_size,
                                              ctlog::TreeSize new_size) const {
  const std::lock_guard lock(mutex_);
  return tree_.consistency_proof(old_size, new_size);
}
std::optional<ctlog::LeafIndex> LocalLog::find(const Hash& leaf) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_hash_.find(leaf);
  if (it == by_hash_.end()) return std::nullopt;
  return it->second;
}

LocalLog::Entry LocalLog::entry(ctlog::LeafIndex index) const {
  const std::lock_guard lock(mutex_);
  const Stored& stored = entries_.at(index);
  ctlog::ExtraData extra;
  extra.precertificate = stored.precertificate;
  for (const Hash& h : stored.chain) extra.chain.push_back(issuers_.at(h));
  return {stored.leaf, ctlog::encode_extra_data(stored.type, extra)};
}

Bytes LocalLog::hash_tile(unsigned level, std::uint64_t index,
                          std::uint64_t width) const {
  const std::lock_guard lock(mutex_);
  Bytes tile;
  for (std::uint64_t i = 0; i < width; ++i) {
    put_bytes(tile, tree_.node(8 * level, index * ctlog::kTileWidth + i));
  }
  return tile;
}

// TileLeaf { TimestampedEntry; precerts: opaque<0..2^24-1>;
//            Fingerprint certificate_chain<0..2^16-1> }
Bytes LocalLog::data_tile(std::uint64_t index, std::uint64_t width) const {
  const std::lock_guard lock(mutex_);
  Bytes tile;
  for (std::uint64_t i = 0; i < width; ++i) {
    const Stored& stored = entries_.at(index * ctlog::kTileWidth + i);
    put_bytes(tile, ByteView(stored.leaf).subspan(2));
    if (stored.type == ctlog::EntryType::kPrecert) {
      put_uint(tile, stored.precertificate.size(), 3);
      put_bytes(tile, stored.precertificate);
    }
    put_uint(tile, stored.chain.size() * sizeof(Hash), 2);
    for (const Hash& h : stored.chain) put_bytes(tile, h);
  }
  return tile;
}

std::optional<Bytes> LocalLog::issuer(const Hash& fingerprint) const {
  const std::lock_guard lock(mutex_);
  const auto it = issuers_.find(fingerprint);
  if (it == issuers_.end()) return std::nullopt;
  return it->second;
}

}  // namespace ct::monitor::demo
