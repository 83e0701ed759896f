// Watchlist: which watches does a name concern?
//
// An immutable index, built anew when watches change and swapped in whole.
// A look-up costs one probe for each label of the name, whether there are ten
// watches or a million.
#pragma once

#include <memory>
#include <span>
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

// The watches that the names of one certificate concern.
struct Matches {
  // Hostile certificates are bounded: all wildcards together cover at most
  // WildcardCost::kMaxCovered watches and are compared with at most
  // WildcardCost::kMaxExamined, and no more than kMaxMatches are listed.
  static constexpr std::size_t kMaxMatches = 100'000;
  // Each watch once for each name, and for kMaxCoverings wildcards at most.
  static constexpr unsigned kMaxCoverings = 4;
  std::vector<NameMatch> list;

  // How many watches more may be concerned, at most, and by which names; the
  // first kMaxLeftOutBy of these. They are the same ones in every process.
  static constexpr std::size_t kMaxLeftOutBy = 20;
  std::size_t left_out = 0;
  std::vector<std::string> left_out_by;

  [[nodiscard]] bool empty() const { return list.empty() && left_out == 0; }
  // Bytes held, about.
  [[nodiscard]] std::size_t memory() const;
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

  // The exact answer, within the bounds of Matches. Host names, common names
  // and the hosts of URIs are looked up as hosts and addresses; mail addresses
  // by their domain. `names` are all those of one certificate.
  [[nodiscard]] Matches match(std::span<const x509::Name> names) const;
  [[nodiscard]] Matches match(const x509::Name& name) const {
    return match({&name, 1});
  }
  [[nodiscard]] Matches match_host(std::string_view canonical) const;

  // For bytes that do not parse: whatever looks like a name in them.
  [[nodiscard]] Matches match_bytes(ByteView bytes) const;

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
