// Writes the seeds of the ctlog fuzz targets: make_ctlog_seeds CORPUS-FOLDER.
//
// The log's key is made anew; put the SubjectPublicKeyInfo that is printed
// into checkpoint_fuzz.cc.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/base64.h"
#include "ctlog/leaf.h"
#include "ctlog/merkle.h"
#include "tests/support/test_key.h"

namespace {

using namespace ct;
using namespace ct::ctlog;

std::filesystem::path corpus;

void write(const char* target, const char* name, ByteView content) {
  std::filesystem::create_directories(corpus / target);
  std::ofstream out(corpus / target / name, std::ios::binary);
  out << as_text(content);
}
void write(const char* target, const char* name, const std::string& content) {
  write(target, name, as_bytes(content));
}

Bytes some_leaf(EntryType type, LeafIndex index, bool extended) {
  const Bytes certificate(24, 0x30);
  const Bytes extensions = encode_leaf_index_extension(index);
  Leaf leaf;
  leaf.timestamp = static_cast<Millis>(1'767'139'200'000 + index);
  leaf.type = type;
  leaf.issuer_key_hash.fill(0x77);
  leaf.certificate = certificate;
  if (extended) leaf.extensions = extensions;
  return encode_leaf(leaf);
}

Bytes tile_leaf(EntryType type, LeafIndex index) {
  const Bytes leaf = some_leaf(type, index, true);
  Bytes out(leaf.begin() + 2, leaf.end());
  if (type == EntryType::kPrecert) {
    put_uint(out, 6, 3);
    put_bytes(out, as_bytes("poison"));
  }
  const Bytes chain(32 * (index % 3), 0x11);
  put_uint(out, chain.size(), 2);
  put_bytes(out, chain);
  return out;
}

void leaves_and_tiles() {
  write("leaf", "x509", some_leaf(EntryType::kX509, 0, false));
  write("leaf", "precert", some_leaf(EntryType::kPrecert, 1, true));
  const Bytes certificate(10, 0x30);
  ExtraData extra;
  extra.precertificate = certificate;
  extra.chain = {certificate, certificate};
  write("leaf", "x509_extra_data", encode_extra_data(EntryType::kX509, extra));
  write("leaf", "precert_extra_data",
        encode_extra_data(EntryType::kPrecert, extra));

  for (const std::uint8_t width : {1, 2, 7}) {
    Bytes tile{std::uint8_t(width - 1)};
    for (LeafIndex i = 0; i < width; ++i) {
      put_bytes(tile,
                tile_leaf(i % 2 ? EntryType::kX509 : EntryType::kPrecert, i));
    }
    write("tile", ("width_" + std::to_string(width)).c_str(), tile);
  }
}

void scts(const test::TestKey& log) {
  const Bytes sct =
      test::sct_over(log, some_leaf(EntryType::kPrecert, 1, true),
                     1'767'139'200'001, encode_leaf_index_extension(1));
  write("sct_list", "one_sct", sct);
  Bytes members;
  for (int i = 0; i < 2; ++i) {
    put_uint(members, sct.size(), 2);
    put_bytes(members, sct);
  }
  Bytes list;
  put_uint(list, members.size(), 2);
  put_bytes(list, members);
  write("sct_list", "two", list);
  list[4] = 1;  // the first one's version
  write("sct_list", "one_of_the_future", list);
}

void heads(const test::TestKey& log) {
  Hash root;
  root.fill(0xfb);
  const Millis time = 1'767'139'200'000;
  std::string json = test::sth_json(log, 300, time, root);
  write("sth_json", "plain", json);
  for (std::size_t at = json.find('/'); at != std::string::npos;
       at = json.find('/', at + 2)) {
    json.insert(at, 1, '\\');
  }
  write("sth_json", "escaped", "{\"x\":[1,-2.5e3,null]," + json.substr(1));

  const std::string origin = "log.example/2027h1";
  const std::string checkpoint =
      test::static_checkpoint(log, origin, 300, time, root);
  write("checkpoint", "static", checkpoint);
  write("checkpoint", "empty_tree",
        test::static_checkpoint(log, origin, 0, time, empty_root()));
  const std::string text = checkpoint.substr(0, checkpoint.find("\n\n") + 1);
  const auto witness = test::TestKey::ed25519();
  write("checkpoint", "cosigned",
        checkpoint + test::note_line(witness, origin, text) +
            test::cosignature_line(witness, "w.example", time / 1000, text));
  write("checkpoint", "body", text);
  write("checkpoint", "extended_body", text + "extension\n");
  write("checkpoint", "log_verifier", test::verifier_key(log, origin, 5));
  write("checkpoint", "witness_verifier",
        test::verifier_key(witness, "w.example", 4));
}

std::string entry_json(EntryType type, LeafIndex index) {
  ExtraData extra;
  const Bytes certificate(10, 0x30);
  extra.precertificate = certificate;
  extra.chain = {certificate};
  return "{\"leaf_input\":\"" + to_base64(some_leaf(type, index, false)) +
         "\",\"extra_data\":\"" + to_base64(encode_extra_data(type, extra)) +
         "\"}";
}

void entries() {
  const std::string json = "{\"entries\":[" + entry_json(EntryType::kX509, 1) +
                           "," + entry_json(EntryType::kPrecert, 2) + "]}";
  write("get_entries_json", "plain", json);
  write(
      "get_entries_json", "escaped",
      std::string(R"( {"x":{"entries":7},"entries":[{"extra_data":"\/\u002b8=",
"leaf_input":"\u0059Q==","y":[]}],"z":null} )"));
  write("get_entries_json", "none", std::string(R"({"entries":null})"));
}

std::string log_json(const test::TestKey& log, const std::string& more) {
  return R"({"description":"a log","log_id":")" + to_base64(log.log_id()) +
         R"(","key":")" + to_base64(log.spki()) + R"(","mmd":86400,)" + more +
         "}";
}

void log_lists() {
  const std::string interval =
      R"("temporal_interval":{"start_inclusive":"2027-01-01T00:00:00Z",)"
      R"("end_exclusive":"2027-07-01T00:00:00Z"})";
  const std::string v3 =
      R"({"version":"1.2","log_list_timestamp":"2027-01-02T03:04:05Z",)"
      R"("operators":[{"name":"An operator","email":[],"logs":[)" +
      log_json(test::TestKey::p256(),
               R"("url":"https://a.example/","state":{"readonly":{)"
               R"("timestamp":"2027-01-01T00:00:00Z","final_tree_head":{)"
               R"("sha256_root_hash":")" +
                   to_base64(empty_root()) + R"(","tree_size":0}}},)" +
                   interval) +
      R"(],"tiled_logs":[)" +
      log_json(test::TestKey::p256(),
               R"("submission_url":"https://b.example",)"
               R"("monitoring_url":"http://c.example/x/","log_type":"test",)"
               R"("previous_operators":[{"name":"Another",)"
               R"("end_time":"2026-01-01T00:00:00Z"}])") +
      "]}]}";
  write("log_list_json", "v3", v3);
  write("log_list_json", "operator_map",
        "{\"An operator\":[" +
            log_json(test::TestKey::p256(), R"("url":"a.example/ct")") + "]}");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_ctlog_seeds CORPUS-FOLDER\n");
    return 2;
  }
  corpus = argv[1];
  const auto log = test::TestKey::p256();
  leaves_and_tiles();
  scts(log);
  heads(log);
  entries();
  log_lists();
  std::printf("%s\n", to_base64(log.spki()).c_str());
  return 0;
}
