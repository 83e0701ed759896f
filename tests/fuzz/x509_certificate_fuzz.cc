#include <algorithm>
#include <set>
#include <tuple>

#include "tests/fuzz/require.h"
#include "x509/certificate.h"
#include "x509/csr.h"
#include "x509/precert.h"
#include "x509/unicode.h"

using namespace ct::x509;
using ct::ByteView;
using ct::fuzz::require;

namespace {

using NameSet =
    std::multiset<std::tuple<NameKind, std::uint8_t, std::string_view>>;

class Sink final : public NameSink {
 public:
  void name(const Name& n) override {
    names.emplace(n.kind, n.string_tag, ct::as_text(n.value));
  }
  NameSet names;
};

NameSet as_set(const std::vector<Name>& names) {
  Sink sink;
  for (const Name& n : names) sink.name(n);
  return sink.names;
}

bool is_harmless(const std::string& text) {
  ByteView rest = ct::as_bytes(text);
  while (!rest.empty()) {
    const auto c = take_utf8(rest);
    if (!c || is_unprintable(*c)) return false;
  }
  return true;
}

// The bulk scan vouches for its names exactly if the parser does, and both
// find the same.
void check_names(ByteView in, bool is_tbs,
                 const ct::Result<Certificate>& parsed) {
  Sink sink;
  const bool complete = scan_names(in, is_tbs, sink);
  require(complete == (parsed && !parsed->names_incomplete));
  if (parsed) require(sink.names == as_set(parsed->names));
}

// What a log hashes parses, has the same names, and rebuilds to itself.
void check_log_tbs(const Certificate& c) {
  const auto tbs = log_tbs(c);
  if (!tbs) return;
  const auto again = parse_tbs(*tbs);
  require(again.has_value());
  require(!again->has_poison && !again->sct_list);
  require(as_set(again->names) == as_set(c.names));
  const auto twice = log_tbs(*again);
  require(twice && *twice == *tbs);
  // A certificate as its own precert-signing CA must not break either.
  const auto substituted = log_tbs(c, c);
  require(!substituted || parse_tbs(*substituted).has_value());
}

// The bulk path to SCTs sees what the parser sees.
void check_bulk_scts(ByteView in, const ct::Result<Certificate>& parsed) {
  const auto scts = find_sct_list(in);
  const auto tbs = log_tbs(in);
  if (!parsed) {
    require(!scts && !tbs);
    return;
  }
  require(scts.has_value() == parsed->sct_list.has_value());
  if (scts) require(std::ranges::equal(*scts, *parsed->sct_list));
  const auto slow_tbs = log_tbs(*parsed);
  require(tbs.has_value() == slow_tbs.has_value());
  if (tbs) require(*tbs == *slow_tbs);
}

void check_texts(const Certificate& c) {
  require(is_harmless(format_name(c.issuer)));
  require(is_harmless(format_name(c.subject)));
  require(is_harmless(describe_key(c.key)));
  require(is_utf8(ct::as_bytes(common_name(c.subject))));
  require(c.oddities.size() <= 32);
  for (const auto& x : c.extensions) require(is_harmless(format_oid(x.oid)));
  const auto pem = from_pem("CERTIFICATE", to_pem("CERTIFICATE", c.tbs));
  require(pem && pem->size() == 1 && std::ranges::equal(pem->at(0), c.tbs));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const ByteView in(data, n);
  const auto certificate = parse_certificate(in);
  const auto tbs = parse_tbs(in);
  check_names(in, false, certificate);
  check_names(in, true, tbs);
  check_bulk_scts(in, certificate);
  for (const auto* c : {&certificate, &tbs}) {
    if (!*c) continue;
    check_log_tbs(**c);
    check_texts(**c);
  }
  if (const auto csr = parse_csr(in)) {
    require(!csr->key.algorithm_oid.empty());
    require(is_harmless(format_name(csr->subject)));
  }
  return 0;
}
