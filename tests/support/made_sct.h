// An SCT as a log gives it for a precertificate.
#pragma once

#include "ctlog/leaf.h"
#include "ctlog/sct.h"
#include "monitor/demo/local_ca.h"

namespace ct::test {

// Serialized, without extensions; signed by `log`.
[[nodiscard]] inline Bytes sct_for(const monitor::demo::SigningKey& log,
                                   const monitor::demo::Issuance& issuance,
                                   Millis timestamp) {
  ctlog::Leaf leaf;
  leaf.timestamp = timestamp;
  leaf.type = ctlog::EntryType::kPrecert;
  leaf.issuer_key_hash = issuance.issuer_key_hash;
  leaf.certificate = issuance.tbs;
  const Bytes signature = log.digitally_sign(ctlog::encode_leaf(leaf));
  return ctlog::encode_sct({.log_id = log.spki_sha256(),
                            .timestamp = timestamp,
                            .extensions = {},
                            .signature = signature});
}

}  // namespace ct::test
