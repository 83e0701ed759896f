// Raw deflate (RFC 1951) against a dictionary: for many short byte strings
// that are much alike.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace ct {

// What counts of a dictionary: its last bytes, 7,930 at most.
[[nodiscard]] ByteView deflate_dictionary(ByteView bytes);

// Never fails. Undone by the same dictionary only, which nothing in the result
// names.
[[nodiscard]] Bytes deflate_against(ByteView bytes, ByteView dictionary);
// kMalformed: damaged, made against another dictionary, as far as that shows,
// or of more than `max` bytes. Check what came by a hash.
[[nodiscard]] Result<Bytes> inflate_against(ByteView compressed,
                                            ByteView dictionary,
                                            std::size_t max);

}  // namespace ct
