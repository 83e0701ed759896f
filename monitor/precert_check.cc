#include "monitor/precert_check.h"

#include <algorithm>
#include <string_view>

namespace ct::monitor {
namespace {

using Extension = x509::Certificate::Extension;

bool same(ByteView a, ByteView b) { return std::ranges::equal(a, b); }

// Extensions that must be the same in both.
std::vector<const Extension*> lasting_extensions(const x509::Certificate& c) {
  using namespace std::string_view_literals;
  constexpr auto kPoison = "\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03"sv;
  constexpr auto kAuthorityKeyId = "\x55\x1d\x23"sv;
  std::vector<const Extension*> out;
  for (const Extension& e : c.extensions) {
    const std::string_view oid = as_text(e.oid);
    if (oid != kPoison && oid != kAuthorityKeyId) out.push_back(&e);
  }
  return out;
}

}  // namespace

std::optional<std::string> precert_difference(
    const x509::Certificate& precertificate, const x509::Certificate& logged) {
  if (precertificate.version != logged.version) return "version";
  if (!same(precertificate.serial, logged.serial)) return "serial number";
  if (precertificate.not_before != logged.not_before ||
      precertificate.not_after != logged.not_after) {
    return "validity";
  }
  if (!same(precertificate.subject, logged.subject)) return "subject";
  if (!same(precertificate.key.spki, logged.key.spki)) return "public key";
  const bool extensions_same = std::ranges::equal(
      lasting_extensions(precertificate), lasting_extensions(logged),
      [](const Extension* a, const Extension* b) {
        return a->critical == b->critical && same(a->oid, b->oid) &&
               same(a->value, b->value);
      });
  if (!extensions_same) return "extensions";
  return std::nullopt;
}

}  // namespace ct::monitor
