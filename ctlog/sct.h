// Signed certificate timestamps of RFC 6962, sections 3.2 and 3.3.
#pragma once

#include <vector>

#include "ctlog/leaf.h"
#include "ctlog/log_key.h"

namespace ct::ctlog {

// Views alias the parsed bytes.
struct SignedCertificateTimestamp {
  Hash log_id{};
  Millis timestamp = 0;
  ByteView extensions;  // without their u16 length
  ByteView signature;   // digitally-signed struct
};

// One serialized SCT; kMalformed for another version than v1, truncation or
// trailing bytes.
[[nodiscard]] Result<SignedCertificateTimestamp> parse_sct(ByteView sct);
[[nodiscard]] Bytes encode_sct(const SignedCertificateTimestamp& sct);

// A SignedCertificateTimestampList: u16 total, then {u16, SCT} each. Members
// that cannot be read are counted, not fatal; a broken outer length is.
struct SctList {
  std::vector<SignedCertificateTimestamp> scts;
  std::size_t unreadable = 0;
};
[[nodiscard]] Result<SctList> parse_sct_list(ByteView list);

// Checks the log's promise: `entry` as the log would have put it into its
// leaf (its timestamp and extensions are replaced by the SCT's).
// Codes as LogKey::verify; kMalformed also when `key` is another log's.
[[nodiscard]] Result<void> verify_sct(const LogKey& key,
                                      const SignedCertificateTimestamp& sct,
                                      Leaf entry);

}  // namespace ct::ctlog
