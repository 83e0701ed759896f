// gzip (RFC 1952) in memory.
#pragma once

#include "base/buffer.h"
#include "base/result.h"

namespace ct {

// What `compressed` holds, one gzip member or several, checksums checked.
// Hostile input: never more than `max` bytes come out, nor is memory taken
// for more than the input could become.
// kTransient: no gzip, cut off or damaged: the transfer's fault, most likely
// kMalformed: more than `max` bytes
[[nodiscard]] Result<Buffer> gunzip(ByteView compressed, std::size_t max);

// One member, compressed quickly rather than well.
[[nodiscard]] Bytes gzip(ByteView bytes);

}  // namespace ct
