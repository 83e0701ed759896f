// Watchlist: which watches does a name concern?
//
// An immutable index, built anew when watches change and swapped in whole.
// A look-up costs one probe for each label of the name, whether there are ten
// watches or a million.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "alerts/watch.h"
#include "x509/certificate.h"
#include "x509/names.h"

namespace ct::monitor {

struct NameMatch {
  std::uint32_t watch = 0;  // index into watches()
  std::string name;         // the name that matched, canonical
  // The rest of a sentence that begins with the name: "lies below
  // example.com", "is a wildcard that covers www.example.com".
  std::string why;
  bool covers = false;    // a wildcard, not itself within the watched domain
  bool in_bytes = false;  // found in bytes that do not parse (match_bytes)
};

// Safe from any thread.
class Watchlist {
 public:
  explicit Watchlist(std::vector<alerts::Watch> watches);
  ~Watchlist();

  [[nodiscard]] const std::vector<alerts::Watch>& watches() const;

  // The bulk question: could any name of this certificate concern anybody?
  // No allocation for canonical names; may say yes too often, never no.
  [[nodiscard]] bool may_match(const x509::Name& name) const;

  // The exact answer, appended to `out`, each watch once. Host names, common
  // names and the hosts of URIs are looked up as hosts and addresses; mail
  // addresses by their domain. Hostile certificates are bounded: one name
  // covers at most SuffixIndex::kMaxCovered watches, and nothing is added
  // once `out` holds kMaxMatches.
  static constexpr std::size_t kMaxMatches = 100'000;
  void match(const x509::Name& name, std::vector<NameMatch>& out) const;
  void match_host(std::string_view canonical,
                  std::vector<NameMatch>& out) const;

  // For bytes that do not parse: whatever looks like a name in them.
  void match_bytes(ByteView bytes, std::vector<NameMatch>& out) const;

  // Bytes held beside the watches themselves.
  [[nodiscard]] std::size_t index_memory() const;

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

// "example.com", "=example.com", "192.0.2.0/24", "@example.com",
// "org:Example Ltd" → id, kind, value, pattern. The id follows from kind and
// value. "*.example.com" and ".example.com" mean "example.com". kUsage: what
// is wrong; a public suffix or an address range that holds everything is
// refused unless `force`.
[[nodiscard]] Result<alerts::Watch> parse_watch(std::string_view pattern,
                                                bool force);

// The watch as its pattern says it: "=example.com".
[[nodiscard]] std::string watch_pattern(alerts::WatchKind kind,
                                        std::string_view value);

}  // namespace ct::monitor
