#include "ctlog/checkpoint.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/base64.h"
#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/reference_tree.h"
#include "tests/support/shared_data.h"
#include "tests/support/test_key.h"

namespace ct::ctlog {
namespace {

using test::TestKey;

const std::string kOrigin = "log.example/2027h1";
constexpr TreeSize kSize = 300;
constexpr Millis kTime = 1'767'139'200'000;

Hash some_root() {
  Hash root;
  root.fill(0x5a);
  return root;
}

std::string body() {
  return kOrigin + "\n300\n" + to_base64(some_root()) + "\n";
}

const TestKey& log_key() {
  static const TestKey key = TestKey::p256();
  return key;
}
const TestKey& witness_key() {
  static const TestKey key = TestKey::ed25519();
  return key;
}
LogKey log_verifier() { return LogKey::from_spki(log_key().spki()).value(); }

std::string good_checkpoint() {
  return test::static_checkpoint(log_key(), kOrigin, kSize, kTime, some_root());
}

template <class T>
void check_code(const Result<T>& r, Errc code) {
  REQUIRE_FALSE(r);
  CHECK(r.error().code == code);
}

// A signature line by a key nobody knows.
std::string unknown_line(const std::string& name = "witness.example") {
  return test::signature_line(name, Bytes{1, 2, 3, 4}, Bytes{9});
}

NoteVerifier verifier(const TestKey& key, const std::string& name,
                      std::uint8_t type) {
  return parse_note_verifier(test::verifier_key(key, name, type)).value();
}

std::string lines(const std::string& line, int n) {
  std::string out;
  while (n-- > 0) out += line;
  return out;
}

}  // namespace

TEST_CASE("a note is split at its last blank line", "[ctlog][checkpoint]") {
  const auto note = parse_note("one\n\ntwo\n\n" + unknown_line());
  REQUIRE(note);
  CHECK(note->text == "one\n\ntwo\n");
  REQUIRE(note->signatures.size() == 1);
  CHECK(note->signatures[0].key_name == "witness.example");
  CHECK(note->signatures[0].key_id == std::array<std::uint8_t, 4>{1, 2, 3, 4});
  CHECK(note->signatures[0].signature == Bytes{9});
}

TEST_CASE("a note may carry as many signatures as witnesses add",
          "[ctlog][checkpoint]") {
  CHECK(parse_note("text\n\n" + lines(unknown_line(), 16)));
  CHECK(parse_note("text\n\n" + lines(unknown_line(), 64)));
  check_code(parse_note("text\n\n" + lines(unknown_line(), 65)),
             Errc::kMalformed);
}

TEST_CASE("what is no note is malformed", "[ctlog][checkpoint]") {
  const std::string good = unknown_line();
  for (const std::string& note : {
           std::string(),
           std::string("\n"),
           std::string("\n\n"),
           std::string("text\n\n"),
           "text\n" + good,
           good,
           "te\x01xt\n\n" + good,
           "te\txt\n\n" + good,
           "te\r\nxt\n\n" + good,
           "te\xffxt\n\n" + good,
           "text\n\n" + good + "more\n",
           "text\n\n" + good.substr(0, good.size() - 1),
           std::string("text\n\n- name AQIDBAk=\n"),
           std::string("text\n\n\u2014 name\n"),
           std::string("text\n\n\u2014  AQIDBAk=\n"),
           std::string("text\n\n\u2014 na me AQIDBAk=\n"),
           std::string("text\n\n\u2014 na+me AQIDBAk=\n"),
           std::string("text\n\n\u2014 na\u2003me AQIDBAk=\n"),
           std::string("text\n\n\u2014 name AQIDBAk\n"),
           std::string("text\n\n\u2014 name AQIDBA==\n"),
           std::string("text\n\n\u2014 name !\n"),
           std::string("te\0xt\n\n", 8) + good,
       }) {
    CAPTURE(note);
    check_code(parse_note(note), Errc::kMalformed);
  }
  const std::string tail = "\n\n" + good;
  CHECK(parse_note(std::string((1u << 20) - tail.size(), 'a') + tail));
  check_code(parse_note(std::string((1u << 20) - tail.size() + 1, 'a') + tail),
             Errc::kMalformed);
}

TEST_CASE("a note cut short is malformed or loses whole signatures",
          "[ctlog][checkpoint]") {
  const std::string note = "text\n\n" + unknown_line() + unknown_line("other");
  const std::size_t first = std::string("text\n\n" + unknown_line()).size();
  for (std::size_t n = 0; n < note.size(); ++n) {
    CAPTURE(n);
    const auto r = parse_note(std::string_view(note).substr(0, n));
    CHECK(r.has_value() == (n == first));
  }
}

TEST_CASE("a checkpoint's body is read line by line", "[ctlog][checkpoint]") {
  const auto plain = parse_checkpoint_body(body());
  REQUIRE(plain);
  CHECK(plain->origin == kOrigin);
  CHECK(plain->size == kSize);
  CHECK(plain->root == some_root());
  CHECK(plain->extension_lines.empty());
  const auto extended = parse_checkpoint_body(body() + "one\ntwo two\n");
  REQUIRE(extended);
  CHECK(extended->extension_lines ==
        std::vector<std::string>{"one", "two two"});
}

TEST_CASE("a checkpoint's size has one spelling", "[ctlog][checkpoint]") {
  const auto with_size = [](const std::string& size) {
    return parse_checkpoint_body("o\n" + size + "\n" + to_base64(some_root()) +
                                 "\n");
  };
  CHECK(with_size("0")->size == 0);
  CHECK(with_size("9223372036854775807")->size == (TreeSize{1} << 63) - 1);
  for (const char* size : {"", "00", "01", "+1", "-1", " 1", "1 ", "0x1", "1.0",
                           "9223372036854775808", "18446744073709551616"}) {
    CAPTURE(size);
    check_code(with_size(size), Errc::kMalformed);
  }
}

TEST_CASE("a body cut short or with empty lines is malformed",
          "[ctlog][checkpoint]") {
  const std::string text = body();
  for (std::size_t n = 0; n < text.size(); ++n) {
    CAPTURE(n);
    check_code(parse_checkpoint_body(std::string_view(text).substr(0, n)),
               Errc::kMalformed);
  }
  check_code(parse_checkpoint_body("\n" + text), Errc::kMalformed);
  check_code(parse_checkpoint_body(text + "\n"), Errc::kMalformed);
  check_code(parse_checkpoint_body(text + "ext\n\n"), Errc::kMalformed);
  check_code(parse_checkpoint_body(text + "ext"), Errc::kMalformed);
  check_code(parse_checkpoint_body("o\n1\nAAAA\n"), Errc::kMalformed);
}

TEST_CASE("a Static CT checkpoint carries what a get-sth reply does",
          "[ctlog][checkpoint]") {
  for (const TestKey& key : {log_key(), TestKey::rsa(2048)}) {
    const auto log = LogKey::from_spki(key.spki()).value();
    const std::string note =
        test::static_checkpoint(key, kOrigin, kSize, kTime, some_root());
    const auto sth = parse_static_checkpoint(note, kOrigin, log);
    REQUIRE(sth);
    CHECK(sth->size == kSize);
    CHECK(sth->timestamp == kTime);
    CHECK(sth->root == some_root());
    CHECK(sth->wire == note);
    CHECK(verify_tree_head(log, *sth));
    // The very same signature as over JSON.
    const auto same =
        parse_sth(test::sth_json(key, kSize, kTime, some_root())).value();
    CHECK(verify_tree_head(log, same));
  }
}

TEST_CASE("signatures of unknown keys are skipped", "[ctlog][checkpoint]") {
  const std::string good = good_checkpoint();
  const std::size_t lines_at = good.find("\n\n") + 2;
  std::string note =
      good.substr(0, lines_at) + unknown_line() + unknown_line(kOrigin) +
      good.substr(lines_at) + test::note_line(witness_key(), kOrigin, body()) +
      test::cosignature_line(witness_key(), "w.example", kTime / 1000, body());
  const auto sth = parse_static_checkpoint(note, kOrigin, log_verifier());
  REQUIRE(sth);
  CHECK(verify_tree_head(log_verifier(), *sth));
}

TEST_CASE("a checkpoint is its own log's only", "[ctlog][checkpoint]") {
  const std::string good = good_checkpoint();
  check_code(
      parse_static_checkpoint(good, "log.example/2027h2", log_verifier()),
      Errc::kMalformed);
  check_code(
      parse_static_checkpoint(
          good, kOrigin, LogKey::from_spki(TestKey::p256().spki()).value()),
      Errc::kUntrusted);
  check_code(parse_static_checkpoint(body() + "\n" + unknown_line(kOrigin),
                                     kOrigin, log_verifier()),
             Errc::kUntrusted);
  // The right key under another name.
  Bytes signature(8);
  put_bytes(signature, log_key().digitally_sign({}));
  check_code(
      parse_static_checkpoint(
          body() + "\n" +
              test::signature_line(
                  "other.example",
                  test::note_key_id(kOrigin, 5, log_key().log_id()), signature),
          kOrigin, log_verifier()),
      Errc::kUntrusted);
}

TEST_CASE("extension lines are refused where no signature covers them",
          "[ctlog][checkpoint]") {
  std::string note = good_checkpoint();
  note.insert(note.find("\n\n") + 1, "extension\n");
  check_code(parse_static_checkpoint(note, kOrigin, log_verifier()),
             Errc::kMalformed);
}

TEST_CASE("a log's note signature that breaks its form is refused",
          "[ctlog][checkpoint]") {
  const auto id = test::note_key_id(kOrigin, 5, log_key().log_id());
  const auto with = [&](const Bytes& signature) {
    return parse_static_checkpoint(
        body() + "\n" + test::signature_line(kOrigin, id, signature), kOrigin,
        log_verifier());
  };
  for (std::size_t n = 1; n < 8; ++n) {
    check_code(with(Bytes(n)), Errc::kMalformed);
  }
  check_code(with(Bytes(8, 0xff)), Errc::kMalformed);  // no such time
  const auto bare = with(Bytes(8));
  REQUIRE(bare);
  check_code(verify_tree_head(log_verifier(), *bare), Errc::kMalformed);
}

TEST_CASE("verifier keys of all three types are read", "[ctlog][checkpoint]") {
  const auto note = parse_note_verifier(
      "example.com/foo+530d903a+"
      "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  REQUIRE(note);
  CHECK(note->name == "example.com/foo");
  CHECK(note->type == 1);
  CHECK(to_hex(note->key_id) == "530d903a");
  CHECK(note->key.size() == 32);
  const auto witness = parse_note_verifier(
      "witness.example.org+b8a2cf20+"
      "BFLN3yikSfFkVAJtrnh/CiY3Zozkoy7clp+P7XB28qUN");
  REQUIRE(witness);
  CHECK(witness->type == 4);
  const auto log =
      parse_note_verifier(test::verifier_key(log_key(), kOrigin, 5));
  REQUIRE(log);
  CHECK(log->type == 5);
  CHECK(log->key == log_key().spki());
}

TEST_CASE("a verifier key that does not fit its id is refused",
          "[ctlog][checkpoint]") {
  const std::string good = test::verifier_key(witness_key(), "w.example", 4);
  for (std::size_t n = 0; n < good.size(); ++n) {
    CAPTURE(n);
    check_code(parse_note_verifier(good.substr(0, n)), Errc::kMalformed);
  }
  check_code(parse_note_verifier(good + "A"), Errc::kMalformed);
  check_code(parse_note_verifier("x" + good), Errc::kMalformed);
  check_code(parse_note_verifier("w example" + good.substr(9)),
             Errc::kMalformed);
  check_code(parse_note_verifier(good.substr(9)), Errc::kMalformed);
  // Keys of another length, with ids that would fit.
  for (const std::size_t size : {0u, 31u, 33u}) {
    const Bytes key(size, 7);
    Bytes payload{1};
    put_bytes(payload, key);
    check_code(
        parse_note_verifier("w.example+" +
                            to_hex(test::note_key_id("w.example", 1, key)) +
                            "+" + to_base64(payload)),
        Errc::kMalformed);
  }
  // Types nobody gave us a verifier for, with ids that would fit.
  for (const std::uint8_t type : {0, 2, 6, 0xff}) {
    CAPTURE(int(type));
    check_code(parse_note_verifier(
                   test::verifier_key(witness_key(), "w.example", type)),
               Errc::kMalformed);
  }
}

TEST_CASE("witnesses' signatures are found by name and key and checked",
          "[ctlog][checkpoint]") {
  const std::string text =
      body() + "\n" + test::note_line(witness_key(), kOrigin, body()) +
      test::cosignature_line(witness_key(), "w.example", 1'767'139'201, body());
  const auto note = parse_note(text).value();

  const auto plain =
      verify_cosignature(note, verifier(witness_key(), kOrigin, 1));
  REQUIRE(plain);
  CHECK(plain->timestamp == 0);
  const auto cosigned =
      verify_cosignature(note, verifier(witness_key(), "w.example", 4));
  REQUIRE(cosigned);
  CHECK(cosigned->name == "w.example");
  CHECK(cosigned->timestamp == 1'767'139'201);

  check_code(verify_cosignature(note, verifier(witness_key(), "w.example", 1)),
             Errc::kGone);
  check_code(verify_cosignature(note, verifier(witness_key(), "x.example", 4)),
             Errc::kGone);
  check_code(
      verify_cosignature(note, verifier(TestKey::ed25519(), "w.example", 4)),
      Errc::kGone);

  std::string changed = text;
  changed.replace(changed.find("300"), 3, "301");
  const auto bad = parse_note(changed).value();
  check_code(verify_cosignature(bad, verifier(witness_key(), kOrigin, 1)),
             Errc::kUntrusted);
  check_code(verify_cosignature(bad, verifier(witness_key(), "w.example", 4)),
             Errc::kUntrusted);
}

TEST_CASE("one failing signature among several by a key refuses the note",
          "[ctlog][checkpoint]") {
  const std::string line = test::note_line(witness_key(), "w.example", body());
  const auto id = test::note_key_id("w.example", 1, witness_key().raw_public());
  const std::string bad = test::signature_line("w.example", id, Bytes(64, 1));
  const auto key = verifier(witness_key(), "w.example", 1);
  CHECK(
      verify_cosignature(parse_note(body() + "\n" + line + line).value(), key));
  check_code(
      verify_cosignature(parse_note(body() + "\n" + line + bad).value(), key),
      Errc::kUntrusted);
  check_code(
      verify_cosignature(parse_note(body() + "\n" + bad + line).value(), key),
      Errc::kUntrusted);
}

TEST_CASE("a cosignature is bound to its time and its length",
          "[ctlog][checkpoint]") {
  const auto id = test::note_key_id("w.example", 4, witness_key().raw_public());
  const auto key = verifier(witness_key(), "w.example", 4);
  const auto with = [&](std::uint64_t said, std::uint64_t signed_time,
                        std::size_t cut) {
    const std::string message =
        "cosignature/v1\ntime " + std::to_string(signed_time) + "\n" + body();
    Bytes payload;
    put_uint(payload, said, 8);
    put_bytes(payload, witness_key().sign(as_bytes(message)));
    payload.resize(payload.size() - cut);
    return verify_cosignature(
        parse_note(body() + "\n" +
                   test::signature_line("w.example", id, payload))
            .value(),
        key);
  };
  CHECK(with(5, 5, 0));
  check_code(with(6, 5, 0), Errc::kUntrusted);
  for (std::size_t cut = 1; cut < 72; ++cut) {
    check_code(with(5, 5, cut), Errc::kUntrusted);
  }
  const std::uint64_t latest = (std::uint64_t{1} << 63) - 1;
  CHECK(with(latest, latest, 0));
  check_code(with(latest + 1, latest + 1, 0), Errc::kUntrusted);
}

TEST_CASE("a log is a verifier like any other", "[ctlog][checkpoint]") {
  const auto key = verifier(log_key(), kOrigin, 5);
  const auto good =
      verify_cosignature(parse_note(good_checkpoint()).value(), key);
  REQUIRE(good);
  CHECK(good->timestamp == kTime / 1000);
  std::string changed = good_checkpoint();
  changed.replace(changed.find("300"), 3, "301");
  check_code(verify_cosignature(parse_note(changed).value(), key),
             Errc::kUntrusted);
  // Its signature covers neither of these.
  changed = good_checkpoint();
  changed.insert(changed.find("\n\n") + 1, "extension\n");
  check_code(verify_cosignature(parse_note(changed).value(), key),
             Errc::kUntrusted);
  check_code(
      verify_cosignature(parse_note("x" + good_checkpoint()).value(), key),
      Errc::kUntrusted);
}

namespace {

LogKey key_of(std::string_view spki_base64) {
  return LogKey::from_spki(from_base64(spki_base64).value()).value();
}

struct Keys {
  std::vector<NoteVerifier> verifiers;
  std::vector<LogKey> logs;
};

Keys read_keys(const std::string& text) {
  Keys keys;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("vkey ")) {
      keys.verifiers.push_back(parse_note_verifier(line.substr(5)).value());
    } else if (line.starts_with("rfc6962 spki-base64 ")) {
      keys.logs.push_back(key_of(line.substr(20)));
    }
  }
  return keys;
}

}  // namespace

TEST_CASE("recorded checkpoints hold", "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  std::size_t logs = 0;
  std::size_t verifiers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           test::shared_path("notes/checkpoints"))) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".keys.txt")) continue;
    CAPTURE(name);
    const std::string text = test::read_file(entry.path());
    const Keys keys = read_keys(test::shared_file(
        "notes/checkpoints/" + entry.path().stem().string() + ".keys.txt"));
    const auto note = parse_note(text);
    REQUIRE(note);
    REQUIRE(parse_checkpoint_body(note->text));
    const std::string origin = text.substr(0, text.find('\n'));
    for (const LogKey& log : keys.logs) {
      const auto sth = parse_static_checkpoint(text, origin, log);
      REQUIRE(sth);
      const bool holds = name.find("not-verifying") == std::string::npos;
      CHECK(verify_tree_head(log, *sth).has_value() == holds);
      ++logs;
    }
    for (const NoteVerifier& v : keys.verifiers) {
      CAPTURE(v.name);
      CHECK(verify_cosignature(*note, v));
      Note changed = *note;
      changed.text[changed.text.size() / 2] ^= 1;
      check_code(verify_cosignature(changed, v), Errc::kUntrusted);
      ++verifiers;
    }
  }
  CHECK(logs == 4);
  CHECK(verifiers == 7);
}

