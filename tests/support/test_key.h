// Keys of logs and witnesses that exist only in tests, and what they sign.
//
// Signs with libcrypto, so that what mbedTLS verifies in the program was not
// made by mbedTLS.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/time.h"

struct evp_pkey_st;

namespace ct::test {

class TestKey {
 public:
  [[nodiscard]] static TestKey p256();
  [[nodiscard]] static TestKey ec(const char* curve);  // "P-384" …
  [[nodiscard]] static TestKey rsa(unsigned bits);
  [[nodiscard]] static TestKey ed25519();

  [[nodiscard]] Bytes spki() const;
  [[nodiscard]] Hash log_id() const;       // SHA-256 of spki()
  [[nodiscard]] Bytes raw_public() const;  // Ed25519: 32 bytes
  // PKCS#8, PEM: to hand the key to a program under test.
  [[nodiscard]] std::string private_pem() const;

  // The bare signature, over SHA-256 except for Ed25519.
  [[nodiscard]] Bytes sign(ByteView message) const;
  // TLS's digitally-signed struct: what RFC 6962 logs make.
  [[nodiscard]] Bytes digitally_sign(ByteView message) const;

 private:
  explicit TestKey(evp_pkey_st* key);
  std::shared_ptr<evp_pkey_st> key_;
};

// Keys are slow to make; every test of a process may use the same.
[[nodiscard]] const TestKey& p256();
[[nodiscard]] const TestKey& rsa2048();

// A get-sth reply.
[[nodiscard]] std::string sth_json(const TestKey& log, std::uint64_t size,
                                   Millis timestamp, const Hash& root);

// A Static CT checkpoint, signed by `log` with an RFC6962NoteSignature.
[[nodiscard]] std::string static_checkpoint(const TestKey& log,
                                            const std::string& origin,
                                            std::uint64_t size,
                                            Millis timestamp, const Hash& root);

// "— name base64(key_id || signature)\n".
[[nodiscard]] std::string signature_line(const std::string& name,
                                         ByteView key_id, ByteView signature);
// The first four bytes of SHA-256(name || 0A || type || key).
[[nodiscard]] Bytes note_key_id(const std::string& name, std::uint8_t type,
                                ByteView key);
// A note's signature line by an Ed25519 key: plain (type 0x01), or a
// cosignature (0x04) made at `timestamp`.
[[nodiscard]] std::string note_line(const TestKey& key, const std::string& name,
                                    const std::string& text);
[[nodiscard]] std::string cosignature_line(const TestKey& key,
                                           const std::string& name,
                                           Seconds timestamp,
                                           const std::string& text);
// `name+hex8+base64(type || key)`.
[[nodiscard]] std::string verifier_key(const TestKey& key,
                                       const std::string& name,
                                       std::uint8_t type);

// A signed certificate timestamp over a serialized MerkleTreeLeaf.
[[nodiscard]] Bytes sct_over(const TestKey& log, ByteView merkle_tree_leaf,
                             Millis timestamp, ByteView extensions);

}  // namespace ct::test
