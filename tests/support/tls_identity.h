// TlsIdentity: a key and a certificate for servers on loopback.
#pragma once

#include <openssl/types.h>

#include <string>

namespace ct::test {

// Self-signed, for localhost, 127.0.0.1 and ::1, valid around now. Its PEM
// file, which is removed with it, is what a client must trust.
class TlsIdentity {
 public:
  TlsIdentity();
  ~TlsIdentity();
  TlsIdentity(const TlsIdentity&) = delete;
  TlsIdentity& operator=(const TlsIdentity&) = delete;

  [[nodiscard]] X509* certificate() const { return certificate_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_; }
  [[nodiscard]] const std::string& ca_file() const { return ca_file_; }

 private:
  EVP_PKEY* key_;
  X509* certificate_;
  std::string ca_file_;
};

}  // namespace ct::test
