#include <algorithm>

#include "tests/fuzz/require.h"
#include "x509/der_writer.h"
#include "x509/names.h"
#include "x509/unicode.h"

using namespace ct::x509;
using ct::ByteView;
using ct::fuzz::require;

namespace {

// A reading is as plain as can be: it reads as itself alone.
void check_reading(const std::string& host) {
  require(!host.empty());
  require(host_readings(ct::as_bytes(host)) == std::vector{host});
}

void check_canonical(const std::string& host) {
  require(is_canonical_host(host));
  const auto again = canonical_host(host);
  require(again && *again == host);
  require(display_host(host).starts_with(host));
  const std::string domain = registrable_domain(host);
  require(domain.empty() != !is_public_suffix(host));
  require(host.ends_with(domain));
  // Found again where nothing tells that it is a name.
  if (host.find('.') == host.npos) return;
  const auto found = names_in_bytes(der::utf8_string(host));
  require(std::ranges::find(found, host) != found.end());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n) {
  const ByteView in(data, n);
  const std::string_view text = ct::as_text(in);
  for (const auto& host : host_readings(in)) check_reading(host);
  if (const auto host = uri_host(in)) check_reading(*host);
  if (const auto host = canonical_host(text)) check_canonical(*host);

  const auto found = names_in_bytes(in);
  require(found.size() <= 4096);
  for (const auto& host : found) {
    require(host.find('.') != host.npos);
    check_reading(host);
  }

  if (const auto ip = parse_ip(text)) {
    const auto again = parse_ip(format_ip(*ip));
    require(again && again->octets == ip->octets && again->size == ip->size);
  }
  const std::string organization = canonical_organization(text);
  require(is_utf8(ct::as_bytes(organization)));
  require(canonical_organization(organization) == organization);
  return 0;
}
