// What is kept of a certificate that matched: for alerts, for `inspect`, and
// for comparing it with what its owner announced.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "monitor/judge.h"

namespace ct::monitor {

// The hosts, addresses and mail addresses that a certificate or a request is
// for, canonical, each once, in order: of the subject alternative name, and
// common names where they are such. All of them, however many.
[[nodiscard]] std::vector<std::string> identities(
    std::span<const x509::Name> names);

// Facts from the certificate's fields alone: no SCTs, no issuer key.
// `tbs_sha256` is left to the caller.
[[nodiscard]] alerts::CertificateFacts field_facts(
    const x509::Certificate& certificate);

// Facts of a final certificate. `issuer` counts only if it is proven.
[[nodiscard]] alerts::CertificateFacts final_facts(
    const x509::Certificate& certificate, std::optional<ByteView> issuer,
    const KnownLogs& logs);

// The organisation or common name of an issuer, or else its whole name.
[[nodiscard]] std::string issuer_name(ByteView distinguished_name);

}  // namespace ct::monitor
