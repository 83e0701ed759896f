// IssuerKeys: whose key an issuer's certificate holds, remembered.
//
// Some thousand certificates issue all others, so that each need be read but
// once. Safe from any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace ct::monitor {

class IssuerKeys {
 public:
  // Of each generation; a hostile log can show certificates without end.
  static constexpr std::size_t kMost = 8'192;

  // SHA-256 of the SubjectPublicKeyInfo in the certificate of that SHA-256, or
  // in whatever else of that SHA-256 remember() was told of.
  [[nodiscard]] std::optional<Hash> find(const Hash& sha256);
  void remember(const Hash& sha256, const Hash& key);
  // The same, from the certificate itself if it has to be; nullopt: it does
  // not parse.
  [[nodiscard]] std::optional<Hash> find_or_read(ByteView der);

  // A certificate that cannot be had is not worth asking for again until then.
  void set_missing(const Hash& fingerprint, Millis until);
  [[nodiscard]] bool is_missing(const Hash& fingerprint, Millis now);

 private:
  using Keys = std::map<Hash, Hash>;
  void keep(const Hash& sha256, const Hash& key);

  std::mutex mutex_;  // guards all below
  // What is not found again while `young_` fills up is forgotten.
  Keys young_, old_;
  std::map<Hash, Millis> missing_;
};

}  // namespace ct::monitor
