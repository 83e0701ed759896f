#include "monitor/demo/local_log.h"

#include <algorithm>

#include "base/sha256.h"
#include "ctlog/checkpoint.h"
#include "ctlog/log_key.h"
#include "ctlog/sct.h"
#include "ctlog/tile.h"
#include "ctlog/tree_head.h"
#include "monitor/demo/local_tree.h"
#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"

namespace ct::monitor::demo {
namespace {

ctlog::LogKey key_of(const LocalLog& log) {
  const auto key = ctlog::LogKey::from_spki(log.key().spki());
  REQUIRE(key);
  return *key;
}

LocalLog::Options static_log() {
  LocalLog::Options options;
  options.kind = ctlog::LogKind::kStatic;
  options.name = "tiles";
  return options;
}

// Entries of any bytes; a log does not care here.
void fill(LocalLog& log, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    Bytes certificate;
    put_uint(certificate, i, 8);
    log.add(final_submission(std::move(certificate), {{1, 2}, {3}}));
  }
}

}  // namespace

TEST_CASE("the local tree agrees with the RFC's recursion",
          "[monitor][local_log]") {
  LocalTree tree;
  for (ctlog::TreeSize size = 1; size <= 20; ++size) {
    const test::ReferenceTree reference(size);
    tree.append(reference.leaf(size - 1));
    REQUIRE(tree.root(size) == reference.root());
    for (ctlog::LeafIndex i = 0; i < size; ++i) {
      CHECK(tree.inclusion_proof(i, size) == reference.inclusion_proof(i));
    }
    for (ctlog::TreeSize old = 1; old <= size; ++old) {
      CAPTURE(old, size);
      CHECK(ctlog::verify_consistency(old, tree.root(old), size,
                                      tree.root(size),
                                      tree.consistency_proof(old, size)));
    }
  }
}

TEST_CASE("heads of both kinds verify with the log's key",
          "[monitor][local_log]") {
  const auto key_kind =
      GENERATE(SigningKey::Kind::kP256, SigningKey::Kind::kRsa2048);

  LocalLog::Options plain;
  plain.key = key_kind;
  LocalLog rfc6962(plain);
  fill(rfc6962, 5);
  const PublishedHead head = rfc6962.publish();
  const auto sth = ctlog::parse_sth(head.wire);
  REQUIRE(sth);
  const auto verified = ctlog::verify_tree_head(key_of(rfc6962), *sth);
  REQUIRE(verified);
  CHECK(verified->size() == 5);
  CHECK(verified->root() == rfc6962.root(5));

  LocalLog::Options tiled = static_log();
  tiled.key = key_kind;
  tiled.unknown_signatures = true;
  LocalLog tiles(tiled);
  fill(tiles, 6);
  const auto checkpoint = ctlog::parse_static_checkpoint(
      tiles.publish().wire, "tiles.logs.example", key_of(tiles));
  REQUIRE(checkpoint);
  CHECK(ctlog::verify_tree_head(key_of(tiles), *checkpoint));
  CHECK(checkpoint->root == tiles.root(6));
}

TEST_CASE("a witness cosigns what the log signs", "[monitor][local_log]") {
  LocalLog::Options options = static_log();
  options.witness = "witness.example";
  LocalLog log(options);
  const auto note = ctlog::parse_note(log.head().wire);
  REQUIRE(note);
  CHECK(note->signatures.size() == 2);
  const auto verifier = ctlog::parse_note_verifier(log.witness_vkey());
  REQUIRE(verifier);
  const auto cosignature = ctlog::verify_cosignature(*note, *verifier);
  REQUIRE(cosignature);
  CHECK(cosignature->timestamp == log.head().timestamp / 1000);
}

TEST_CASE("the SCT of an entry verifies against its leaf",
          "[monitor][local_log]") {
  const LocalCa ca({});
  CertificateSpec spec;
  spec.names = dns_names({"www.example.com"});
  const Issuance issuance = ca.precertify(spec);
  LocalLog log(GENERATE(LocalLog::Options(), static_log()));
  fill(log, 3);
  const LocalLog::Added added = log.add(precert_submission(issuance), 123'456);
  CHECK(added.index == 3);

  const auto sct = ctlog::parse_sct(added.sct);
  REQUIRE(sct);
  CHECK(sct->timestamp == 123'456);
  const LocalLog::Entry entry = log.entry(3);
  const auto leaf = ctlog::parse_leaf(entry.leaf);
  REQUIRE(leaf);
  CHECK(ctlog::verify_sct(key_of(log), *sct, *leaf));
  CHECK(log.leaf_hash(3) == ctlog::leaf_hash(entry.leaf));
  CHECK(Bytes(leaf->certificate.begin(), leaf->certificate.end()) ==
        issuance.tbs);
  const auto extra = ctlog::parse_extra_data(leaf->type, entry.extra_data);
  REQUIRE(extra);
  CHECK(extra->chain.size() == 2);

  const auto index = ctlog::leaf_index_extension(sct->extensions);
  REQUIRE(index);
  const bool tiled = log.options().kind == ctlog::LogKind::kStatic;
  CHECK(index->has_value() == tiled);
  if (tiled) CHECK(**index == 3);
}

TEST_CASE("tiles hold the leaves and their hashes", "[monitor][local_log]") {
  LocalLog log(static_log());
  fill(log, 256 * 2 + 5);

  const Bytes full = log.data_tile(1, 256);
  const auto leaves = ctlog::parse_data_tile(full, 256);
  REQUIRE(leaves);
  const Bytes hashes = log.hash_tile(0, 1, 256);
  REQUIRE(hashes.size() == 256 * 32);
  for (std::size_t i = 0; i < 256; ++i) {
    Bytes leaf = {0, 0};
    put_bytes(leaf, (*leaves)[i].timestamped_entry);
    REQUIRE(ctlog::leaf_hash(leaf) ==
            *ByteReader(ByteView(hashes).subspan(i * 32)).hash());
    REQUIRE((*leaves)[i].chain_fingerprints.size() == 64);
  }

  Submission precert;
  precert.type = ctlog::EntryType::kPrecert;
  precert.certificate = {1};
  precert.precertificate = {2, 3};
  log.add(precert);
  const Bytes last = log.data_tile(2, 6);
  const auto partial = ctlog::parse_data_tile(last, 6);
  REQUIRE(partial);
  CHECK(
      std::ranges::equal((*partial)[5].precertificate, precert.precertificate));

  // Level 1 holds the roots of the full tiles below.
  const Bytes upper = log.hash_tile(1, 0, 2);
  CHECK(*ByteReader(upper).hash() == log.root(256));

  const Bytes certificate = {3};
  const auto issuer = log.issuer(sha256(certificate));
  REQUIRE(issuer);
  CHECK(*issuer == certificate);
  CHECK_FALSE(log.issuer(Hash{}));
}

TEST_CASE("a log serves what it published, not what it holds",
          "[monitor][local_log]") {
  LocalLog log({});
  CHECK(log.head().size == 0);
  CHECK(log.head().root == ctlog::empty_root());
  fill(log, 4);
  CHECK(log.head().size == 0);
  log.publish(3);
  CHECK(log.head().size == 3);
  CHECK(log.head().root == log.root(3));
  CHECK(log.size() == 4);
}

}  // namespace ct::monitor::demo