TEST_CASE("recorded notes of real devices hold", "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  std::size_t notes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(
           test::shared_path("notes/armored-witness"))) {
    const auto& path = entry.path();
    if (!entry.is_regular_file() || path.extension() == ".pub") continue;
    CAPTURE(path.string());
    const std::string device = path.filename().string().substr(0, 16);
    std::string vkey = test::read_file(path.parent_path() / (device + ".pub"));
    while (!vkey.empty() && vkey.back() <= ' ') vkey.pop_back();
    const auto key = parse_note_verifier(vkey);
    REQUIRE(key);
    const auto note = parse_note(test::read_file(path));
    REQUIRE(note);
    CHECK(verify_cosignature(*note, *key));
    ++notes;
  }
  CHECK(notes == 29);
}

TEST_CASE("another implementation's note vectors are judged alike",
          "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  const auto file = [](const std::string& name) {
    return test::shared_file("notes/golang-note/" + name);
  };
  std::string vkey = file("vkey.txt");
  vkey.erase(vkey.find_last_not_of("\r\n") + 1);
  const auto key = parse_note_verifier(vkey).value();
  CHECK(verify_cosignature(parse_note(file("ok-one.txt")).value(), key));
  CHECK(verify_cosignature(parse_note(file("ok-unknown-extra.txt")).value(),
                           key));
  check_code(
      verify_cosignature(parse_note(file("bad-signature.txt")).value(), key),
      Errc::kUntrusted);

  std::istringstream bad_keys(file("bad-vkeys.txt"));
  std::size_t bad = 0;
  for (std::string line; std::getline(bad_keys, line); ++bad) {
    check_code(parse_note_verifier(line), Errc::kMalformed);
  }
  CHECK(bad == 2);
  std::size_t malformed = 0;
  for (const auto& entry : std::filesystem::directory_iterator(
           test::shared_path("notes/golang-note/malformed"))) {
    CAPTURE(entry.path().string());
    check_code(parse_note(test::read_file(entry.path())), Errc::kMalformed);
    ++malformed;
  }
  CHECK(malformed == 8);

  const Keys c2sp =
      read_keys(test::shared_file("notes/c2sp-signed-note.keys.txt"));
  const auto note = parse_note(test::shared_file("notes/c2sp-signed-note.txt"));
  REQUIRE(note);
  REQUIRE(c2sp.verifiers.size() == 1);
  CHECK(verify_cosignature(*note, c2sp.verifiers[0]));
}

