#include "ctlog/checkpoint.h"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <optional>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMaxNote = 1u << 20;
constexpr std::size_t kMaxSignatures = 64;
constexpr std::string_view kDash = "\u2014 ";

constexpr std::uint8_t kEd25519 = 0x01;
constexpr std::uint8_t kEd25519Cosignature = 0x04;
constexpr std::uint8_t kTreeHead = 0x05;
constexpr std::size_t kEd25519KeySize = 32;
constexpr std::uint64_t kMaxTime = std::numeric_limits<std::int64_t>::max();

using KeyId = std::array<std::uint8_t, 4>;

tl::unexpected<Error> bad_note(const char* what) {
  return fail(Errc::kMalformed, std::string("note: ") + what);
}
tl::unexpected<Error> bad_checkpoint(const char* what) {
  return fail(Errc::kMalformed, std::string("checkpoint: ") + what);
}
tl::unexpected<Error> bad_verifier(const char* what) {
  return fail(Errc::kMalformed, std::string("verifier key: ") + what);
}

// Takes a line, its newline included, off the front of `text`; gives it
// without. nullopt, and `text` as it was: no newline.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

// C2SP signed-note: not empty, no '+', no space of Unicode's.
bool is_key_name(std::string_view name) {
  constexpr std::string_view kSpaces[] = {
      " ",      "\u0085", "\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
      "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009",
      "\u200a", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"};
  return !name.empty() && name.find('+') == std::string_view::npos &&
         std::ranges::none_of(kSpaces, [&](std::string_view space) {
           return name.find(space) != std::string_view::npos;
         });
}

// "— name base64(key_id || signature)"
std::optional<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(kDash)) return std::nullopt;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view name = line.substr(0, space);
  const auto payload = from_base64(line.substr(space + 1));
  NoteSignature out;
  if (!is_key_name(name) || !payload || payload->size() <= out.key_id.size()) {
    return std::nullopt;
  }
  out.key_name = name;
  const auto body = payload->begin() + std::ssize(out.key_id);
  std::copy(payload->begin(), body, out.key_id.begin());
  out.signature.assign(body, payload->end());
  return out;
}

// Decimal, without sign or leading zeros, up to 2^63 - 1.
std::optional<TreeSize> parse_size(std::string_view text) {
  TreeSize size = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, size);
  if (error != std::errc() || stop != end || size > kMaxTime ||
      (text.size() > 1 && text[0] == '0')) {
    return std::nullopt;
  }
  return size;
}

// The first four bytes of SHA-256(name || 0A || type || key).
KeyId key_id_of(std::string_view name, std::uint8_t type, ByteView key) {
  Bytes input;
  put_bytes(input, as_bytes(name));
  input.push_back('\n');
  input.push_back(type);
  put_bytes(input, key);
  const Hash hash = sha256(input);
  KeyId id;
  std::copy_n(hash.begin(), id.size(), id.begin());
  return id;
}

// RFC6962NoteSignature of static-ct-api:
// struct { uint64 timestamp; digitally-signed struct signature; }
std::optional<SignedTreeHead> tree_head_of(const Checkpoint& checkpoint,
                                           const NoteSignature& signature) {
  ByteReader in(signature.signature);
  const auto timestamp = in.uint(8);
  if (!timestamp || *timestamp > kMaxTime) return std::nullopt;
  SignedTreeHead sth;
  sth.size = checkpoint.size;
  sth.timestamp = static_cast<Millis>(*timestamp);
  sth.root = checkpoint.root;
  sth.signature.assign(in.rest().begin(), in.rest().end());
  return sth;
}

bool ed25519_holds(ByteView key, ByteView message, ByteView signature) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(),
                                  key.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> ctx(
      EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return pkey && ctx &&
         EVP_DigestVerifyInit(ctx.get(), nullptr, nullptr, nullptr,
                              pkey.get()) == 1 &&
         EVP_DigestVerify(ctx.get(), signature.data(), signature.size(),
                          message.data(), message.size()) == 1;
}

