// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint,
// static-ct-api, tlog-cosignature).
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ctlog/tree_head.h"

namespace ct::ctlog {

struct NoteSignature {
  std::string key_name;
  std::array<std::uint8_t, 4> key_id;
  Bytes signature;  // what follows the key id
};

// A note as it came, nothing checked. kMalformed: not UTF-8, control
// characters, no blank line, no signature, more than 64 signature lines, more
// than 1 MiB.
struct Note {
  std::string text;  // what is signed, final newline included
  std::vector<NoteSignature> signatures;
};
[[nodiscard]] Result<Note> parse_note(std::string_view note);

// The three body lines of a checkpoint, and whatever lines follow them.
struct Checkpoint {
  std::string origin;
  TreeSize size = 0;
  Hash root{};
  std::vector<std::string> extension_lines;
};
[[nodiscard]] Result<Checkpoint> parse_checkpoint_body(std::string_view text);

// Takes the RFC6962NoteSignature (type 0x05) of the log `key` out of a
// checkpoint and gives the same facts as a get-sth reply. Signatures of
// unknown keys are skipped. `origin` is the log's submission prefix without
// scheme and trailing slash; the note must name it, in its first line and as
// the key name.
//
// kMalformed: no note, no checkpoint, extension lines (this signature type
//   cannot cover them), another origin
// kUntrusted: no signature by that log's key id
// The signature itself is not checked here: verify_tree_head does.
[[nodiscard]] Result<SignedTreeHead> parse_static_checkpoint(
    std::string_view note, std::string_view origin, const LogKey& key);

// A verifier key in C2SP form, `name+hex8+base64(type || key)`, of type 0x01
// (Ed25519), 0x04 (Ed25519 cosignature) or 0x05 (an RFC 6962 log: `key` is its
// SubjectPublicKeyInfo, while its key id is made from its log id).
struct NoteVerifier {
  std::string name;
  std::array<std::uint8_t, 4> key_id;
  std::uint8_t type = 0;
  Bytes key;
};
// kMalformed: another form or type, or a key id that is not the key's.
[[nodiscard]] Result<NoteVerifier> parse_note_verifier(std::string_view vkey);

// A signature of `verifier` on the note, found by name and key id and checked.
struct Cosignature {
  std::string name;
  Seconds timestamp = 0;  // 0 for type 0x01, which carries none
};
// kGone: the verifier did not sign this note. kUntrusted: it is there and
// does not hold, so the note as a whole must be refused; of several by the
// same key every one must hold.
[[nodiscard]] Result<Cosignature> verify_cosignature(
    const Note& note, const NoteVerifier& verifier);

}  // namespace ct::ctlog
