// IDNA conformance vectors and real lists of domains.
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/catch.h"
#include "tests/support/shared_data.h"
#include "x509/names.h"

namespace ct::x509 {
namespace {

// What canonical_host refuses or leaves alone on purpose, while a browser's
// URL parser would go on: no host of a watch.
bool beyond_us(std::string_view input) {
  return input.empty() || input.ends_with('.') || parse_ip(input) ||
         input.find_first_of("/:@?*%#<>[]\\^|`{} !\"$&'()+,;=~") != input.npos;
}

// Inputs that are not text are written as lone surrogates, which no JSON
// parser takes: those vectors are spoilt, and their inputs refused.
std::string without_lone_surrogates(std::string text) {
  const auto is_surrogate = [&](std::size_t at, std::string_view kinds) {
    return at + 4 <= text.size() && text.compare(at, 3, "\\ud") == 0 &&
           kinds.find(text[at + 3]) != kinds.npos;
  };
  for (std::size_t at = text.find("\\ud"); at != text.npos;
       at = text.find("\\ud", at)) {
    if (is_surrogate(at, "89ab") && is_surrogate(at + 6, "cdef")) {
      at += 12;
    } else if (is_surrogate(at, "89abcdef")) {
      text.replace(at, 6, 6, ':');
    } else {
      at += 6;
    }
  }
  return text;
}

struct Agreement {
  unsigned agreed = 0;  // converted alike, or both refused
  unsigned stricter = 0, looser = 0, differing = 0;
};

Agreement check_vectors(const std::string& file) {
  const auto vectors = nlohmann::json::parse(
      without_lone_surrogates(test::shared_file("domains/wpt/" + file)));
  Agreement out;
  for (const auto& v : vectors) {
    if (!v.is_object()) continue;
    const auto input = v["input"].get<std::string>();
    if (beyond_us(input)) continue;
    CAPTURE(input);
    const auto host = canonical_host(input);
    if (host) CHECK(canonical_host(*host) == *host);
    if (v["output"].is_null()) {
      (host ? out.looser : out.agreed) += 1;
    } else if (!host) {
      ++out.stricter;
    } else {
      (*host == v["output"].get<std::string>() ? out.agreed : out.differing) +=
          1;
    }
  }
  return out;
}

// Stricter: lengths of RFC 1035, hyphens in the third and fourth place, and
// characters younger than the Unicode of libidn2. Looser: A-labels are kept
// as they are. Differing: capital sharp s, of which Unicode changed its mind,
// and a trailing dot, which we drop.
TEST_CASE("IDNA vectors convert as in browsers", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const Agreement own = check_vectors("toascii.json");
  CHECK(own.agreed >= 55);
  CHECK(own.differing <= 2);
  const Agreement v2 = check_vectors("IdnaTestV2.json");
  CHECK(v2.agreed > 2000);
  CHECK(v2.differing <= 20);
}

TEST_CASE("real domains are canonical and have a registrable part",
          "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  std::istringstream in(test::shared_file("domains/opendns-top-domains.txt"));
  unsigned count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty()) continue;
    CAPTURE(line);
    ++count;
    CHECK(is_canonical_host(line));
    CHECK(canonical_host(line) == line);
    const std::string domain = registrable_domain("www." + line);
    CHECK((domain == line || ("www." + line).ends_with(domain)));
    if (!is_public_suffix(line)) {
      CHECK(registrable_domain(line) == registrable_domain("www." + line));
    }
  }
  CHECK(count > 9000);
}

TEST_CASE("punycode of phishing lists is shown and kept", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  const auto list =
      nlohmann::json::parse(test::shared_file("domains/phishing-eth.json"));
  unsigned shown = 0;
  for (const auto& entry : list["blacklist"]) {
    const auto name = entry.get<std::string>();
    if (!name.starts_with("xn--")) continue;
    CAPTURE(name);
    CHECK(canonical_host(name) == name);
    const std::string display = display_host(name);
    CHECK(display.starts_with(name));
    if (display == name) continue;
    ++shown;
    // What is shown converts back to the same name.
    const auto open = display.find(" (");
    REQUIRE(open == name.size());
    CHECK(canonical_host(display.substr(open + 2, display.size() - open - 3)) ==
          name);
  }
  CHECK(shown > 100);
}

// The rules of the list itself, as far as the installed one has them, too.
TEST_CASE("rules of the Public Suffix List hold", "[x509][recorded]") {
  if (!test::have_shared_data()) return;
  std::istringstream in(test::shared_file("domains/public_suffix_list.dat"));
  unsigned rules = 0, newer = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with("//")) continue;
    const bool exception = line.starts_with('!');
    const bool wildcard = line.starts_with("*.");
    const auto rule = canonical_host(exception  ? line.substr(1)
                                     : wildcard ? line.substr(2)
                                                : line);
    CAPTURE(line);
    REQUIRE(rule);
    ++rules;
    if (exception) {
      newer += is_public_suffix(*rule);
    } else {
      newer += !is_public_suffix(wildcard ? "any." + *rule : *rule);
    }
  }
  CHECK(rules > 9000);
  // The recorded list is of 2026, the installed one may be of 2023.
  CHECK(newer < rules / 4);
}

}  // namespace
}  // namespace ct::x509
