// The numbers that history gives to issuers and logs. For this room only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "sql/tx.h"

namespace ct::sql {

// As history_issuer holds it.
struct HistoryIssuer {
  std::string name;         // history_issuer_name
  std::string spki_sha256;  // 32 bytes; "": not known

  // The two in one.
  [[nodiscard]] std::string key() const { return spki_sha256 + '/' + name; }
};

// What entries are written down with. Of issuers and logs, those that were
// asked for so far.
struct HistoryNumbers {
  Bytes salt;
  std::optional<Seconds> pruned_until;  // what ends before it is not stored
  std::unordered_map<std::string, std::int32_t> issuers;  // by key()
  std::map<Hash, std::int16_t> logs;
  // What DER is deflated against, by issuer: some of history_der_template.
  std::unordered_map<std::int32_t, Bytes> templates;

  // Whether what ends then is not to be stored.
  [[nodiscard]] bool pruned(Seconds not_after) const {
    return pruned_until && not_after < *pruned_until;
  }
};

// Held by whoever prunes, and shared by whoever writes: not a lock on history
// itself, because those who build a partition anew have to wait for all of
// these while writers wait for them.
inline constexpr std::int64_t kHistoryPruneLock = 0x6374'6869'7374'6f72;
// No partition is pruned until the transaction ends. Throws.
void keep_history_partitions(Tx& tx);

// Numbers what has no number yet; keep_history_partitions is done. Throws.
[[nodiscard]] std::shared_ptr<HistoryNumbers> number_history(
    Tx& tx, const std::vector<HistoryIssuer>& issuers,
    const std::vector<Hash>& logs);

}  // namespace ct::sql
