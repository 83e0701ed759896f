// A file of watches, kept in git and applied whole.
//
//   [[watch]]
//   pattern = "example.com"
//   allow_issuers = ["Let's Encrypt"]
//   allow_spkis = ["<64 hex digits>"]
//   tags = ["shop"]
//   grace = "10m"
//   note = "whoever runs it"
//   force = false                # watch a public suffix
#pragma once

#include <string>
#include <vector>

#include "alerts/watch.h"
#include "base/result.h"

namespace ct::monitor {

// kUsage: what is wrong, with the line.
[[nodiscard]] Result<std::vector<alerts::Watch>> read_watch_file(
    const std::string& path);

// What `--allow-spki` and `allow_spkis` take: 64 hex digits, with or without
// "spki:" before them.
[[nodiscard]] Result<Hash> parse_spki_hash(std::string_view text);

// What `--allow-issuer` and `allow_issuers` take; "spki:" wants 64 hex digits.
[[nodiscard]] Result<std::string> parse_allowed_issuer(std::string_view text);

}  // namespace ct::monitor
