// TLS's digitally-signed struct, as logs fill it in (RFC 6962, section 2.1.4).
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace ct::ctlog {

// TLS 1.2's numbers, RFC 5246, section 7.4.1.4.1.
enum class SignatureAlgorithm : std::uint8_t { kRsa = 1, kEcdsa = 3 };

// The signature within, over SHA-256 and by `algorithm`. Whatever is to be
// verified goes through here first, so that what a library would let pass
// beyond the rules makes no difference.
//
// kMalformed: no such struct, bytes behind it, another hash or algorithm
// kUntrusted: an ECDSA signature that is not the DER of two positive numbers
//             as short as can be; it holds for no key
[[nodiscard]] Result<ByteView> open_digitally_signed(
    ByteView digitally_signed, SignatureAlgorithm algorithm);

}  // namespace ct::ctlog
