// LocalCa: a small certification authority, for the demo and the tests.
//
// A root, an intermediate that issues, and a precertificate signing CA below
// the intermediate (RFC 6962, section 3.1). Everything is built here from DER
// up, so that certificates broken on purpose are as easy as good ones.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "monitor/demo/signing_key.h"

namespace ct::monitor::demo {

// One subject alternative name, as encoded (RFC 5280, section 4.2.1.6).
struct GeneralName {
  std::uint8_t tag = 0;
  Bytes body;
};
[[nodiscard]] GeneralName dns_name(std::string_view name);
[[nodiscard]] GeneralName email_name(std::string_view address);
[[nodiscard]] GeneralName uri_name(std::string_view uri);
[[nodiscard]] GeneralName ip_name(ByteView octets);
[[nodiscard]] GeneralName directory_name(ByteView distinguished_name);
[[nodiscard]] std::vector<GeneralName> dns_names(
    std::initializer_list<std::string_view> names);

// DER Name, UTF8String attributes; an empty argument leaves its part out.
[[nodiscard]] Bytes distinguished_name(std::string_view organization,
                                       std::string_view common_name);

// What is not given is filled in; bytes are taken as they are, valid or not.
struct CertificateSpec {
  std::vector<GeneralName> names;  // empty: no SAN extension
  std::string organization;
  std::string common_name;
  Bytes subject;                  // DER Name, in place of the two above
  Seconds not_before = 0;         // 0: an hour ago
  Seconds not_after = 0;          // 0: 90 days in all
  Bytes serial;                   // contents octets; empty: 16 random ones
  std::optional<SigningKey> key;  // none: one of the CA's own, the same always
  Bytes extensions;               // further Extensions, DER, one behind another
  // Last change to every TBSCertificate before it is signed.
  std::function<Bytes(Bytes tbs)> mangle;
};

// A certificate on its way from precertificate to final.
struct Issuance {
  Bytes precertificate;
  Bytes tbs;  // neither poison nor SCTs: what logs hash
  Hash issuer_key_hash{};
  std::vector<Bytes> chain;  // of the precertificate, root last

  // Of the final TBSCertificate: all before the extensions, and they.
  Bytes fields, extensions;
  std::function<Bytes(Bytes tbs)> mangle;
};

enum class PrecertSigner { kIssuer, kPrecertSigningCa };

// What a TLS server needs.
struct TlsIdentity {
  std::vector<Bytes> chain;  // leaf first, without the root
  SigningKey key;
};

// Constant after construction; safe from any thread.
class LocalCa {
 public:
  struct Options {
    std::string organization = "Demo Trust";
    SigningKey::Kind key = SigningKey::Kind::kP256;
  };
  explicit LocalCa(const Options& options);

  [[nodiscard]] const Bytes& root() const { return root_; }
  [[nodiscard]] const Bytes& intermediate() const { return intermediate_; }
  [[nodiscard]] const Bytes& precert_signing_ca() const {
    return precert_signer_;
  }
  [[nodiscard]] const SigningKey& intermediate_key() const {
    return intermediate_key_;
  }
  // Chain of a final certificate: intermediate, root.
  [[nodiscard]] std::vector<Bytes> chain() const;

  // A final certificate without SCTs.
  [[nodiscard]] Bytes issue(const CertificateSpec& spec) const;
  // A precertificate, and all that finish() needs.
  [[nodiscard]] Issuance precertify(
      const CertificateSpec& spec,
      PrecertSigner signer = PrecertSigner::kIssuer) const;
  // The final certificate, with a list of these serialized SCTs.
  [[nodiscard]] Bytes finish(const Issuance& issuance,
                             std::span<const Bytes> scts) const;
  // Certificate of the issuing CA around any bytes as TBSCertificate.
  [[nodiscard]] Bytes sign_tbs(ByteView tbs) const;

  // PKCS #10 request for the names, subject and key of `spec`.
  [[nodiscard]] Bytes csr(const CertificateSpec& spec) const;

  // For "localhost", 127.0.0.1, ::1 and `more` DNS names; a key of its own.
  [[nodiscard]] TlsIdentity tls_identity(
      std::initializer_list<std::string_view> more = {}) const;

  [[nodiscard]] std::string root_pem() const;
  // kUsage: the file cannot be written.
  [[nodiscard]] Result<void> write_root_pem(const std::string& path) const;

 private:
  // An issuer as certificates name it.
  struct Issuer {
    ByteView subject;
    const SigningKey& key;
  };
  Bytes fields(const CertificateSpec& spec, const Issuer& issuer) const;
  Bytes extensions(const CertificateSpec& spec, const Issuer& issuer) const;
  Bytes ca_certificate(ByteView subject, const SigningKey& key,
                       const Issuer& issuer, bool precert_signing) const;

  SigningKey root_key_, intermediate_key_, precert_key_, subject_key_;
  Bytes root_name_, intermediate_name_, precert_name_;
  Bytes root_, intermediate_, precert_signer_;
};

}  // namespace ct::monitor::demo
