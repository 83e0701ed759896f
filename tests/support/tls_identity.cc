#include "tests/support/tls_identity.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "tests/support/catch.h"

namespace ct::test {
namespace {

void add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension =
      X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  REQUIRE(extension != nullptr);
  REQUIRE(X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

X509* self_signed(EVP_PKEY* key) {
  static long serial = 1;
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("loopback"),
                             -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_subject_alt_name,
                "DNS:localhost,IP:127.0.0.1,IP:::1");
  REQUIRE(X509_sign(certificate, key, EVP_sha256()) > 0);
  return certificate;
}

}  // namespace

TlsIdentity::TlsIdentity()
    : key_(EVP_EC_gen("P-256")), certificate_(self_signed(key_)) {
  ca_file_ = std::filesystem::temp_directory_path() / "ct_test_ca_XXXXXX";
  const int fd = ::mkstemp(ca_file_.data());
  REQUIRE(fd >= 0);
  std::FILE* const file = ::fdopen(fd, "w");
  REQUIRE(PEM_write_X509(file, certificate_) == 1);
  REQUIRE(std::fclose(file) == 0);
}

TlsIdentity::~TlsIdentity() {
  std::filesystem::remove(ca_file_);
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

}  // namespace ct::test
