#include "monitor/verdict_text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time.h"
#include "monitor/terminal.h"

namespace ct::monitor {
namespace {

constexpr std::size_t kLongest = 200;
constexpr std::size_t kMostListed = 5;

std::string listed(const std::vector<std::string>& items) {
  std::string out;
  for (std::size_t i = 0; i < std::min(items.size(), kMostListed); ++i) {
    out += (i == 0 ? "" : ", ") + shortened(items[i]);
  }
  if (items.size() > kMostListed) {
    out += fmt::format(" and {} more", items.size() - kMostListed);
  }
  return out;
}

// Which name, which watch.
std::string name_sentence(const VerdictText& t) {
  std::string out = fmt::format("{} {}", shortened(t.match.name), t.match.why);
  if (t.names > 1) {
    out += fmt::format(", and {} more name{} {} this watch", t.names - 1,
                       t.names == 2 ? "" : "s",
                       t.names == 2 ? "concerns" : "concern");
  }
  return out + fmt::format(" (watch {}).", shortened(t.watch.pattern));
}

// Which issuer, where logged.
template <class Text>
std::string origin_sentence(const Text& t) {
  const bool precert = t.where.entry_type == ctlog::EntryType::kPrecert;
  const std::string logged =
      fmt::format("logged by {} as entry {} at {}", shortened(t.where.log),
                  t.where.leaf_index, format_time(t.where.timestamp));
  if (!t.parsed) {
    return fmt::format("The {} does not parse; it was {}.",
                       precert ? "precertificate" : "certificate", logged);
  }
  return fmt::format("The {} was issued by {} ({}) for {} to {} and {}.",
                     precert ? "precertificate" : "certificate",
                     shortened(t.facts.issuer_name), shortened(t.facts.issuer),
                     format_seconds(t.facts.not_before),
                     format_seconds(t.facts.not_after), logged);
}

std::string why_unexpected(const VerdictText& t) {
  if (!t.parsed) {
    return "Whether it is expected cannot be told of a certificate that does "
           "not parse; browsers will hardly accept it.";
  }
  if (t.over_public_suffix) {
    return "It would hold for every name below a public suffix, which no "
           "allowed issuer explains.";
  }
  const auto& issuers = t.watch.allowed_issuers;
  const auto& keys = t.watch.allowed_spkis;
  if (issuers.empty() && keys.empty()) {
    return "No issuer and no key is declared as expected for this watch, and "
           "the certificate was not registered beforehand.";
  }
  std::string out;
  if (!issuers.empty()) {
    out += fmt::format("Expected issuers are: {}; {} is none of them. ",
                       listed(issuers), shortened(t.facts.issuer_name));
  }
  if (!keys.empty()) {
    out += fmt::format("Its key is not {} known as ours. ",
                       keys.size() == 1
                           ? std::string("the one")
                           : fmt::format("among the {}", keys.size()));
  }
  return out + "The certificate was not registered beforehand.";
}

}  // namespace

std::string shortened(std::string_view text) {
  if (text.size() <= kLongest) return printable(text);
  std::size_t end = kLongest;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;
  return printable(text.substr(0, end)) + "…";
}

std::string VerdictText::title(std::string_view explained) const {
  if (!parsed) {
    return fmt::format("Certificate that does not parse may name {}",
                       shortened(match.name));
  }
  std::string subject = shortened(match.name);
  if (names > 1) subject += fmt::format(" and {} more", names - 1);
  return fmt::format("{} {} for {} by {}",
                     explained.empty() ? "Unexpected" : "Expected",
                     is_ca ? "CA certificate" : "certificate", subject,
                     shortened(facts.issuer_name));
}

std::string VerdictText::reason(std::string_view explained) const {
  std::string out = name_sentence(*this) + ' ' + origin_sentence(*this) + ' ';
  if (!explained.empty()) {
    return out + fmt::format("It is expected: {}.", printable(explained));
  }
  out += why_unexpected(*this);
  if (is_ca) {
    out +=
        " It is a CA certificate, with which further certificates can be "
        "issued.";
  }
  if (expired) out += " It has expired.";
  return out;
}

std::string LeftOutText::title() const {
  return fmt::format("Certificate for {} by {} concerns up to {} more watches",
                     listed(names), shortened(facts.issuer_name),
                     with_commas(watches));
}

std::string LeftOutText::reason(std::string_view explained) const {
  std::string out = fmt::format(
      "Too many watches may be concerned by {} to look at each: up to {} have "
      "no alert of their own for this certificate. {} ",
      listed(names), with_commas(watches), origin_sentence(*this));
  if (!explained.empty()) {
    return out + fmt::format("It is expected: {}.", printable(explained));
  }
  return out +
         "What those watches allow was not compared, and the certificate was "
         "not registered beforehand.";
}

}  // namespace ct::monitor
