#include "monitor/history_text.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace ct::monitor {
namespace {

using nlohmann::json;

TEST_CASE("JSON of a certificate is ASCII, whatever was put into it",
          "[monitor][history_text]") {
  sql::HistoryCertificate c;
  c.issuer = "O=\"\\\n\x7f\xc3\xa9\xe2\x80\xae\xf0\x9f\x94\x92 \xff\xc3";
  c.names = {"a.example", "\\cut"};
  const std::string text = history_json(c, "b\xc3\xbc", {});
  CHECK(std::all_of(text.begin(), text.end(),
                    [](char x) { return x >= ' ' && x < 0x7f; }));
  const json parsed = json::parse(text);
  CHECK(parsed["issuer"] ==
        "O=\"\\\n\x7f\xc3\xa9\xe2\x80\xae\xf0\x9f\x94\x92 "
        "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(parsed["query"] == "b\xc3\xbc");
  CHECK(parsed["names"] == json::array({"a.example"}));
  CHECK(parsed["names_cut"] == true);
  CHECK(parsed["issuer_spki_sha256"] == nullptr);
  CHECK(parsed["first_logged"] == nullptr);
  CHECK(parsed["sightings"] == json::array());
}

TEST_CASE("messages call a certificate by name and hash, safe to print",
          "[monitor][history_text]") {
  sql::HistoryCertificate c;
  c.sha256.fill(0xab);
  std::string hash;
  while (hash.size() < 64) hash += "ab";
  CHECK(certificate_title(c) == "a certificate without names (" + hash + ")");
  c.names = {"a\x1b[1m.example", "b.example"};
  const std::string title = certificate_title(c);
  CHECK(title.ends_with(".example (" + hash + ")"));
  CHECK(title.find('\x1b') == std::string::npos);
}

TEST_CASE("an issuer is said in few words", "[monitor][history_text]") {
  CHECK(short_issuer("C=US, O=Let's Encrypt, CN=R11") == "Let's Encrypt R11");
  CHECK(short_issuer("O=DigiCert, CN=DigiCert CA 1") == "DigiCert CA 1");
  CHECK(short_issuer("O=A\\, B") == "A, B");
  CHECK(short_issuer("C=US") == "C=US");
  CHECK(short_issuer("").empty());
}

}  // namespace
}  // namespace ct::monitor
