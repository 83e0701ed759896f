// How history writes things down: keys of names, name lists, sightings.
//
// Pure functions over attacker-chosen text. All text they give is ASCII, so
// it can be stored, and in the order of its bytes, which is what COLLATE "C"
// means, a name is followed by everything below it.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "ctlog/leaf.h"

namespace ct::sql {

inline constexpr std::size_t kHistoryKeySize = 255;  // longer ones are cut
inline constexpr std::size_t kHistoryNamesSize = 256 << 10;  // a certificate
inline constexpr std::size_t kHistoryNameCount = 10'000;
// The last name of a certificate that has more than that. No name is like it.
inline constexpr std::string_view kHistoryNamesCut = "\\cut";

// As history shows a name: ASCII lower case; white space, control characters,
// whatever is not ASCII, and "\" as \xNN, and a few more bytes where they would
// be mistaken for something else. Canonical names come out as they are.
[[nodiscard]] std::string history_name(std::string_view name);

// The key of a name: "com example www" for www.example.com and for
// *.www.example.com; "@com example@me" for a mail address; "#4c0000201" or
// "#6" and 32 digits for an IP address. "": no name.
[[nodiscard]] std::string history_key(std::string_view name);
// Back again: "www.example.com". Of a cut key, what there is.
[[nodiscard]] std::string name_of_history_key(std::string_view key);

// Whether `key` is `top` or lies below it.
[[nodiscard]] bool history_key_within(std::string_view key,
                                      std::string_view top);
// The keys above a host's that may be the root of a certificate for it: "com
// example" for "com example www", but no top-level domain.
[[nodiscard]] std::vector<std::string> history_keys_above(std::string_view key);

// The names of a certificate, as stored.
struct HistoryNames {
  // Keys that no other one is above, but for top-level domains, cut: hosts
  // first, then in order. Empty if there is no name. The first becomes
  // history.domain, "" if there is none, the others go to history_root.
  std::vector<std::string> roots;
  // Apart by spaces, each once, in the order given. What ends in "." goes on
  // with the first root: "." is that name, "www." lies below it, "*." is its
  // wildcard.
  std::string names;
};
[[nodiscard]] HistoryNames encode_history_names(
    const std::vector<std::string>& names);
// In the form of history_name.
[[nodiscard]] std::vector<std::string> decode_history_names(
    std::string_view domain, std::string_view names);

// The latest time of a sighting: in the year 10889.
inline constexpr Millis kHistoryLatest = (Millis{1} << 48) - 1;

// A sighting with the number of its log.
struct NumberedSighting {
  Millis timestamp = 0;  // clamped to 1970 and kHistoryLatest
  std::int16_t log = 0;  // from 1
  bool precert = false;
  ctlog::LeafIndex leaf_index = 0;

  friend auto operator<=>(const NumberedSighting&,
                          const NumberedSighting&) = default;
};
// history.sightings: in order, each once; of each the milliseconds since 1970,
// or since the one before it, twice the log plus 1 for a precertificate, and
// the leaf index, as numbers of 7 bits a byte, the lowest first, the top bit
// set in all bytes but a number's last.
[[nodiscard]] Bytes encode_history_sightings(
    std::vector<NumberedSighting> sightings);
// What is no whole sighting at the end is left out.
[[nodiscard]] std::vector<NumberedSighting> decode_history_sightings(
    ByteView sightings);
// All that are in either.
[[nodiscard]] Bytes merge_history_sightings(ByteView a, ByteView b);

// history.id.
[[nodiscard]] std::int64_t history_id(ByteView salt, const Hash& tbs_sha256);

// history.serial of hex digits, and history.organization.
[[nodiscard]] Bytes history_serial(std::string_view hex);
[[nodiscard]] std::string history_organization(std::string_view name);
// history_issuer.name.
[[nodiscard]] std::string history_issuer_name(std::string_view dn);

}  // namespace ct::sql
