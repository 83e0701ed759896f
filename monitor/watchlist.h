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
  std::string why;          // "below example.com", "wildcard covers …"
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

  // The exact answer, appended to `out`.
  void match(const x509::Name& name, std::vector<NameMatch>& out) const;
  void match_host(std::string_view canonical,
                  std::vector<NameMatch>& out) const;

  // For bytes that do not parse.
  void match_bytes(ByteView bytes, std::vector<NameMatch>& out) const;

 private:
  struct Index;
  std::unique_ptr<const Index> index_;
};

// "example.com", "=example.com", "192.0.2.0/24", "@example.com",
// "org:Example Ltd" → kind, value, pattern. kUsage: what is wrong; a public
// suffix is refused unless `force`.
[[nodiscard]] Result<alerts::Watch> parse_watch(std::string_view pattern,
                                                bool force);

}  // namespace ct::monitor
