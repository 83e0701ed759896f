// Alerts as people read them: alert_text and alert_line of payload.h.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "alerts/payload.h"
#include "alerts/text.h"
#include "base/hex.h"
#include "x509/names.h"

namespace ct::alerts {
namespace {

constexpr std::size_t kFieldBytes = 600;
constexpr std::size_t kListItems = 20;

std::string upper(std::string_view s) {
  std::string out(s);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

// The U-label beside the A-label, for a lookalike is only seen in both.
std::string name_text(const std::string& name) {
  if (name.size() > kFieldBytes || name.find("xn--") == std::string::npos) {
    return visible(name, kFieldBytes);
  }
  return visible(x509::display_host(name), 2 * kFieldBytes);
}

std::string more(std::size_t left_out) {
  return left_out == 0 ? "" : fmt::format(" (+{} more)", left_out);
}

std::string names_text(const std::vector<std::string>& names,
                       std::size_t limit) {
  std::string out;
  const std::size_t n = std::min(limit, names.size());
  for (std::size_t i = 0; i < n; ++i) {
    out += (i == 0 ? "" : ", ") + name_text(names[i]);
  }
  return out + more(names.size() - n);
}

std::string kind_text(std::string_view k) {
  if (k == kind::kUnexpectedCertificate) return "unexpected certificate";
  if (k == kind::kMalformedCertificate) return "unreadable certificate";
  if (k == kind::kTooManyWatches) return "certificate";
  std::string out = visible(k, kFieldBytes);
  std::replace(out.begin(), out.end(), '_', ' ');
  return out;
}

std::string status_text(const Alert& alert) {
  std::string out = upper(to_string(alert.severity));
  if (alert.state != AlertState::kOpen) {
    out += fmt::format(", {}", to_string(alert.state));
  }
  return out;
}

std::string_view issuer_of(const CertificateFacts& c) {
  return c.issuer_name.empty() ? c.issuer : c.issuer_name;
}

std::string sighting_text(const Sighting& s) {
  return fmt::format(
      "{}, entry {} ({}, {})", visible(s.log, kFieldBytes), s.leaf_index,
      s.entry_type == ctlog::EntryType::kPrecert ? "precertificate"
                                                 : "certificate",
      format_time(s.timestamp));
}

// What the reader should do now; one paragraph.
std::string advice(const Alert& alert) {
  const std::string resolve =
      fmt::format("ctvigil alerts resolve {}", visible(alert.id, 64));
  if (alert.kind == kind::kTest) {
    return "Nothing: this message shows that the channel works.";
  }
  if (alert.state == AlertState::kResolved ||
      alert.state == AlertState::kExpected) {
    return "Nothing: this is settled.";
  }
  if (alert.kind == kind::kTooManyWatches) {
    return fmt::format(
        "Ask whoever may order certificates for such names whether this one "
        "was ordered. If it was: `ctvigil expect add FILE`. If it was not, it "
        "threatens every name below: have it revoked. Then: {}",
        resolve);
  }
  if (alert.kind == kind::kMalformedCertificate) {
    return fmt::format(
        "Look at the bytes with `ctvigil alerts show {}`. If nobody of yours "
        "asked for such a certificate, ask its issuer what it is. Then: {}",
        visible(alert.id, 64), resolve);
  }
  if (alert.certificate) {
    const std::string issuer =
        visible(issuer_of(*alert.certificate), kFieldBytes);
    return fmt::format(
        "Ask whoever runs the name whether it was ordered. If it was: `ctvigil "
        "expect add FILE`, or allow the issuer on the watch, then `{}`. If it "
        "was not: have {} revoke it (give the serial number), and find out who "
        "can answer for the name in DNS, on its web servers and in its "
        "mailboxes.",
        resolve, issuer.empty() ? "the issuer" : issuer);
  }
  if (alert.kind == kind::kDeliveryFailed) {
    return fmt::format(
        "`ctvigil channel test` shows whether the channel works again; "
        "`ctvigil alerts redeliver` then sends what was given up. Once "
        "settled: {}",
        resolve);
  }
  if (alert.kind == kind::kLogBadSct) {
    return fmt::format(
        "Ask the certificate's issuer: it, its SCTs and where it was logged "
        "are kept, see `ctvigil alerts show {} --json`. It does not mean that "
        "the log lies. Once settled: {}",
        visible(alert.id, 64), resolve);
  }
  constexpr std::array kLying{kind::kLogRootMismatch, kind::kLogFork,
                              kind::kLogBadSignature};
  if (std::find(kLying.begin(), kLying.end(), alert.kind) != kLying.end()) {
    return fmt::format(
        "The log is no longer believed, and what it says from here on is not "
        "searched. The evidence is kept: `ctvigil alerts show {} --json`. "
        "Publish it (ct-policy@chromium.org) if it persists. Once settled: {}",
        visible(alert.id, 64), resolve);
  }
  return fmt::format(
      "See `ctvigil status`. Certificates in this log may go unseen until it "
      "is over. Once settled: {}",
      resolve);
}

class TextWriter {
 public:
  std::string write(const Alert& alert) {
    out_ = fmt::format("[{}] {}\n", status_text(alert), headline(alert));
    if (!alert.reason.empty()) {
      out_ += fmt::format("\n{}\n", visible(alert.reason, 4 * kFieldBytes));
    }
    out_ += "\n";
    if (!alert.watch.empty()) {
      field("Watch", visible(alert.watch, kFieldBytes));
    }
    if (!alert.names.empty()) {
      field("Matched", names_text(alert.names, kListItems));
    }
    if (alert.certificate) certificate(*alert.certificate);
    sightings(alert.sightings);
    if (alert.log_id) {
      field("Log", visible(alert.log, kFieldBytes));
      field("Log id", to_hex(*alert.log_id));
    }
    if (alert.certificate) remarks(*alert.certificate);
    if (!alert.note.empty()) field("Note", visible(alert.note, kFieldBytes));
    if (alert.created != 0) field("Raised", format_time(alert.created));
    field("Alert", visible(alert.id, 64));
    out_ += fmt::format("\nWhat to do: {}\n", advice(alert));
    return std::move(out_);
  }

  static std::string headline(const Alert& alert) {
    if (!alert.title.empty()) return visible(alert.title, kFieldBytes);
    std::string out = kind_text(alert.kind);
    if (!alert.names.empty()) out += " for " + names_text(alert.names, 3);
    return out;
  }

 private:
  void field(std::string_view label, std::string_view value) {
    if (value.empty()) return;
    out_ += fmt::format("{:<10} {}\n", label, value);
  }

  void certificate(const CertificateFacts& c) {
    field("Issuer", visible(c.issuer, kFieldBytes));
    field("Subject", visible(c.subject, kFieldBytes));
    field("Serial", visible(c.serial, kFieldBytes));
    field("Valid", fmt::format("{} to {}", format_seconds(c.not_before),
                               format_seconds(c.not_after)));
    field("Key",
          fmt::format("{} (SPKI SHA-256 {})", visible(c.key, kFieldBytes),
                      to_hex(c.spki_sha256)));
    if (c.sha256) field("SHA-256", to_hex(*c.sha256));
    field("TBS hash", to_hex(c.tbs_sha256));
    field("All names", names_text(c.all_names, kListItems));
  }

  void sightings(const std::vector<Sighting>& all) {
    const std::size_t n = std::min(all.size(), kListItems);
    for (std::size_t i = 0; i < n; ++i) {
      field(i == 0 ? "Logged in" : "", sighting_text(all[i]));
    }
    if (n < all.size()) field("", fmt::format("+{} more", all.size() - n));
  }

  void remarks(const CertificateFacts& c) {
    std::size_t n = std::min(c.scts.size(), kListItems);
    for (std::size_t i = 0; i < n; ++i) {
      const SctCheck& sct = c.scts[i];
      const std::string log =
          sct.log.empty() ? to_hex(sct.log_id) : visible(sct.log, kFieldBytes);
      field(i == 0 ? "SCTs" : "",
            fmt::format("{}: {}", visible(sct.result, 64), log));
    }
    n = std::min(c.notes.size(), kListItems);
    for (std::size_t i = 0; i < n; ++i) {
      field(i == 0 ? "Remarks" : "", visible(c.notes[i], kFieldBytes));
    }
    if (n < c.notes.size()) {
      field("", fmt::format("+{} more", c.notes.size() - n));
    }
  }

  std::string out_;
};

}  // namespace

std::string alert_text(const Alert& alert) { return TextWriter().write(alert); }

std::string alert_line(const Alert& alert) {
  std::string out = status_text(alert) + " ";
  if (alert.certificate) {
    const CertificateFacts& c = *alert.certificate;
    out += fmt::format(
        "{} for {}", kind_text(alert.kind),
        alert.names.empty() ? "a watched name" : names_text(alert.names, 3));
    if (const auto issuer = issuer_of(c); !issuer.empty()) {
      out += " by " + visible(issuer, 120);
    }
    out += alert.watch.empty()
               ? std::string(" (more watches than can be listed)")
               : fmt::format(" (watch {})", visible(alert.watch, 260));
    if (!alert.sightings.empty()) {
      const Sighting& s = alert.sightings.front();
      out += fmt::format(", in {} #{}{}", visible(s.log, 120), s.leaf_index,
                         more(alert.sightings.size() - 1));
    }
  } else {
    out += TextWriter::headline(alert);
    if (!alert.log.empty())
      out += fmt::format(" ({})", visible(alert.log, 120));
  }
  return out + fmt::format(" [{}]", visible(alert.id.substr(0, 12), 48));
}

}  // namespace ct::alerts
