#include "x509/names.h"

#include <thread>

#include "base/hex.h"
#include "tests/support/catch.h"
#include "tests/support/made_certificate.h"

namespace ct::x509 {
namespace {

using Strings = std::vector<std::string>;
using namespace std::string_literals;

Strings readings(std::string_view raw) { return host_readings(as_bytes(raw)); }

bool holds(const Strings& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

TEST_CASE("canonical hosts are known at a glance", "[x509][names]") {
  for (const char* good :
       {"example.com", "*.example.com", "a", "_dmarc.example.com",
        "xn--mnchen-3ya.de", "192.0.2.1", "f*o.example.com"}) {
    CAPTURE(good);
    CHECK(is_canonical_host(good));
    CHECK(readings(good) == Strings{good});
  }
  for (const char* bad :
       {"", ".", "example.com.", ".example.com", "a..b", "Example.com", "a b",
        "a:443", "m\xc3\xbcnchen.de", "a/b", "?.example.com"}) {
    CAPTURE(bad);
    CHECK_FALSE(is_canonical_host(bad));
  }
}

TEST_CASE("an odd spelling still reads as the name", "[x509][names]") {
  struct Case {
    std::string raw;
    Strings expected;
  };
  const auto c = GENERATE(
      Case{"EXAMPLE.com", {"example.com"}},
      Case{"example.com.", {"example.com"}},
      Case{"..example..com..", {"example.com"}},
      Case{" example.com\r\n", {"example.com"}},
      Case{"https://example.com/path?q=1", {"example.com"}},
      Case{"http://user@example.com:8443/", {"example.com"}},
      Case{"example.com:443", {"example.com"}},
      Case{"example.com/path", {"example.com"}},
      Case{"alice@example.com", {"example.com"}},
      Case{"*.Example.com", {"*.example.com"}},
      Case{"?.example.com", {"?.example.com"}},
      Case{"www(1).example.com", {"?.example.com"}},
      Case{"www.bank.com\0.evil.com"s, {"www.bank.com", "www.bank.?.evil.com"}},
      Case{"a.com, b.com", {"a.com", "b.com", "a.comb.com"}},
      Case{"example .com", {"example.com"}}, Case{"Let's Encrypt", {}},
      Case{"John F. Smith", {"johnf.smith"}}, Case{"localhost ", {"localhost"}},
      Case{"[2001:DB8::1]", {"2001:db8::1"}},
      Case{"2001:DB8:0::1", {"2001:db8::1"}}, Case{"", {}}, Case{" ", {}},
      Case{"...", {}}, Case{"\0"s, {"?"}});
  CAPTURE(c.raw);
  CHECK(readings(c.raw) == c.expected);
}

TEST_CASE("raw UTF-8 and Latin-1 become A-labels", "[x509][names]") {
  CHECK(holds(readings("m\xc3\xbcnchen.de"), "xn--mnchen-3ya.de"));
  CHECK(readings("m\xfcnchen.de") == Strings{"xn--mnchen-3ya.de"});
  CHECK(holds(readings("M\xc3\x9cNCHEN.DE"), "xn--mnchen-3ya.de"));
  // Ideographic and full-width dots, full-width letters.
  CHECK(holds(readings("example\xe3\x80\x82"
                       "com"),
              "example.com"));
  CHECK(holds(readings("\xef\xbd\x85xample\xef\xbc\x8e"
                       "com"),
              "example.com"));
  // U+2024 maps to a full stop.
  CHECK(holds(readings("example\xe2\x80\xa4"
                       "com"),
              "example.com"));
  // A soft hyphen is mapped to nothing.
  CHECK(holds(readings("exam\xc2\xadple.com"), "example.com"));
  // An unassigned code point spoils its own label only.
  CHECK(readings("\xf4\x8f\xbf\xbf.example.com").front() == "?.example.com");
}

TEST_CASE("a host is found in a URI", "[x509][names]") {
  const auto host = [](std::string_view uri) {
    return uri_host(as_bytes(uri)).value_or("none");
  };
  CHECK(host("https://Example.com/x") == "example.com");
  CHECK(host("https://example.com") == "example.com");
  CHECK(host("ldap://u:p@example.com:389/cn=x?y") == "example.com");
  CHECK(host("https://example.com?q") == "example.com");
  CHECK(host("https://ex%61mple.com/") == "example.com");
  CHECK(host("https://[2001:DB8::1]:443/") == "2001:db8::1");
  CHECK(host("https://192.0.2.1/") == "192.0.2.1");
  CHECK(host("sip:alice@example.com;transport=tls") == "example.com");
  CHECK(host("mailto:a@example.com?subject=x@y.z") == "example.com");
  CHECK(host("spiffe://trust.example/workload") == "trust.example");
  CHECK(host("urn:uuid:1234") == "none");
  CHECK(host("example.com") == "none");
  CHECK(host("https:///path") == "none");
  CHECK(host("") == "none");
}

TEST_CASE("what a user types becomes canonical", "[x509][names]") {
  struct Case {
    std::string typed, canonical;
  };
  const auto c = GENERATE(
      Case{"Example.COM", "example.com"}, Case{"example.com.", "example.com"},
      Case{" example.com ", "example.com"},
      Case{"*.example.com", "*.example.com"},
      Case{"m\xc3\xbcnchen.de", "xn--mnchen-3ya.de"},
      Case{"XN--MNCHEN-3YA.de", "xn--mnchen-3ya.de"},
      Case{"fa\xc3\x9f.de", "xn--fa-hia.de"},
      Case{"_sip.example.com", "_sip.example.com"},
      // An emoji domain, as only IDNA2003 and UTS #46 allow it.
      Case{"\xe2\x98\x95.example", "xn--53h.example"},
      Case{"localhost", "localhost"}, Case{"com", "com"});
  CAPTURE(c.typed);
  const auto host = canonical_host(c.typed);
  REQUIRE(host);
  CHECK(*host == c.canonical);
  CHECK(is_canonical_host(*host));
  CHECK(canonical_host(*host) == c.canonical);
}

TEST_CASE("what is no host name is refused with its reason", "[x509][names]") {
  struct Case {
    std::string typed, why;
  };
  const auto c = GENERATE(
      Case{"", "it is empty"}, Case{"  ", "it is empty"},
      Case{".", "it has an empty label"},
      Case{"\xe2\x80\x8d.example", "it has an empty label"},
      Case{"a..b", "it has an empty label"},
      Case{".example.com", "it has an empty label"},
      Case{"192.0.2.1", "it is an IP address"},
      Case{"2001:db8::1", "it is an IP address"},
      Case{"https://example.com/", "give the host alone"},
      Case{"example.com:443", "give the host alone"},
      Case{"a@example.com", "give the host alone"},
      Case{"exa mple.com", "a label holds characters"},
      Case{"example.com\0.org"s, "a label holds characters"},
      Case{"?.example.com", "a label holds characters"},
      Case{"www.*.com", "can only be the whole first label"},
      Case{"w*.example.com", "can only be the whole first label"},
      Case{"*", "can only be the whole first label"},
      Case{"\xff.com", "it is not UTF-8"},
      Case{std::string(64, 'a') + ".com", "a label is over 63 characters"},
      Case{"a." + std::string(62, 'b') + "." + std::string(62, 'c') + "." +
               std::string(62, 'd') + "." + std::string(63, 'e'),
           "it is over 253 characters"},
      Case{"\xf4\x8f\xbf\xbf.com", "a label holds characters"});
  CAPTURE(c.typed);
  const auto host = canonical_host(c.typed);
  REQUIRE_FALSE(host);
  CHECK(host.error().code == Errc::kUsage);
  CHECK_THAT(host.error().what, ContainsSubstring(c.why));
}

TEST_CASE("a refused name cannot disturb the terminal", "[x509][names]") {
  const auto host = canonical_host("a\x1b[2J b");
  REQUIRE_FALSE(host);
  CHECK(host.error().what.find('\x1b') == std::string::npos);
}

TEST_CASE("people are shown U-labels beside the original", "[x509][names]") {
  CHECK(display_host("example.com") == "example.com");
  CHECK(display_host("xn--mnchen-3ya.de") ==
        "xn--mnchen-3ya.de (m\xc3\xbcnchen.de)");
  CHECK(display_host("*.xn--mnchen-3ya.de") ==
        "*.xn--mnchen-3ya.de (*.m\xc3\xbcnchen.de)");
  // Undecodable labels stay as they are.
  CHECK(display_host("xn--a.de") == "xn--a.de");
  CHECK(display_host("") == "");
}

TEST_CASE("public suffixes and registrable domains", "[x509][names]") {
  CHECK(is_public_suffix("com"));
  CHECK(is_public_suffix("co.uk"));
  CHECK(is_public_suffix("*.com"));
  CHECK(is_public_suffix("github.io"));         // private part
  CHECK(is_public_suffix("xn--55qx5d.cn"));     // an IDN suffix
  CHECK(is_public_suffix("anything.ck"));       // *.ck
  CHECK_FALSE(is_public_suffix("www.ck"));      // !www.ck
  CHECK(is_public_suffix("not-a-listed-tld"));  // the default rule
  CHECK_FALSE(is_public_suffix("example.com"));
  CHECK_FALSE(is_public_suffix("example.co.uk"));

  CHECK(registrable_domain("a.b.example.co.uk") == "example.co.uk");
  CHECK(registrable_domain("example.com") == "example.com");
  CHECK(registrable_domain("*.example.com") == "example.com");
  CHECK(registrable_domain("x.user.github.io") == "user.github.io");
  CHECK(registrable_domain("com") == "");
  CHECK(registrable_domain("*.co.uk") == "");
  CHECK(registrable_domain("?.example.com") == "example.com");
  CHECK(registrable_domain("a.xn--55qx5d.cn") == "a.xn--55qx5d.cn");
  CHECK(registrable_domain("") == "");
}

TEST_CASE("the suffix list serves many threads", "[x509][names]") {
  std::vector<std::thread> threads;
  std::array<int, 4> right{};
  for (int& count : right) {
    threads.emplace_back([&count] {
      for (int i = 0; i < 500; ++i) {
        count += registrable_domain("a.example.co.uk") == "example.co.uk";
        count += readings("m\xc3\xbcnchen.de").size() == 1;
        count += canonical_organization("\xc3\x84 B") == "\xc3\xa4 b";
      }
    });
  }
  for (auto& t : threads) t.join();
  for (const int count : right) CHECK(count == 1500);
}

TEST_CASE("addresses are read and written", "[x509][names]") {
  const auto again = [](std::string_view text) {
    const auto ip = parse_ip(text);
    return ip ? format_ip(*ip) : "none";
  };
  CHECK(again("192.0.2.1") == "192.0.2.1");
  CHECK(again("2001:DB8:0:0::1") == "2001:db8::1");
  CHECK(again("::ffff:192.0.2.1") == "::ffff:192.0.2.1");
  CHECK(again("192.0.2") == "none");
  CHECK(again("192.0.2.256") == "none");
  CHECK(again("192.0.2.1 ") == "none");
  CHECK(again("192.0.2.1\0"s) == "none");
  CHECK(again("fe80::1%eth0") == "none");
  CHECK(again("") == "none");
  CHECK(again(std::string(1000, '1')) == "none");

  CHECK(format_ip(*ip_from_octets(*from_hex("c0000201"))) == "192.0.2.1");
  CHECK(format_ip(*ip_from_octets(
            *from_hex("20010db8000000000000000000000001"))) == "2001:db8::1");
  CHECK_FALSE(ip_from_octets(*from_hex("c00002")));
  CHECK_FALSE(ip_from_octets(*from_hex("c0000200ffffff00")));
  CHECK_FALSE(ip_from_octets({}));
}

TEST_CASE("organisations compare without case and spacing", "[x509][names]") {
  CHECK(canonical_organization("EXAMPLE  Ltd ") == "example ltd");
  CHECK(canonical_organization("\tExample\xc2\xa0Ltd") == "example ltd");
  CHECK(canonical_organization("STRA\xc3\x9f"
                               "E") == canonical_organization("strasse"));
  CHECK(canonical_organization("\xd0\x9f\xd0\xa0") ==
        canonical_organization("\xd0\xbf\xd1\x80"));
  CHECK(canonical_organization("\xce\xa3") ==
        canonical_organization("\xcf\x82"));
  CHECK(canonical_organization("a\xff") == "a\xef\xbf\xbd");
  CHECK(canonical_organization(" ") == "");
}

// The name within a certificate's bytes, as a string of each width.
Bytes widened(std::string_view name, std::size_t width) {
  Bytes out;
  for (const char c : name) {
    put_uint(out, static_cast<std::uint8_t>(c), width);
  }
  return out;
}

TEST_CASE("names are found in bytes of any string type", "[x509][names]") {
  const auto width = GENERATE(1u, 2u, 4u);
  const auto shift = GENERATE(0u, 1u, 2u, 3u);
  const std::string_view name = "www.example.com";
  CAPTURE(width, shift);
  const std::uint8_t tag = width == 1 ? 0x0c : width == 2 ? 0x1e : 0x1c;
  Bytes in(shift, 0x80);
  put_bytes(in, der::sequence({der::set({der::sequence(
                                   {der::oid("2.5.4.3"),
                                    der::element(tag, widened(name, width))})}),
                               der::sequence({der::integer(7)})}));
  CHECK(holds(names_in_bytes(in), name));
}

TEST_CASE("DER around a name does not hide it", "[x509][names]") {
  // Every length up to 130, so that every letter serves as a length octet in
  // front, and as one behind.
  for (std::size_t n = 4; n < 130; ++n) {
    const std::string name =
        std::string(std::min<std::size_t>(n - 3, 60), 'a') +
        (n > 63 ? "." + std::string(n - 63, 'b') : "") + ".de";
    CAPTURE(name);
    const Bytes filler = der::octet_string(Bytes(n - 2, 0xff));
    const Bytes in = der::sequence(
        {der::sequence({test::dns(name)}),
         der::sequence({der::utf8_string(name), der::sequence({filler}),
                        der::utf8_string(name), der::set({filler})})});
    CHECK(holds(names_in_bytes(in), name));
    // In a subject, with another attribute behind it.
    const Bytes subject = test::name(
        {test::cn(name),
         der::rdn("2.5.4.10", der::utf8_string(std::string(n, 'x')))});
    CHECK(holds(names_in_bytes(subject), name));
  }
}

TEST_CASE("the name survives in a certificate broken anywhere",
          "[x509][names]") {
  const Bytes good = test::MadeCertificate().certificate();
  const std::string_view text = as_text(good);
  const std::size_t at = text.find("www.example.com");
  for (std::size_t i = 0; i < good.size(); i += 3) {
    if (i + 2 >= at && i < at + 40) continue;  // not within the name itself
    Bytes bad = good;
    bad[i] = 0x80;
    CAPTURE(i);
    CHECK(holds(names_in_bytes(bad), "www.example.com"));
  }
}

TEST_CASE("names in bytes: IDN, e-mail, wildcards", "[x509][names]") {
  const auto found = [](std::string_view name) {
    return names_in_bytes(der::sequence({der::utf8_string(name)}));
  };
  CHECK(holds(found("m\xc3\xbcnchen.de"), "xn--mnchen-3ya.de"));
  CHECK(holds(found("m\xfcnchen.de"), "xn--mnchen-3ya.de"));
  CHECK(holds(found("alice@example.com"), "example.com"));
  CHECK(holds(found("*.example.com"), "*.example.com"));
  CHECK(holds(found("https://Example.com/x"), "example.com"));
  CHECK(holds(found("example.com\0evil"s), "example.com"));
  // UTF-16 with a letter beyond Latin-1: "ж.рф".
  CHECK(holds(names_in_bytes(*from_hex("1e08"
                                       "0436"
                                       "002e"
                                       "0440"
                                       "0444")),
              "xn--f1a.xn--p1ai"));
}

TEST_CASE("names in bytes are bounded", "[x509][names]") {
  std::string many;
  for (int i = 0; i < 10000; ++i) many += "n" + std::to_string(i) + ".example ";
  CHECK(names_in_bytes(as_bytes(many)).size() == 4096);
  CHECK(names_in_bytes({}).empty());
  CHECK(names_in_bytes(Bytes(100000, '.')).empty());
  CHECK(names_in_bytes(Bytes(100000, 'a')).empty());
  CHECK(names_in_bytes(Bytes(100000, 0xff)).empty());

  // Flooded with what is dear to convert, the plain name is still found. This
  // took a minute for each megabyte before work was bounded.
  Bytes flood;
  while (flood.size() < 300000) {
    put_bytes(flood, *from_hex("304e312d303b002e3131304e"));
  }
  put_bytes(flood, der::utf8_string("plain.example.com"));
  CHECK(holds(names_in_bytes(flood), "plain.example.com"));
}

}  // namespace
}  // namespace ct::x509
