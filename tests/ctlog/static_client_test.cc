#include "ctlog/static_client.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "ctlog/checkpoint.h"
#include "ctlog/merkle.h"
#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"
#include "tests/support/scripted_log.h"
#include "tests/support/shared_data.h"
#include "tests/support/static_files.h"

namespace ct::ctlog {
namespace {

using test::LogReader;
using test::ScriptedLog;
using test::StaticFiles;
using Files = std::map<std::string, std::string>;

constexpr auto kOrigin = "log.test/2026h1";
constexpr auto kSubmissionUrl = "https://log.test/2026h1/";

const test::TestKey& key() {
  static const test::TestKey k = test::TestKey::p256();
  return k;
}

void reply(httplib::Response& response, const std::string& body) {
  response.set_content(body, "application/octet-stream");
}

// Files as they are; 404 for all others.
ScriptedLog::Script serve(Files files) {
  return [files = std::move(files)](const std::string& path,
                                    const httplib::Request&,
                                    httplib::Response& response) {
    const auto file = files.find(path);
    if (file == files.end()) {
      response.status = 404;
    } else {
      reply(response, file->second);
    }
  };
}

// The first `times` requests for `path` get `answer`.
ScriptedLog::Script but(ScriptedLog::Script honest, std::string path,
                        std::function<void(httplib::Response&)> answer,
                        unsigned times = ~0u) {
  return [honest = std::move(honest), path = std::move(path),
          answer = std::move(answer),
          times](const std::string& asked, const httplib::Request& q,
                 httplib::Response& r) mutable {
    if (asked == path && times > 0) {
      --times;
      answer(r);
    } else {
      honest(asked, q, r);
    }
  };
}

std::function<void(httplib::Response&)> status(int code) {
  return [code](httplib::Response& r) { r.status = code; };
}
std::function<void(httplib::Response&)> body(std::string text) {
  return [text = std::move(text)](httplib::Response& r) { reply(r, text); };
}

LogReader open(const ScriptedLog& log) {
  return {LogKind::kStatic, log.url(), key(), kSubmissionUrl};
}

// Reads [begin, size) page by page and checks it against `files`.
void read_all(LogReader& reader, const StaticFiles& files, LeafIndex begin,
              TreeSize size) {
  for (LeafIndex at = begin; at < size;) {
    const auto page =
        reader.run(reader->entries(at, reader->page_end(at, size), size));
    REQUIRE(page);
    CHECK(page->first == at);
    REQUIRE_FALSE(page->entries.empty());
    for (std::size_t i = 0; i < page->entries.size(); ++i) {
      CHECK(to_hex(page->entries[i].leaf) == to_hex(files.leaf(at + i)));
      CHECK(page->leaf_hashes[i] == leaf_hash(files.leaf(at + i)));
      CHECK(page->entries[i].chain_fingerprints.size() == 32);
    }
    at += page->entries.size();
  }
}

TEST_CASE("a checkpoint is a signed head", "[ctlog][static_client]") {
  const Hash root = sha256(as_bytes("root"));
  const std::string note =
      test::static_checkpoint(key(), kOrigin, 600, 1234, root);
  ScriptedLog log(but(serve({{"checkpoint", note}}), "checkpoint",
                      body("<html>not now</html>"), 1));
  LogReader reader = open(log);
  const auto head = reader.run(reader->head());
  REQUIRE(head);
  CHECK(head->size == 600);
  CHECK(head->root == root);
  CHECK(head->wire == note);
  CHECK(verify_tree_head(*LogKey::from_spki(key().spki()), *head));
  CHECK(log.targets().size() == 2);
}

TEST_CASE("a checkpoint of another log is none of this one",
          "[ctlog][static_client]") {
  const auto [note, code,
              tries] = GENERATE(table<std::string, Errc, std::size_t>({
      {test::static_checkpoint(key(), "other.test/2026h1", 1, 1, Hash{}),
       Errc::kMalformed, 4},
      {test::static_checkpoint(test::TestKey::p256(), kOrigin, 1, 1, Hash{}),
       Errc::kUntrusted, 1},
      {"<html>", Errc::kTransient, 4},
      {"", Errc::kMalformed, 4},
  }));
  ScriptedLog log(serve({{"checkpoint", note}}));
  LogReader reader = open(log);
  const auto head = reader.run(reader->head());
  REQUIRE_FALSE(head);
  CHECK(head.error().code == code);
  CHECK(log.targets().size() == tries);
}

TEST_CASE("a static log is read tile by tile", "[ctlog][static_client]") {
  static const StaticFiles files(600);
  const LeafIndex begin = GENERATE(0, 1, 255, 256, 300, 599);
  const auto tiles = files.tiles(600);
  ScriptedLog log(serve(tiles));
  LogReader reader = open(log);
  read_all(reader, files, begin, 600);
  const auto targets = log.targets();
  CHECK(targets.size() == 3 - begin / 256);
  for (const std::string& target : targets) CHECK(tiles.contains(target));
  CHECK(reader.run(reader->entries(600, 700, 600)).error().code ==
        Errc::kInternal);
}

TEST_CASE("the width of the last tile is that of the head in hand",
          "[ctlog][static_client]") {
  static const StaticFiles files(600);
  ScriptedLog log(serve(files.tiles(590)));
  LogReader reader = open(log);
  // More was asked for than the head has.
  const auto page = reader.run(reader->entries(580, 600, 590));
  REQUIRE(page);
  CHECK(page->entries.size() == 10);
  CHECK(log.targets() == std::vector<std::string>{"tile/data/002.p/78"});
}

TEST_CASE("a partial tile that is gone is read from the full one",
          "[ctlog][static_client]") {
  const int gone = GENERATE(404, 403, 410);
  CAPTURE(gone);
  static const StaticFiles files(512);
  ScriptedLog log([=](const std::string& path, const httplib::Request&,
                      httplib::Response& r) {
    static const Files tiles = files.tiles(512);
    const auto file = tiles.find(path);
    if (file == tiles.end()) {
      r.status = gone;
    } else {
      reply(r, file->second);
    }
  });
  LogReader reader = open(log);
  read_all(reader, files, 256, 300);
  // The proofs of a tree of 300 leaves, too.
  const test::ReferenceTree tree(files.leaf_hashes());
  const auto proof = reader.run(reader->inclusion_proof(7, tree.leaf(7), 300));
  REQUIRE(proof);
  CHECK(verify_inclusion(tree.leaf(7), 7, 300, *proof, tree.root(300)));
}

TEST_CASE("a tile that is late at the edge is waited for",
          "[ctlog][static_client]") {
  static const StaticFiles files(300);
  const auto answer = GENERATE(
      as<std::function<void(httplib::Response&)>>{}, status(404), status(500),
      body("<html>not found</html>"), body(""), body("cut"));
  const std::string path = GENERATE("tile/data/000", "tile/0/000");
  CAPTURE(path);
  ScriptedLog log(but(serve(files.tiles(300)), path, answer, 2));
  LogReader reader = open(log);
  const test::ReferenceTree tree(files.leaf_hashes());
  const auto proof = reader.run(reader->inclusion_proof(7, tree.leaf(7), 300));
  REQUIRE(proof);
  CHECK(*proof == tree.inclusion_proof(7));
  read_all(reader, files, 0, 300);
}

TEST_CASE("a tile that stays away or wrong is an error in the end",
          "[ctlog][static_client]") {
  static const StaticFiles files(300);
  const auto [answer, code] =
      GENERATE(table<std::function<void(httplib::Response&)>, Errc>({
          {status(404), Errc::kGone},
          {status(500), Errc::kTransient},
          {body("<html>not found</html>"), Errc::kTransient},
          {body(files.data_tile(0, 255)), Errc::kMalformed},
          {body(files.data_tile(0, 256) + "x"), Errc::kMalformed},
          {body(std::string((1u << 20) + 1, '\0')), Errc::kMalformed},
      }));
  ScriptedLog log(but(serve(files.tiles(300)), "tile/data/000", answer));
  LogReader reader = open(log);
  const auto page = reader.run(reader->entries(0, 256, 300));
  REQUIRE_FALSE(page);
  CHECK(page.error().code == code);
  CHECK(log.targets().size() == 4);
}

TEST_CASE("a hash tile of another size is refused", "[ctlog][static_client]") {
  static const StaticFiles files(300);
  const std::string tile = files.hash_tile(0, 1, 44);
  const std::string wrong =
      GENERATE_COPY(as<std::string>{}, tile + tile.substr(0, 32),
                    tile.substr(32), tile.substr(1), std::string());
  ScriptedLog log(but(serve(files.tiles(300)), "tile/0/001.p/44", body(wrong)));
  LogReader reader = open(log);
  const auto proof = reader.run(reader->inclusion_proof(299, Hash{}, 300));
  REQUIRE_FALSE(proof);
  CHECK(proof.error().code == Errc::kMalformed);
}

TEST_CASE("gzip'd tiles are read like others", "[ctlog][static_client]") {
  static const StaticFiles files(256);
  std::atomic<bool> asked_for_gzip = false;
  ScriptedLog log([&](const std::string& path, const httplib::Request& q,
                      httplib::Response& r) {
    asked_for_gzip =
        q.get_header_value("Accept-Encoding").find("gzip") != std::string::npos;
    // The server compresses what looks like text.
    r.set_content(files.tiles(256).at(path), "text/plain");
  });
  LogReader reader = open(log);
  read_all(reader, files, 0, 256);
  CHECK(asked_for_gzip);
}

TEST_CASE("an entry in the wrong place is refused", "[ctlog][static_client]") {
  const StaticFiles files(256);
  std::string tile;
  for (LeafIndex i = 0; i < 256; ++i) {
    tile += StaticFiles::tile_leaf(files.leaf(i == 7 ? 8 : i));
  }
  const auto page = decode_data_tile_page(Buffer(tile), 0, 256, 0);
  REQUIRE_FALSE(page);
  CHECK(page.error().code == Errc::kMalformed);
  CHECK_THAT(page.error().what, ContainsSubstring("entry 7"));
  // Not our business: that entry was not asked for.
  CHECK(decode_data_tile_page(Buffer(tile), 0, 256, 8));
  CHECK(decode_data_tile_page(Buffer(tile), 0, 256, 0, 7));
  // The same tile in another place of the log.
  CHECK_FALSE(
      decode_data_tile_page(Buffer(files.data_tile(0, 256)), 1, 256, 0));
}

TEST_CASE("archives of old logs have no positions in their entries",
          "[ctlog][static_client]") {
  std::string tile;
  for (int i = 0; i < 3; ++i) {
    Leaf leaf;
    const Bytes certificate{1, 2, 3};
    leaf.certificate = certificate;
    tile += StaticFiles::tile_leaf(encode_leaf(leaf));
  }
  const auto page = decode_data_tile_page(Buffer(tile), 9, 3, 1);
  REQUIRE(page);
  CHECK(page->first == 9 * 256 + 1);
  CHECK(page->entries.size() == 2);
}

TEST_CASE("an entry whose extensions break their format stops nothing",
          "[ctlog][static_client]") {
  Leaf leaf;
  const Bytes certificate{1, 2, 3};
  const Bytes extensions{0, 0, 4, 0, 0, 0, 0};  // an index of four bytes
  leaf.certificate = certificate;
  leaf.extensions = extensions;
  const auto page = decode_data_tile_page(
      Buffer(StaticFiles::tile_leaf(encode_leaf(leaf))), 0, 1, 0);
  REQUIRE(page);
  REQUIRE(page->entries.size() == 1);
  CHECK(page->leaf_hashes[0] == leaf_hash(encode_leaf(leaf)));
}

TEST_CASE("every truncation of a data tile is refused",
          "[ctlog][static_client]") {
  const StaticFiles files(3);
  const std::string tile = files.data_tile(0, 3);
  REQUIRE(decode_data_tile_page(Buffer(tile), 0, 3, 0));
  for (std::size_t n = 0; n < tile.size(); ++n) {
    CHECK_FALSE(decode_data_tile_page(Buffer(tile.substr(0, n)), 0, 3, 0));
  }
  CHECK_FALSE(decode_data_tile_page(Buffer(tile), 0, 2, 0));
  CHECK_FALSE(decode_data_tile_page(Buffer(tile), 0, 4, 0));
}

TEST_CASE("proofs from tiles hold, and ask for what the head has only",
          "[ctlog][static_client]") {
  static const StaticFiles files(66'000);
  static const test::ReferenceTree tree(files.leaf_hashes());
  const TreeSize size = GENERATE(1, 2, 255, 256, 257, 1000, 65'536, 66'000);
  CAPTURE(size);
  static std::map<TreeSize, Files> all;
  if (!all.contains(size)) all[size] = files.tiles(size);
  ScriptedLog log(serve(all[size]));
  LogReader reader = open(log);
  for (const LeafIndex index :
       {LeafIndex{0}, size / 2, size - 1, std::min<LeafIndex>(300, size - 1)}) {
    CAPTURE(index);
    const auto proof =
        reader.run(reader->inclusion_proof(index, tree.leaf(index), size));
    REQUIRE(proof);
    CHECK(verify_inclusion(tree.leaf(index), index, size, *proof,
                           tree.root(size)));
    const TreeSize old = index + 1;
    const auto consistency = reader.run(reader->consistency_proof(old, size));
    REQUIRE(consistency);
    CHECK(verify_consistency(old, tree.root(old), size, tree.root(size),
                             *consistency));
  }
  for (const std::string& target : log.targets()) {
    CAPTURE(target);
    CHECK(all[size].contains(target));
  }
  CHECK_FALSE(reader.run(reader->inclusion_proof(size, Hash{}, size)));
  CHECK_FALSE(reader.run(reader->consistency_proof(0, size)));
  CHECK_FALSE(reader.run(reader->consistency_proof(size + 1, size)));
}

TEST_CASE("each tile is asked for once", "[ctlog][static_client]") {
  static const StaticFiles files(3000);
  static const test::ReferenceTree tree(files.leaf_hashes());
  ScriptedLog log(serve(files.tiles(3000)));
  LogReader reader = open(log);
  for (LeafIndex at = 0; at < 3000; at += 256) {
    const LeafIndex end = std::min<LeafIndex>(at + 256, 3000);
    CHECK(reader.run(reader->entries(at, end, 3000)));
    const LeafIndex last = end - 1;
    const auto proof =
        reader.run(reader->inclusion_proof(last, tree.leaf(last), 3000));
    REQUIRE(proof);
    CHECK(verify_inclusion(tree.leaf(last), last, 3000, *proof, tree.root()));
  }
  // The leaf hashes are our own; the one tile above them, and the last one of
  // the lowest level, in whose part of the tree all other proofs need a hash.
  const auto targets = log.targets();
  CHECK(std::set<std::string>(targets.begin(), targets.end()).size() ==
        targets.size());
  CHECK(targets.size() == 12 + 2);
}

TEST_CASE("the tile cache keeps what was used last", "[ctlog][tile_cache]") {
  const auto content = [](std::size_t width) {
    return std::make_shared<const std::vector<Hash>>(width);
  };
  TileCache cache(2, std::chrono::hours(1));
  cache.put(0, 1, content(256));
  cache.put(0, 2, content(10));
  CHECK(cache.find({0, 1, 256}));
  CHECK(cache.find({0, 2, 10}));
  CHECK_FALSE(cache.find({0, 2, 11}));  // not so wide
  CHECK_FALSE(cache.find({1, 2, 10}));  // another level
  cache.put(0, 2, content(11));
  CHECK(cache.find({0, 2, 11}));
  CHECK(cache.find({0, 1, 7}));
  cache.put(0, 3, content(1));
  CHECK(cache.find({0, 1, 256}));
  CHECK_FALSE(cache.find({0, 2, 1}));

  TileCache forgetful(2, std::chrono::seconds(-1));
  forgetful.put(0, 1, content(256));
  CHECK_FALSE(forgetful.find({0, 1, 256}));
}

TEST_CASE("an issuer is what its name says", "[ctlog][static_client]") {
  const std::string certificate = "a certificate";
  const Hash fingerprint = sha256(as_bytes(certificate));
  const std::string path = "issuer/" + to_hex(fingerprint);
  {
    ScriptedLog log(but(serve({{path, certificate}}), path, body("other"), 1));
    LogReader reader = open(log);
    const auto issuer = reader.run(reader->issuer(fingerprint));
    REQUIRE(issuer);
    CHECK(as_text(*issuer) == certificate);
  }
  ScriptedLog log(serve({{path, "another certificate"}}));
  LogReader reader = open(log);
  CHECK(reader.run(reader->issuer(fingerprint)).error().code ==
        Errc::kMalformed);
  CHECK(reader.run(reader->issuer(Hash{})).error().code == Errc::kGone);
}

// Any file below a folder of the recorded data.
ScriptedLog::Script serve_folder(const std::string& name) {
  return [root = std::filesystem::path(CT_SHARED_DATA) / name](
             const std::string& path, const httplib::Request&,
             httplib::Response& r) {
    std::ifstream in(root / path, std::ios::binary);
    if (in && std::filesystem::is_regular_file(root / path)) {
      reply(r, {std::istreambuf_iterator<char>(in), {}});
    } else {
      r.status = 404;
    }
  };
}

TEST_CASE("recorded tiles of a real log are read", "[ctlog][static_client]") {
  if (!test::have_shared_data()) return;
  ScriptedLog log(serve_folder("static/navigli2025h2"));
  LogReader reader = open(log);
  const auto [tile, width] = GENERATE(table<std::uint64_t, std::uint64_t>(
      {{0, 256}, {1, 256}, {3, 256}, {3, 10}}));
  CAPTURE(tile, width);
  const LeafIndex begin = tile * 256;
  const TreeSize size = begin + width;
  const auto page = reader.run(reader->entries(begin, size, size));
  REQUIRE(page);
  REQUIRE(page->entries.size() == width);
  const std::string hashes =
      test::shared_file("static/navigli2025h2/" + tile_path({0, tile, width}));
  for (std::size_t i = 0; i < width; ++i) {
    CHECK(as_text(page->leaf_hashes[i]) == hashes.substr(32 * i, 32));
    CHECK_FALSE(page->entries[i].precertificate.empty());
    // The issuers it names are in the folder, too.
    const ByteView chain = page->entries[i].chain_fingerprints;
    Hash issuer;
    REQUIRE(chain.size() >= 32);
    std::copy_n(chain.begin(), 32, issuer.begin());
    if (i % 50 == 0) CHECK(reader.run(reader->issuer(issuer)));
  }
  if (tile == 0) {
    CHECK(to_hex(page->leaf_hashes[0]) ==
          "c853d5121104135a85f8a66a9d16d62234d541473ed78424032622564baddddf");
  }
}

TEST_CASE("recorded hash tiles lead to the recorded checkpoints",
          "[ctlog][static_client]") {
  if (!test::have_shared_data()) return;
  const std::string folder = "static/tessera-testlog";
  ScriptedLog log(serve_folder(folder));
  LogReader reader = open(log);
  std::map<TreeSize, Hash> roots;
  for (TreeSize size = 1; size <= 15; ++size) {
    const auto note = parse_note(
        test::shared_file(folder + "/checkpoint." + std::to_string(size)));
    REQUIRE(note);
    const auto checkpoint = parse_checkpoint_body(note->text);
    REQUIRE(checkpoint);
    REQUIRE(checkpoint->size == size);
    roots[size] = checkpoint->root;
  }
  for (TreeSize size = 1; size <= 15; ++size) {
    const std::string hashes =
        test::shared_file(folder + "/" + tile_path({0, 0, size}));
    for (LeafIndex i = 0; i < size; ++i) {
      CAPTURE(size, i);
      Hash leaf;
      std::copy_n(hashes.begin() + static_cast<std::ptrdiff_t>(32 * i), 32,
                  leaf.begin());
      const auto proof = reader.run(reader->inclusion_proof(i, leaf, size));
      REQUIRE(proof);
      CHECK(verify_inclusion(leaf, i, size, *proof, roots[size]));
      const auto consistency =
          reader.run(reader->consistency_proof(i + 1, size));
      REQUIRE(consistency);
      CHECK(verify_consistency(i + 1, roots[i + 1], size, roots[size],
                               *consistency));
    }
  }
}

}  // namespace
}  // namespace ct::ctlog
