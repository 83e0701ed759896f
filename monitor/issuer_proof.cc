#include "monitor/issuer_proof.h"

#include <mbedtls/md.h>
#include <mbedtls/pk.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>

namespace ct::monitor {
namespace {

constexpr mbedtls_md_type_t kHashes[] = {MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384,
                                         MBEDTLS_MD_SHA512};

struct Algorithm {
  mbedtls_pk_type_t key;                  // type of signature
  std::optional<mbedtls_md_type_t> hash;  // nullopt: in parameters
};

// RFC 4055, RFC 5758.
std::optional<Algorithm> algorithm_of(ByteView oid) {
  using namespace std::string_view_literals;
  const std::string_view id = as_text(oid);
  constexpr auto kPkcs1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01"sv;
  if (id.starts_with(kPkcs1) && id.size() == kPkcs1.size() + 1) {
    switch (id.back()) {
      case 0x0a:
        return Algorithm{MBEDTLS_PK_RSASSA_PSS, std::nullopt};
      case 0x0b:
        return Algorithm{MBEDTLS_PK_RSA, MBEDTLS_MD_SHA256};
      case 0x0c:
        return Algorithm{MBEDTLS_PK_RSA, MBEDTLS_MD_SHA384};
      case 0x0d:
        return Algorithm{MBEDTLS_PK_RSA, MBEDTLS_MD_SHA512};
      default:
        return std::nullopt;
    }
  }
  constexpr auto kEcdsaSha2 = "\x2a\x86\x48\xce\x3d\x04\x03"sv;
  if (id.starts_with(kEcdsaSha2) && id.size() == kEcdsaSha2.size() + 1) {
    switch (id.back()) {
      case 2:
        return Algorithm{MBEDTLS_PK_ECDSA, MBEDTLS_MD_SHA256};
      case 3:
        return Algorithm{MBEDTLS_PK_ECDSA, MBEDTLS_MD_SHA384};
      case 4:
        return Algorithm{MBEDTLS_PK_ECDSA, MBEDTLS_MD_SHA512};
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

class PublicKey {
 public:
  PublicKey() { mbedtls_pk_init(&pk_); }
  ~PublicKey() { mbedtls_pk_free(&pk_); }
  PublicKey(const PublicKey&) = delete;
  PublicKey& operator=(const PublicKey&) = delete;

  [[nodiscard]] bool parse(ByteView spki) {
    auto* p = const_cast<unsigned char*>(spki.data());
    const unsigned char* const end = p + spki.size();
    return mbedtls_pk_parse_subpubkey(&p, end, &pk_) == 0 && p == end;
  }

  [[nodiscard]] bool verify(const Algorithm& algorithm, mbedtls_md_type_t md,
                            ByteView message, ByteView signature) {
    const auto* info = mbedtls_md_info_from_type(md);
    std::array<unsigned char, MBEDTLS_MD_MAX_SIZE> digest;
    if (info == nullptr ||
        mbedtls_md(info, message.data(), message.size(), digest.data()) != 0) {
      return false;
    }
    mbedtls_pk_rsassa_pss_options pss{};
    pss.mgf1_hash_id = md;
    pss.expected_salt_len = MBEDTLS_RSA_SALT_LEN_ANY;
    const bool is_pss = algorithm.key == MBEDTLS_PK_RSASSA_PSS;
    return mbedtls_pk_verify_ext(algorithm.key, is_pss ? &pss : nullptr, &pk_,
                                 md, digest.data(), mbedtls_md_get_size(info),
                                 signature.data(), signature.size()) == 0;
  }

 private:
  mbedtls_pk_context pk_;
};

}  // namespace

IssuerProof prove_issuer(const x509::Certificate& certificate,
                         const x509::Certificate& issuer) {
  if (!std::ranges::equal(certificate.issuer, issuer.subject)) {
    return IssuerProof::kRefuted;
  }
  const auto algorithm = algorithm_of(certificate.signature_algorithm_oid);
  PublicKey key;
  if (!algorithm || !key.parse(issuer.key.spki)) {
    return IssuerProof::kUnsupported;
  }
  const auto holds = [&](mbedtls_md_type_t md) {
    return key.verify(*algorithm, md, certificate.tbs, certificate.signature);
  };
  // The hash of a PSS signature stands in parameters that we do not read: a
  // signature that holds under any of them was made by the key.
  const bool proven = algorithm->hash ? holds(*algorithm->hash)
                                      : std::ranges::any_of(kHashes, holds);
  return proven ? IssuerProof::kProven : IssuerProof::kRefuted;
}

}  // namespace ct::monitor
