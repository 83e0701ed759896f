// SHA-256 (FIPS 180-4).
#pragma once

#include <span>

#include "base/bytes.h"

namespace ct {

[[nodiscard]] Hash sha256(ByteView data);
// SHA-256(a || b).
[[nodiscard]] Hash sha256(ByteView a, ByteView b);

// Hashes many messages, each as prefix || message, in whatever way is fastest
// on this processor. `out` has as many elements as `messages`. `prefix` is at
// most 16 bytes long.
void sha256_many(ByteView prefix, std::span<const ByteView> messages,
                 Hash* out);

// SHA-256(0x01 || left || right): the node hash of RFC 6962, section 2.1.
[[nodiscard]] Hash sha256_node(const Hash& left, const Hash& right);

// The level above: out[i] is the node over children[2 i] and children[2 i + 1].
// Their number is even. `out` may be where `children` are.
void sha256_nodes(std::span<const Hash> children, Hash* out);

}  // namespace ct
