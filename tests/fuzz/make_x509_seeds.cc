// Writes the seeds of the x509 fuzz targets: make_x509_seeds CORPUS-FOLDER.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/made_certificate.h"

namespace {

using namespace ct;
using test::MadeCertificate;
namespace der = x509::der;

std::filesystem::path corpus;

void write(const char* target, const char* name, ByteView content) {
  std::filesystem::create_directories(corpus / target);
  std::ofstream out(corpus / target / name, std::ios::binary);
  out << as_text(content);
}

MadeCertificate with_every_name() {
  MadeCertificate m;
  const Bytes upn = der::concat(
      {der::oid("1.3.6.1.4.1.311.20.2.3"),
       der::context_constructed(0, der::utf8_string("u@corp.example"))});
  m.subject = test::name(
      {der::rdn("2.5.4.10", der::printable_string("Org")), test::cn("a.b"),
       der::rdn("1.2.840.113549.1.9.1", der::ia5_string("x@y.z")),
       der::rdn("2.5.4.3", der::element(0x1e, Bytes{0, 'a', 0, '.', 0, 'b'}))});
  m.extensions = {test::san(
      {test::dns("d.example"), test::email("e@example.com"),
       test::uri("https://u.example/"), test::ip("c0000201"),
       der::context_constructed(4, test::name({test::cn("dir.example")})),
       der::context_constructed(0, upn)})};
  return m;
}

void certificates() {
  const char* const target = "x509_certificate";
  const MadeCertificate plain;
  write(target, "plain", plain.certificate());
  write(target, "tbs", plain.tbs());
  write(target, "realistic", test::realistic_certificate().certificate());
  write(target, "every_name", with_every_name().certificate());

  MadeCertificate precert;
  precert.extensions = {test::authority_key_id(1), test::poison(),
                        test::san({test::dns("a.example")})};
  precert.unique_ids = der::context(1, Bytes{0, 1});
  write(target, "precert", precert.certificate());

  MadeCertificate ca;
  ca.spki = test::rsa_spki(1024);
  ca.extensions = {
      test::basic_constraints(true), test::authority_key_id(3),
      der::extension("2.5.29.37", false,
                     der::sequence({der::oid("1.3.6.1.4.1.11129.2.4.4")}))};
  write(target, "precert_signing_ca", ca.certificate());

  const Bytes request = der::sequence(
      {der::oid("1.2.840.113549.1.9.14"),
       der::set({der::sequence({test::san({test::dns("csr.example")})})})});
  write(
      target, "csr",
      der::sequence({der::sequence({der::integer(0), plain.subject, plain.spki,
                                    der::context_constructed(0, request)}),
                     plain.algorithm, der::bit_string(Bytes(8, 1))}));
}

void names() {
  const auto text = [](const char* name, std::string_view content) {
    write("x509_names", name, as_bytes(content));
  };
  text("host", "www.example.com");
  text("wildcard", "*.Example.COM.");
  text("url", "https://user@example.com:443/path?q#f");
  text("utf8", "m\xc3\xbcnchen.de");
  text("latin1", "m\xfcnchen.de");
  text("a_label", "xn--mnchen-3ya.de");
  text("symbol", "\xe2\x98\x95.example");
  text("dots",
       "a\xe3\x80\x82"
       "b\xef\xbc\x8e"
       "c");
  text("nul", std::string_view("bank.example\0.evil.example", 26));
  text("list", "a.example, b.example;c.example");
  text("mailto", "mailto:alice@example.com?subject=x");
  text("address", "2001:db8::192.0.2.1");
  text("organization",
       "Stra\xc3\x9f"
       "e \xce\xa3\xcf\x82  Ltd");
  write("x509_names", "utf16",
        der::element(0x1e, Bytes{0, 'a', 0, '.', 0, 'd', 0, 'e'}));
  write("x509_names", "subject",
        test::name({test::cn("a.example.com"), test::cn("b.example.org")}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make_x509_seeds CORPUS-FOLDER\n");
    return 2;
  }
  corpus = argv[1];
  certificates();
  names();
  return 0;
}