// What the signature says of itself, if it holds: when it was made.
std::optional<Seconds> check_signature(const Note& note,
                                       const NoteVerifier& verifier,
                                       const NoteSignature& signature) {
  switch (verifier.type) {
    case kEd25519:
      if (!ed25519_holds(verifier.key, as_bytes(note.text),
                         signature.signature)) {
        return std::nullopt;
      }
      return 0;
    case kEd25519Cosignature: {
      // C2SP tlog-cosignature: uint64 timestamp, then the signature.
      ByteReader in(signature.signature);
      const auto time = in.uint(8);
      if (!time || *time > kMaxTime) return std::nullopt;
      const std::string message =
          "cosignature/v1\ntime " + std::to_string(*time) + "\n" + note.text;
      if (!ed25519_holds(verifier.key, as_bytes(message), in.rest())) {
        return std::nullopt;
      }
      return static_cast<Seconds>(*time);
    }
    case kTreeHead: {
      // Neither the origin nor extension lines are under this signature.
      const auto checkpoint = parse_checkpoint_body(note.text);
      if (!checkpoint || checkpoint->origin != verifier.name ||
          !checkpoint->extension_lines.empty()) {
        return std::nullopt;
      }
      const auto sth = tree_head_of(*checkpoint, signature);
      const auto key = LogKey::from_spki(verifier.key);
      if (!sth || !key || !verify_tree_head(*key, *sth)) return std::nullopt;
      return sth->timestamp / 1000;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Result<Note> parse_note(std::string_view note) {
  if (note.size() > kMaxNote) return bad_note("more than 1 MiB");
  if (!simdjson::validate_utf8(note.data(), note.size())) {
    return bad_note("not UTF-8");
  }
  const auto is_control = [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n';
  };
  if (std::ranges::any_of(note, is_control)) {
    return bad_note("a control character");
  }
  // The last blank line: the text itself may hold others.
  const std::size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos) return bad_note("no blank line");
  Note out;
  out.text = note.substr(0, blank + 1);
  std::string_view rest = note.substr(blank + 2);
  if (rest.empty()) return bad_note("no signature");
  while (!rest.empty()) {
    const auto line = take_line(rest);
    if (!line) return bad_note("no newline at its end");
    if (out.signatures.size() == kMaxSignatures) {
      return bad_note("more than 64 signatures");
    }
    auto signature = parse_signature_line(*line);
    if (!signature) return bad_note("a signature line that is none");
    out.signatures.push_back(std::move(*signature));
  }
  return out;
}

// C2SP tlog-checkpoint.
Result<Checkpoint> parse_checkpoint_body(std::string_view text) {
  const auto origin = take_line(text);
  if (!origin || origin->empty()) return bad_checkpoint("no origin line");
  const auto size_line = take_line(text);
  const auto size = size_line ? parse_size(*size_line) : std::nullopt;
  if (!size) {
    return bad_checkpoint("second line is no number from 0 to 2^63 - 1");
  }
  const auto root_line = take_line(text);
  const auto root = root_line ? from_base64(*root_line) : std::nullopt;
  if (!root || root->size() != sizeof(Hash)) {
    return bad_checkpoint("third line is not 32 bytes in base64");
  }
  Checkpoint out;
  out.origin = *origin;
  out.size = *size;
  std::copy(root->begin(), root->end(), out.root.begin());
  while (!text.empty()) {
    const auto line = take_line(text);
    if (!line) return bad_checkpoint("no newline at its end");
    if (line->empty()) return bad_checkpoint("an empty extension line");
    out.extension_lines.emplace_back(*line);
  }
  return out;
}

Result<SignedTreeHead> parse_static_checkpoint(std::string_view note,
                                               std::string_view origin,
                                               const LogKey& key) {
  const auto parsed = parse_note(note);
  if (!parsed) return tl::unexpected(parsed.error());
  const auto checkpoint = parse_checkpoint_body(parsed->text);
  if (!checkpoint) return tl::unexpected(checkpoint.error());
  if (checkpoint->origin != origin) {
    return fail(Errc::kMalformed, "checkpoint: its origin is not " +
                                      std::string(origin) + " but " +
                                      checkpoint->origin);
  }
  if (!checkpoint->extension_lines.empty()) {
    return bad_checkpoint("extension lines, which its signature cannot cover");
  }
  const KeyId id = key_id_of(origin, kTreeHead, key.log_id());
  for (const NoteSignature& signature : parsed->signatures) {
    if (signature.key_name != origin || signature.key_id != id) continue;
    auto sth = tree_head_of(*checkpoint, signature);
    if (!sth) return bad_checkpoint("the log's signature has no timestamp");
    sth->wire = note;
    return std::move(*sth);
  }
  return fail(Errc::kUntrusted,
              "checkpoint: not signed by the key of " + std::string(origin));
}

Result<NoteVerifier> parse_note_verifier(std::string_view vkey) {
  const std::size_t name_end = vkey.find('+');
  const std::size_t id_end = name_end == std::string_view::npos
                                 ? name_end
                                 : vkey.find('+', name_end + 1);
  if (id_end == std::string_view::npos) {
    return bad_verifier("not of the form name+id+key");
  }
  NoteVerifier out;
  out.name = vkey.substr(0, name_end);
  const auto id = from_hex(vkey.substr(name_end + 1, id_end - name_end - 1));
  const auto payload = from_base64(vkey.substr(id_end + 1));
  if (!simdjson::validate_utf8(out.name) || !is_key_name(out.name)) {
    return bad_verifier("a name that no key can have");
  }
  if (!id || id->size() != out.key_id.size()) {
    return bad_verifier("its id is not eight hexadecimal digits");
  }
  if (!payload || payload->empty()) {
    return bad_verifier("its key is not base64");
  }
  std::copy(id->begin(), id->end(), out.key_id.begin());
  out.type = payload->front();
  out.key.assign(payload->begin() + 1, payload->end());

  Bytes identity = out.key;
  switch (out.type) {
    case kEd25519:
    case kEd25519Cosignature:
      if (out.key.size() != kEd25519KeySize) {
        return bad_verifier("an Ed25519 key is 32 bytes long");
      }
      break;
    case kTreeHead: {
      const auto log = LogKey::from_spki(out.key);
      if (!log) return tl::unexpected(log.error());
      identity.assign(log->log_id().begin(), log->log_id().end());
      break;
    }
    default:
      return bad_verifier("of a type not known here");
  }
  if (key_id_of(out.name, out.type, identity) != out.key_id) {
    return bad_verifier("its id is not that of its name and key");
  }
  return out;
}

Result<Cosignature> verify_cosignature(const Note& note,
                                       const NoteVerifier& verifier) {
  std::optional<Cosignature> found;
  for (const NoteSignature& signature : note.signatures) {
    if (signature.key_name != verifier.name ||
        signature.key_id != verifier.key_id) {
      continue;
    }
    const auto time = check_signature(note, verifier, signature);
    if (!time) {
      return fail(Errc::kUntrusted,
                  "note: the signature of " + verifier.name + " does not hold");
    }
    if (!found) found = Cosignature{verifier.name, *time};
  }
  if (!found) {
    return fail(Errc::kGone, "note: not signed by " + verifier.name);
  }
  return std::move(*found);
}

}  // namespace ct::ctlog
