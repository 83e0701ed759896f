#include <algorithm>
#include <string>

#include "base/base64.h"
#include "base/hex.h"
#include "ctlog/checkpoint.h"
#include "tests/fuzz/require.h"

using namespace ct::ctlog;
using ct::fuzz::require;

namespace {

// The log whose checkpoints the seeds hold (make_ctlog_seeds.cc).
const LogKey& log_key() {
  static const LogKey key =
      LogKey::from_spki(
          ct::from_base64(
              "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZ60ranwQrzVwwbB9ml8IlsDWTt/"
              "KB24IfsGT+GIa1p/08CibbVRyxaUI/Q2/SUzHEYGfo2vhWlwfqQgNlrXPtg==")
              .value())
          .value();
  return key;
}
constexpr const char* kOrigin = "log.example/2027h1";

std::string written(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& s : note.signatures) {
    ct::Bytes payload(s.key_id.begin(), s.key_id.end());
    ct::put_bytes(payload, s.signature);
    out += "\u2014 " + s.key_name + " " + ct::to_base64(payload) + "\n";
  }
  return out;
}

std::string written(const Checkpoint& checkpoint) {
  std::string out = checkpoint.origin + "\n" + std::to_string(checkpoint.size) +
                    "\n" + ct::to_base64(checkpoint.root) + "\n";
  for (const std::string& line : checkpoint.extension_lines) out += line + "\n";
  return out;
}

std::string written(const NoteVerifier& verifier) {
  ct::Bytes payload{verifier.type};
  ct::put_bytes(payload, verifier.key);
  return verifier.name + "+" + ct::to_hex(verifier.key_id) + "+" +
         ct::to_base64(payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const std::string_view in = ct::as_text({data, n});
  // Each form has one spelling, so what was read can be written back.
  if (const auto note = parse_note(in)) {
    require(written(*note) == in);
    if (const auto checkpoint = parse_checkpoint_body(note->text)) {
      require(written(*checkpoint) == note->text);
    }
  }
  if (const auto checkpoint = parse_checkpoint_body(in)) {
    require(written(*checkpoint) == in);
  }
  if (const auto verifier = parse_note_verifier(in)) {
    // But for the case of the id's digits.
    const auto lower = [](char c) { return c >= 'A' && c <= 'F' ? c | 32 : c; };
    require(std::ranges::equal(written(*verifier), in, {}, lower, lower));
  }
  if (const auto sth = parse_static_checkpoint(in, kOrigin, log_key())) {
    require(parse_note(in).has_value() && sth->wire == in);
    // Whatever the fuzzer does, it has no private key: the size, root and time
    // of a head that verifies are among those the seeds' log signed.
    if (verify_tree_head(log_key(), *sth)) {
      require(sth->size == 300 || sth->size == 0);
    }
  }
  return 0;
}
