#include "tests/support/test_key.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <cstdlib>

#include "base/base64.h"
#include "base/hex.h"
#include "base/sha256.h"

namespace ct::test {
namespace {

// Nothing here can fail but by a mistake in the tests themselves.
void require(bool ok) {
  if (!ok) std::abort();
}

constexpr std::uint8_t kTreeHeadType = 5;

}  // namespace

TestKey::TestKey(evp_pkey_st* key) : key_(key, EVP_PKEY_free) {
  require(key != nullptr);
}

TestKey TestKey::p256() { return ec("P-256"); }
TestKey TestKey::ec(const char* curve) { return TestKey(EVP_EC_gen(curve)); }
TestKey TestKey::rsa(unsigned bits) { return TestKey(EVP_RSA_gen(bits)); }
TestKey TestKey::ed25519() {
  return TestKey(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
}

Bytes TestKey::spki() const {
  unsigned char* der = nullptr;
  const int n = i2d_PUBKEY(key_.get(), &der);
  require(n > 0);
  Bytes out(der, der + n);
  OPENSSL_free(der);
  return out;
}

Hash TestKey::log_id() const { return sha256(spki()); }

Bytes TestKey::raw_public() const {
  Bytes out(32);
  std::size_t n = out.size();
  require(EVP_PKEY_get_raw_public_key(key_.get(), out.data(), &n) == 1);
  out.resize(n);
  return out;
}

std::string TestKey::private_pem() const {
  BIO* bio = BIO_new(BIO_s_mem());
  require(PEM_write_bio_PKCS8PrivateKey(bio, key_.get(), nullptr, nullptr, 0,
                                        nullptr, nullptr) == 1);
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  std::string out(data, static_cast<std::size_t>(n));
  BIO_free(bio);
  return out;
}

Bytes TestKey::sign(ByteView message) const {
  const bool ed25519 = EVP_PKEY_is_a(key_.get(), "ED25519") == 1;
  EVP_MD_CTX* ctx = EVP_MD_CTX_new();
  require(EVP_DigestSignInit(ctx, nullptr, ed25519 ? nullptr : EVP_sha256(),
                             nullptr, key_.get()) == 1);
  std::size_t n = 0;
  require(EVP_DigestSign(ctx, nullptr, &n, message.data(), message.size()) ==
          1);
  Bytes out(n);
  require(EVP_DigestSign(ctx, out.data(), &n, message.data(), message.size()) ==
          1);
  EVP_MD_CTX_free(ctx);
  out.resize(n);
  return out;
}

Bytes TestKey::digitally_sign(ByteView message) const {
  const Bytes signature = sign(message);
  Bytes out{4, std::uint8_t(EVP_PKEY_is_a(key_.get(), "RSA") == 1 ? 1 : 3)};
  put_uint(out, signature.size(), 2);
  put_bytes(out, signature);
  return out;
}

// Spelt out instead of calling ctlog/tree_head.h, which it is there to test.
static Bytes tree_head_signature(const TestKey& log, std::uint64_t size,
                                 Millis timestamp, const Hash& root) {
  Bytes input{0, 1};
  put_uint(input, static_cast<std::uint64_t>(timestamp), 8);
  put_uint(input, size, 8);
  put_bytes(input, root);
  return log.digitally_sign(input);
}

const TestKey& p256() {
  static const TestKey key = TestKey::p256();
  return key;
}
const TestKey& rsa2048() {
  static const TestKey key = TestKey::rsa(2048);
  return key;
}

std::string sth_json(const TestKey& log, std::uint64_t size, Millis timestamp,
                     const Hash& root) {
  return "{\"tree_size\":" + std::to_string(size) +
         ",\"timestamp\":" + std::to_string(timestamp) +
         ",\"sha256_root_hash\":\"" + to_base64(root) +
         "\",\"tree_head_signature\":\"" +
         to_base64(tree_head_signature(log, size, timestamp, root)) + "\"}";
}

std::string static_checkpoint(const TestKey& log, const std::string& origin,
                              std::uint64_t size, Millis timestamp,
                              const Hash& root) {
  Bytes signature;
  put_uint(signature, static_cast<std::uint64_t>(timestamp), 8);
  put_bytes(signature, tree_head_signature(log, size, timestamp, root));
  return origin + "\n" + std::to_string(size) + "\n" + to_base64(root) +
         "\n\n" +
         signature_line(origin,
                        note_key_id(origin, kTreeHeadType, log.log_id()),
                        signature);
}

std::string signature_line(const std::string& name, ByteView key_id,
                           ByteView signature) {
  Bytes payload(key_id.begin(), key_id.end());
  put_bytes(payload, signature);
  return "\u2014 " + name + " " + to_base64(payload) + "\n";
}

Bytes note_key_id(const std::string& name, std::uint8_t type, ByteView key) {
  Bytes input;
  put_bytes(input, as_bytes(name));
  input.push_back('\n');
  input.push_back(type);
  put_bytes(input, key);
  const Hash h = sha256(input);
  return {h.begin(), h.begin() + 4};
}

std::string note_line(const TestKey& key, const std::string& name,
                      const std::string& text) {
  return signature_line(name, note_key_id(name, 1, key.raw_public()),
                        key.sign(as_bytes(text)));
}

std::string cosignature_line(const TestKey& key, const std::string& name,
                             Seconds timestamp, const std::string& text) {
  const std::string message =
      "cosignature/v1\ntime " + std::to_string(timestamp) + "\n" + text;
  Bytes payload;
  put_uint(payload, static_cast<std::uint64_t>(timestamp), 8);
  put_bytes(payload, key.sign(as_bytes(message)));
  return signature_line(name, note_key_id(name, 4, key.raw_public()), payload);
}

std::string verifier_key(const TestKey& key, const std::string& name,
                         std::uint8_t type) {
  const bool log = type == kTreeHeadType;
  const Hash log_id = key.log_id();
  Bytes payload{type};
  put_bytes(payload, log ? key.spki() : key.raw_public());
  const Bytes id = log ? note_key_id(name, type, log_id)
                       : note_key_id(name, type, key.raw_public());
  return name + "+" + to_hex(id) + "+" + to_base64(payload);
}

Bytes sct_over(const TestKey& log, ByteView merkle_tree_leaf, Millis timestamp,
               ByteView extensions) {
  Bytes out{0};
  put_bytes(out, log.log_id());
  put_uint(out, static_cast<std::uint64_t>(timestamp), 8);
  put_uint(out, extensions.size(), 2);
  put_bytes(out, extensions);
  put_bytes(out, log.digitally_sign(merkle_tree_leaf));
  return out;
}

}  // namespace ct::test
