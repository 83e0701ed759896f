// Building DER: for rebuilt TBS certificates, and for the certificates that
// the demo and the tests issue.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/bytes.h"

namespace ct::x509::der {

[[nodiscard]] Bytes element(std::uint8_t tag, ByteView body);
[[nodiscard]] Bytes concat(std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes sequence(std::initializer_list<ByteView> parts);
[[nodiscard]] Bytes oid(std::string_view dotted);
[[nodiscard]] Bytes integer(std::int64_t value);

}  // namespace ct::x509::der
