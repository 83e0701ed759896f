// Building DER: for rebuilt TBS certificates, and for the certificates that
// the demo and the tests issue.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace ct::x509::der {

[[nodiscard]] Bytes element(std::uint8_t tag, ByteView body);
[[nodiscard]] Bytes concat(std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes sequence(std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes set(std::initializer_list<ByteView> parts);

// Context tags. `context` is IMPLICIT over a primitive type,
// `context_constructed` EXPLICIT, or IMPLICIT over a constructed one.
[[nodiscard]] Bytes context(unsigned n, ByteView body);
[[nodiscard]] Bytes context_constructed(unsigned n, ByteView body);

// `dotted` is well formed: "2.5.29.17".
[[nodiscard]] Bytes oid(std::string_view dotted);
[[nodiscard]] Bytes boolean(bool value);
[[nodiscard]] Bytes null();
[[nodiscard]] Bytes integer(std::int64_t value);
// A non-negative INTEGER from its big-endian magnitude (serials, RSA moduli).
[[nodiscard]] Bytes unsigned_integer(ByteView magnitude);
// Whole bytes; `unused` low bits of the last one do not count.
[[nodiscard]] Bytes bit_string(ByteView bits, unsigned unused = 0);
[[nodiscard]] Bytes octet_string(ByteView octets);
[[nodiscard]] Bytes utf8_string(std::string_view text);
[[nodiscard]] Bytes printable_string(std::string_view text);
[[nodiscard]] Bytes ia5_string(std::string_view text);

// RFC 5280, section 4.1.2.5. UTCTime holds the years 1950 to 2049 only;
// `time` picks the form the RFC asks for.
[[nodiscard]] Bytes utc_time(Seconds t);
[[nodiscard]] Bytes generalized_time(Seconds t);
[[nodiscard]] Bytes time(Seconds t);

// One RelativeDistinguishedName: SET { SEQUENCE { type, value } }.
[[nodiscard]] Bytes rdn(std::string_view type, ByteView value);
// Extension ::= SEQUENCE { extnID, critical DEFAULT FALSE, extnValue }.
[[nodiscard]] Bytes extension(std::string_view id, bool critical,
                              ByteView value);

}  // namespace ct::x509::der