TEST_CASE("a recorded log verifier key is that of its checkpoint",
          "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  std::string vkey = test::shared_file("logs/argon2024/verifier.txt");
  vkey.erase(vkey.find_last_not_of("\r\n") + 1);
  const auto key = parse_note_verifier(vkey);
  REQUIRE(key);
  CHECK(key->type == 5);
  const auto note =
      parse_note(test::shared_file("notes/checkpoints/rome2024h1.txt"));
  REQUIRE(note);
  CHECK(verify_cosignature(*note, *key));
}

TEST_CASE("a recorded tree's checkpoints are the roots of its tiles",
          "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  const std::string log = "static/tessera-testlog/";
  std::string vkey = test::shared_file(log + "vkey.txt");
  vkey.erase(vkey.find_last_not_of("\r\n") + 1);
  const auto key = parse_note_verifier(vkey).value();
  for (TreeSize size = 0; size <= 15; ++size) {
    CAPTURE(size);
    const auto note = parse_note(
        test::shared_file(log + "checkpoint." + std::to_string(size)));
    REQUIRE(note);
    CHECK(verify_cosignature(*note, key));
    const auto checkpoint = parse_checkpoint_body(note->text);
    REQUIRE(checkpoint);
    REQUIRE(checkpoint->size == size);
    std::vector<Hash> leaves;
    if (size > 0) {
      const std::string tile =
          test::shared_file(log + "tile/0/000.p/" + std::to_string(size));
      ByteReader in(as_bytes(tile));
      while (const auto hash = in.hash()) leaves.push_back(*hash);
    }
    REQUIRE(leaves.size() == size);
    CHECK(test::ReferenceTree(leaves).root() == checkpoint->root);
  }
  const auto latest = parse_note(test::shared_file(log + "checkpoint"));
  REQUIRE(latest);
  CHECK(verify_cosignature(*latest, key));
}

TEST_CASE("another log server's sample checkpoint holds",
          "[ctlog][checkpoint]") {
  if (!test::have_shared_data()) return;
  const std::string tree = "static/skylight-sample/tree/";
  const auto meta =
      nlohmann::json::parse(test::shared_file(tree + "log.v3.json"));
  const LogKey key = key_of(meta["key"].get<std::string>());
  const std::string note = test::shared_file(tree + "checkpoint");
  const auto sth =
      parse_static_checkpoint(note, note.substr(0, note.find('\n')), key);
  REQUIRE(sth);
  CHECK(sth->size == 300);
  CHECK(sth->timestamp == kTime);
  CHECK(verify_tree_head(key, *sth));
}

}  // namespace ct::ctlog
