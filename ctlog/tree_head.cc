#include "ctlog/tree_head.h"

#include <simdjson.h>

#include <limits>

#include "base/base64.h"

namespace ct::ctlog {
namespace {

constexpr std::size_t kMaxReply = 1u << 20;
constexpr std::uint64_t kMaxNumber = std::numeric_limits<std::int64_t>::max();

tl::unexpected<Error> malformed(std::string_view what) {
  return fail(Errc::kMalformed, "tree head: " + std::string(what));
}

using Object = simdjson::dom::object;

// A number from 0 to 2^63 - 1.
Result<std::uint64_t> number(const Object& object, std::string_view name) {
  std::uint64_t n = 0;
  if (object[name].get(n) || n > kMaxNumber) {
    return malformed(std::string(name) + " is no number from 0 to 2^63 - 1");
  }
  return n;
}

Result<Bytes> base64(const Object& object, std::string_view name) {
  std::string_view text;
  if (object[name].get(text)) {
    return malformed(std::string(name) + " is no string");
  }
  auto bytes = from_base64(text);
  if (!bytes) return malformed(std::string(name) + " is not base64");
  return std::move(*bytes);
}

}  // namespace

Result<SignedTreeHead> parse_sth(std::string_view json) {
  if (json.size() > kMaxReply) return malformed("reply of more than 1 MiB");
  // The DOM, not the on-demand parser: it checks the whole text, so what is
  // kept as evidence is JSON from end to end.
  simdjson::dom::parser parser;
  const simdjson::padded_string padded(json);
  Object object;
  if (parser.parse(padded).get(object)) return malformed("no JSON object");

  const auto size = number(object, "tree_size");
  if (!size) return tl::unexpected(size.error());
  const auto timestamp = number(object, "timestamp");
  if (!timestamp) return tl::unexpected(timestamp.error());
  const auto root = base64(object, "sha256_root_hash");
  if (!root) return tl::unexpected(root.error());
  if (root->size() != sizeof(Hash)) {
    return malformed("sha256_root_hash is not 32 bytes long");
  }
  auto signature = base64(object, "tree_head_signature");
  if (!signature) return tl::unexpected(signature.error());

  SignedTreeHead sth;
  sth.size = *size;
  sth.timestamp = static_cast<Millis>(*timestamp);
  std::copy(root->begin(), root->end(), sth.root.begin());
  sth.signature = std::move(*signature);
  sth.wire = json;
  return sth;
}

// struct {
//   Version version;              // v1(0)
//   SignatureType signature_type; // tree_hash(1)
//   uint64 timestamp;
//   uint64 tree_size;
//   opaque sha256_root_hash[32];
// } TreeHeadSignature;
Bytes tree_head_input(TreeSize size, Millis timestamp, const Hash& root) {
  Bytes out;
  out.reserve(50);
  put_uint(out, 0, 1);
  put_uint(out, 1, 1);
  put_uint(out, static_cast<std::uint64_t>(timestamp), 8);
  put_uint(out, size, 8);
  put_bytes(out, root);
  return out;
}

Result<TreeHead> verify_tree_head(const LogKey& key,
                                  const SignedTreeHead& sth) {
  const auto ok = key.verify(tree_head_input(sth.size, sth.timestamp, sth.root),
                             sth.signature);
  if (!ok) {
    return fail_in("tree head of size " + std::to_string(sth.size), ok.error());
  }
  if (sth.size == 0 && sth.root != empty_root()) {
    return fail(Errc::kUntrusted,
                "tree head of size 0: its root is not the empty tree's");
  }
  return TreeHead(sth.size, sth.timestamp, sth.root);
}

}  // namespace ct::ctlog
